package workflows

import (
	"fmt"

	"go.temporal.io/sdk/workflow"

	"lazaret.dev/lazaret/workflows/definition"
	"lazaret.dev/lazaret/workflows/expression"
)

// taker decides, event by event, what a listen takes, and when enough has come.
type taker struct {
	body      *definition.Listen
	state     *hearing
	input     any    // correlation expects values of it
	reference string // for faults
	env       func(workflow.Context) expression.Env
}

// take decides on one event: whether it counts, and whether it is the last.
func (k *taker) take(ctx workflow.Context, event map[string]any) (bool, error) {
	to := k.body.To
	if until := to.UntilEvents; until != nil {
		if k.state.UntilMet == nil {
			k.state.UntilMet = make([]bool, len(until.Filters))
		}
		met, over, err := k.meets(ctx, *until, k.state.UntilMet, event)
		if err != nil || met {
			k.state.Over = over
			return met, err
		}
	}
	if k.state.Met == nil {
		k.state.Met = make([]bool, len(to.Filters))
	}
	met, over, err := k.meets(ctx, to, k.state.Met, event)
	if err != nil || !met {
		return false, err
	}
	return true, k.add(ctx, event, over)
}

// meets finds the filter that the event counts for, and tells whether that was
// all that the strategy awaits.
func (k *taker) meets(ctx workflow.Context, s definition.Strategy, met []bool, event map[string]any) (counts, over bool, err error) {
	if len(s.Filters) == 0 {
		return s.Mix == definition.Any, true, nil
	}
	for i, filter := range s.Filters {
		if s.Mix == definition.All && met[i] {
			continue
		}
		matches, err := k.matches(ctx, filter, event)
		if err != nil {
			return false, false, err
		}
		if matches {
			met[i] = true
			return true, s.Mix != definition.All || allTrue(met), nil
		}
	}
	return false, false, nil
}

func allTrue(all []bool) bool {
	for _, one := range all {
		if !one {
			return false
		}
	}
	return true
}

// add counts an event, and has foreach work on it.
func (k *taker) add(ctx workflow.Context, event map[string]any, over bool) error {
	to := k.body.To
	item := readEvent(k.body.Read, event)
	k.state.Count++
	if k.body.Each == nil || to.Until != nil {
		k.state.Events = append(k.state.Events, item)
	}
	if k.body.Each != nil {
		k.state.Item, k.state.Body = item, &frame{Data: item}
	}
	switch {
	case to.Mix == definition.Any && to.UntilEvents != nil:
		over = false
	case to.Mix == definition.Any && to.Until != nil:
		var err error
		if over, err = holds(to.Until, k.state.Events, k.env(ctx), k.reference); err != nil {
			return err
		}
	}
	k.state.Over = over
	return nil
}

// matches tells whether the event meets a filter. What an expression cannot
// make sense of does not meet it: events come from outside, and must not fault
// who listens.
func (k *taker) matches(ctx workflow.Context, filter definition.EventFilter, event map[string]any) (bool, error) {
	if !filter.Matches(event) {
		return false, nil
	}
	env := k.env(ctx)
	for _, a := range filter.With {
		if a.Value == nil {
			continue
		}
		value, err := a.Value.Evaluate(event[a.Name], env)
		if err != nil {
			return false, nil //nolint:nilerr // see above
		}
		if verdict, ok := value.(bool); ok {
			if !verdict {
				return false, nil
			}
		} else if !definition.Within(value, event[a.Name]) {
			return false, nil
		}
	}
	return k.correlates(filter, event, env)
}

// correlates tells whether the event's correlation values are those expected,
// or those of the events before it; the first one's are remembered.
func (k *taker) correlates(filter definition.EventFilter, event map[string]any, env expression.Env) (bool, error) {
	found := make([]any, len(filter.Correlate))
	for i, c := range filter.Correlate {
		value, err := c.From.Evaluate(event, env)
		if err != nil || value == nil {
			return false, nil //nolint:nilerr // an event without the value is another's
		}
		found[i] = value
		expected, known, err := k.expected(c, env)
		if err != nil {
			return false, err
		}
		if known && !sameKey(expected, value) {
			return false, nil
		}
	}
	for i, c := range filter.Correlate {
		if k.state.Keys == nil {
			k.state.Keys = map[string]any{}
		}
		if _, known := k.state.Keys[c.Name]; !known {
			k.state.Keys[c.Name] = found[i]
		}
	}
	return true, nil
}

func (k *taker) expected(c definition.Correlation, env expression.Env) (value any, known bool, err error) {
	switch {
	case c.Constant != nil:
		return *c.Constant, true, nil
	case c.Expect != nil:
		value, err := c.Expect.Evaluate(k.input, env)
		if err != nil {
			return nil, false, expressionFault(k.reference, fmt.Errorf("correlate.%s.expect: %w", c.Name, err))
		}
		return value, true, nil
	}
	value, known = k.state.Keys[c.Name]
	return value, known, nil
}

// sameKey compares correlation values; text and what is written like it are the same.
func sameKey(a, b any) bool {
	if expression.Equal(a, b) {
		return true
	}
	x, err := variableText(a)
	if err != nil {
		return false
	}
	y, err := variableText(b)
	return err == nil && x == y
}
