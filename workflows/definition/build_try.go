package definition

import (
	"strings"

	"lazaret.dev/lazaret/workflows/expression"
)

// tryBody builds a try. Its catch expressions see the error as a variable.
func (c *checker) tryBody(t cursor, near siblings, v vars) *Try {
	catch := t.get("catch")
	as := c.variable(catch.get("as"), "error")
	inner := v.with(as)
	scope := inner.definitionScope()
	return &Try{
		Tasks: c.taskList(t.get("try"), v),
		Catch: Catch{
			Filter:     c.errorFilter(catch.get("errors").get("with")),
			As:         as,
			When:       c.expr(catch.get("when"), scope),
			ExceptWhen: c.expr(catch.get("exceptWhen"), scope),
			Retry:      c.retry(catch.get("retry"), scope),
			Do:         c.taskList(catch.get("do"), inner),
			Then:       c.catchThen(catch.get("then"), near),
		},
	}
}

func (c *checker) catchThen(cur cursor, near siblings) *Then {
	if !cur.exists() {
		return nil
	}
	then := c.then(cur, near)
	return &then
}

// filterKeys are what an error filter matches; details is the name that detail
// had up to DSL 1.0.3. The schema lets others pass, which would match nothing.
var filterKeys = []string{"type", "status", "instance", "title", "detail", "details"}

func (c *checker) errorFilter(with cursor) *ErrorFilter {
	if !with.exists() {
		return nil
	}
	for i := range with.members() {
		m := &with.node.members[i]
		if !contains(filterKeys, m.key) {
			c.reportHint(with.member(m), "catch.filter", didYouMean(m.key, filterKeys[:5]),
				"unknown filter %q: errors have type, status, instance, title and detail", preview(m.key))
		}
	}
	eachString(with, func(leaf cursor) {
		if strings.Contains(leaf.str(), "${") {
			c.warn(leaf, "catch.literal", "compare in catch.when", "an error filter is literal: %q is no expression here", preview(leaf.str()))
		}
	})
	detail := with.get("detail")
	if !detail.exists() {
		detail = with.get("details")
	}
	return &ErrorFilter{
		Type:     with.get("type").str(),
		Status:   with.get("status").number(),
		Instance: with.get("instance").str(),
		Title:    with.get("title").str(),
		Detail:   detail.str(),
	}
}

// retry builds a retry policy, written in place or by name.
func (c *checker) retry(cur cursor, scope expression.Scope) *Retry {
	policy := c.resolve(cur, "retries", "retry policy")
	if !policy.exists() {
		return nil
	}
	limit, jitter := policy.get("limit"), policy.get("jitter")
	attempts := limit.get("attempt").get("count")
	if attempts.is(numberNode) && attempts.number() < 1 {
		c.report(attempts, "retry.count", "count %s: a retry policy with a count retries at least once", preview(attempts.node.text))
	}
	r := &Retry{
		When:            c.expr(policy.get("when"), scope),
		ExceptWhen:      c.expr(policy.get("exceptWhen"), scope),
		Delay:           c.optionalDuration(policy.get("delay"), scope),
		Backoff:         backoffOf(policy.get("backoff")),
		Attempts:        attempts.number(),
		AttemptDuration: c.optionalDuration(limit.get("attempt").get("duration"), scope),
		LimitDuration:   c.optionalDuration(limit.get("duration"), scope),
		JitterFrom:      c.optionalDuration(jitter.get("from"), scope),
		JitterTo:        c.optionalDuration(jitter.get("to"), scope),
	}
	c.checkJitter(jitter, r)
	c.checkLimit(policy, r)
	return r
}

// checkLimit warns where nothing ends the retries.
func (c *checker) checkLimit(policy cursor, r *Retry) {
	if r.Attempts > 0 || r.LimitDuration != nil || r.When != nil || r.ExceptWhen != nil {
		return
	}
	c.warn(policy, "retry.endless", "give limit.attempt.count or limit.duration", "nothing ends these retries while the error lasts")
}

func (c *checker) checkJitter(jitter cursor, r *Retry) {
	from, to := r.JitterFrom, r.JitterTo
	if from == nil || to == nil || from.Dynamic != nil || to.Dynamic != nil || from.Fixed <= to.Fixed {
		return
	}
	c.report(jitter.get("to"), "retry.jitter", "jitter ends at %s, before it begins at %s", to.Fixed, from.Fixed)
}

func backoffOf(cur cursor) Backoff {
	for _, b := range []Backoff{Linear, Exponential} {
		if cur.get(string(b)).exists() {
			return b
		}
	}
	return Constant
}

// raisedError builds the error of a raise, written in place or by name.
func (c *checker) raisedError(cur cursor, scope expression.Scope) ErrorTemplate {
	e := c.resolve(cur, "errors", "error")
	status := e.get("status")
	if n := status.number(); status.is(numberNode) && (n < 100 || n > 599) {
		c.report(status, "error.status", "status %s is not between 100 and 599", preview(status.node.text))
	}
	return ErrorTemplate{
		Type:     c.template(e.get("type"), scope),
		Status:   c.template(status, scope),
		Title:    c.template(e.get("title"), scope),
		Detail:   c.template(e.get("detail"), scope),
		Instance: c.template(e.get("instance"), scope),
	}
}
