package definition

import (
	"errors"
	"strings"
	"time"

	"lazaret.dev/lazaret/workflows/expression"
)

// timeout builds a timeout, written in place or by name.
func (c *checker) timeout(cur cursor, scope expression.Scope) *Timeout {
	t := c.resolve(cur, "timeouts", "timeout")
	if !t.exists() {
		return nil
	}
	return &Timeout{After: c.duration(t.get("after"), scope)}
}

func (c *checker) optionalDuration(cur cursor, scope expression.Scope) *Duration {
	if !cur.exists() {
		return nil
	}
	d := c.duration(cur, scope)
	return &d
}

// duration builds a literal, object or computed duration.
func (c *checker) duration(cur cursor, scope expression.Scope) Duration {
	switch {
	case cur.is(objectNode):
		return Duration{Fixed: c.durationObject(cur)}
	case !cur.is(stringNode):
		return Duration{}
	case strings.HasPrefix(strings.TrimSpace(cur.str()), "${"):
		return Duration{Dynamic: c.expr(cur, scope)}
	}
	fixed, err := ParseDuration(cur.str())
	if err != nil {
		c.reportDuration(cur, err)
	}
	return Duration{Fixed: fixed}
}

func (c *checker) durationObject(cur cursor) time.Duration {
	var total time.Duration
	for _, part := range durationParts {
		amount := cur.get(part.name)
		if !amount.is(numberNode) {
			continue
		}
		if strings.HasPrefix(amount.node.text, "-") {
			c.report(amount, "duration.negative", "%s %s: a duration cannot be negative", part.name, preview(amount.node.text))
			continue
		}
		n, ok := amount.integer()
		sum, err := addPart(total, n, part.unit)
		if !ok || err != nil {
			c.report(amount, "duration.range", "%s %s: %s", part.name, preview(amount.node.text), ErrDurationRange)
			continue
		}
		total = sum
	}
	return total
}

func (c *checker) reportDuration(cur cursor, err error) {
	switch {
	case errors.Is(err, ErrDurationCalendar):
		c.report(cur, "duration.calendar", "%s", err)
	case errors.Is(err, ErrDurationRange):
		c.report(cur, "duration.range", "%s", err)
	default:
		c.report(cur, "duration.invalid", "%s", err)
	}
}
