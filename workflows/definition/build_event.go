package definition

import (
	"regexp"
	"slices"
	"strings"

	"lazaret.dev/lazaret/workflows/expression"
)

// emitBody builds what a task publishes.
func (c *checker) emitBody(with cursor, v vars) *Emit {
	c.checkAttributes(with)
	for i := range with.members() {
		m := &with.node.members[i]
		if strings.HasPrefix(m.key, ReservedAttributes) {
			c.reportHint(with.member(m), "event.attribute", "leave it out; the worker sets it",
				"attribute %q is the worker's own: it says who sent the event", preview(m.key))
		}
	}
	return &Emit{Event: c.template(with, v.definitionScope())}
}

// ReservedAttributes begins the names of the extension attributes with which
// workers say who sent an event.
const ReservedAttributes = "lazaret"

// attributeName is a CloudEvents attribute name (§3.1 of the specification).
var attributeName = regexp.MustCompile(`^[a-z0-9]+$`)

func (c *checker) checkAttributes(with cursor) {
	for i := range with.members() {
		m := &with.node.members[i]
		if !attributeName.MatchString(m.key) {
			c.reportHint(with.member(m), "event.attribute", "use lower-case letters and digits alone",
				"%q cannot be the name of an event's attribute", preview(m.key))
		}
	}
}

// listenBody builds a wait for events.
func (c *checker) listenBody(t cursor, v vars) *Listen {
	listen := t.get("listen")
	body := c.listenTo(listen.get("to"), listen.get("read"), v)
	if loop := t.get("foreach"); loop.exists() {
		body.Each = c.eventLoop(loop, v)
	}
	return body
}

func (c *checker) listenTo(to, read cursor, v vars) *Listen {
	body := &Listen{To: c.strategy(to, v), Read: ReadData}
	if form := read.str(); form != "" {
		body.Read = Read(form)
	}
	return body
}

// startOn builds what schedule.on awaits.
func (c *checker) startOn(schedule cursor) *Listen {
	on := schedule.get("on")
	if !on.exists() {
		return nil
	}
	return c.listenTo(on, schedule.get("read"), nil)
}

func (c *checker) strategy(to cursor, v vars) Strategy {
	s := Strategy{}
	for _, mix := range []Mix{One, Any, All} {
		cur := to.get(string(mix))
		if !cur.exists() {
			continue
		}
		s.Mix = mix
		filters := cur.items()
		if mix == One {
			filters = []cursor{cur}
		}
		if mix == All && cur.is(arrayNode) && len(filters) == 0 {
			c.report(cur, "listen.empty", "all without filters awaits nothing")
		}
		for _, filter := range filters {
			s.Filters = append(s.Filters, c.eventFilter(filter, v))
		}
	}
	switch until := to.get("until"); {
	case until.is(stringNode):
		s.Until = c.expr(until, v.definitionScope())
	case until.is(objectNode):
		inner := c.strategy(until, v)
		s.UntilEvents = &inner
	}
	return s
}

func (c *checker) eventFilter(filter cursor, v vars) EventFilter {
	var f EventFilter
	with := filter.get("with")
	c.checkAttributes(with)
	for i := range with.members() {
		m := &with.node.members[i]
		f.With = append(f.With, c.attributeFilter(m.key, with.member(m), v))
	}
	correlate := filter.get("correlate")
	for i := range correlate.members() {
		m := &correlate.node.members[i]
		f.Correlate = append(f.Correlate, c.correlation(m.key, correlate.member(m), v))
	}
	return f
}

func (c *checker) attributeFilter(name string, cur cursor, v vars) AttributeFilter {
	f := AttributeFilter{Name: name, Value: c.template(cur, v.definitionScope())}
	if f.Value == nil {
		return f
	}
	literal, constant := f.Value.Constant()
	if !constant {
		return f
	}
	f.Literal, f.Value = literal, nil
	if text, ok := literal.(string); ok && name != "data" && looksLikePattern(text) {
		pattern, err := regexp.Compile(`\A(?:` + text + `)\z`)
		if err != nil && name != "source" && name != "dataschema" { // a URI may look like one
			c.report(cur, "event.pattern", "%q is no regular expression: %s", preview(text), err)
		}
		f.Pattern = pattern
	}
	return f
}

// looksLikePattern tells a regular expression from a plain name: a dot alone
// does not make one.
func looksLikePattern(text string) bool { return strings.ContainsAny(text, `*+?()[]{}|^$\`) }

func (c *checker) correlation(name string, cur cursor, v vars) Correlation {
	correlation := Correlation{Name: name, From: c.expr(cur.get("from"), v.definitionScope())}
	expect := cur.get("expect")
	switch text := strings.TrimSpace(expect.str()); {
	case !expect.is(stringNode):
	case strings.HasPrefix(text, ".") || strings.HasPrefix(text, "$"):
		correlation.Expect = c.expr(expect, v.definitionScope())
	default:
		constant := expect.str()
		correlation.Constant = &constant
	}
	return correlation
}

// eventLoop builds foreach. Its variables are bound in all of its parts.
func (c *checker) eventLoop(loop cursor, v vars) *EventLoop {
	item := c.variable(loop.get("item"), "item")
	at := c.variable(loop.get("at"), "index")
	if item == at {
		where := loop.get("at")
		if !where.exists() {
			where = loop.get("item")
		}
		c.report(where, "variable.duplicate", "item and at both name the variable %q", item)
	}
	inner := v.with(item, at)
	return &EventLoop{
		Item:   item,
		At:     at,
		Do:     c.taskList(loop.get("do"), inner),
		Output: c.output(loop.get("output"), inner.outputScope()),
		Export: c.export(loop.get("export"), inner.outputScope()),
	}
}

// Matches tells whether the attributes that the filter writes out are those of
// the event, an envelope. Expressions and correlation are not looked at.
func (f EventFilter) Matches(event map[string]any) bool {
	return !slices.ContainsFunc(f.With, func(a AttributeFilter) bool {
		value, has := event[a.Name]
		return !has || a.Value == nil && !a.Is(value)
	})
}

// Is tells whether the value is what the filter writes out. Of an object,
// those members count that the filter has.
func (f AttributeFilter) Is(value any) bool {
	if text, ok := value.(string); ok && f.Pattern != nil && f.Pattern.MatchString(text) {
		return true
	}
	return Within(f.Literal, value)
}

// Within tells whether the value has everything that want has: an object's
// members, in whatever depth, and otherwise the same value.
func Within(want, value any) bool {
	object, ok := want.(map[string]any)
	if !ok {
		return expression.Equal(want, value)
	}
	members, ok := value.(map[string]any)
	if !ok {
		return false
	}
	//workflowcheck:ignore any member decides
	for key, item := range object {
		member, has := members[key]
		if !has || !Within(item, member) {
			return false
		}
	}
	return true
}
