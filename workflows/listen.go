package workflows

import (
	"errors"
	"fmt"

	"go.temporal.io/sdk/workflow"

	"lazaret.dev/lazaret/workflows/definition"
	"lazaret.dev/lazaret/workflows/expression"
)

// hearing is the state of a listen task.
type hearing struct {
	Events   []any          `json:"events,omitempty"` // taken so far, as read
	Count    int            `json:"count,omitempty"`  // of them
	Met      []bool         `json:"met,omitempty"`    // all: the filters that have had theirs
	UntilMet []bool         `json:"untilMet,omitempty"`
	Keys     map[string]any `json:"keys,omitempty"` // correlation values
	Over     bool           `json:"over,omitempty"` // enough has come
	// foreach
	Item    any    `json:"item,omitempty"`
	Body    *frame `json:"body,omitempty"` // set while an item is worked on
	Outputs []any  `json:"outputs,omitempty"`
}

// hearer is a listen task that runs.
type hearer struct {
	e     *execution
	scope scope
	task  *definition.Task
	body  *definition.Listen
	under *underWay
	state *hearing
}

// runListen takes events until enough have come; its output is the array of
// them, or of what foreach makes of each.
func (e *execution) runListen(ctx workflow.Context, s scope, t *definition.Task, body *definition.Listen, u *underWay) (any, definition.Then, error) {
	if u.Listen == nil {
		u.Listen = &hearing{}
	}
	h := &hearer{e: e, scope: s, task: t, body: body, under: u, state: u.Listen}
	own := listenTask{t.Reference, body}
	e.mailbox.begin(own)
	ended, err := h.hear(ctx, own)
	if !errors.Is(err, errSuspended) {
		e.mailbox.end(ctx, own)
	}
	output := h.state.Events
	if body.Each != nil {
		output = h.state.Outputs
	}
	if output == nil {
		output = []any{}
	}
	return output, after(t, ended), err
}

func (h *hearer) hear(ctx workflow.Context, own listenTask) (definition.Directive, error) {
	for {
		if h.state.Body != nil {
			ended, err := h.work(ctx)
			if err != nil || ended != definition.Continue {
				return ended, err
			}
		}
		if h.state.Over {
			return definition.Continue, nil
		}
		if err := h.e.boundary(ctx); err != nil {
			return definition.Continue, err
		}
		w, err := h.await(ctx, own)
		if err != nil || w == nil {
			if err != nil {
				return definition.Continue, err
			}
			continue
		}
		taken, err := h.take(ctx, w.Event)
		if err != nil {
			return definition.Continue, err
		}
		h.e.mailbox.settle(ctx, w, own, taken)
	}
}

// await is the next event to look at. It is nil where the run should rather
// consider to continue as new.
func (h *hearer) await(ctx workflow.Context, own listenTask) (*waiting, error) {
	m := h.e.mailbox
	if w := (*m.state).next(own); w != nil {
		return w, nil
	}
	h.e.progress.publish(ctx)
	info := workflow.GetInfo(ctx)
	err := workflow.Await(ctx, func() bool {
		return m.failed != nil || h.e.draining || info.GetContinueAsNewSuggested() || (*m.state).next(own) != nil
	})
	switch {
	case err != nil:
		return nil, err
	case m.failed != nil:
		return nil, m.failed
	case h.e.draining:
		return nil, errSuspended
	}
	return (*m.state).next(own), nil
}

// take decides on one event: whether it counts, and whether it is the last.
func (h *hearer) take(ctx workflow.Context, event map[string]any) (bool, error) {
	to := h.body.To
	if until := to.UntilEvents; until != nil {
		if h.state.UntilMet == nil {
			h.state.UntilMet = make([]bool, len(until.Filters))
		}
		met, over, err := h.meets(ctx, *until, h.state.UntilMet, event)
		if err != nil || met {
			h.state.Over = over
			return met, err
		}
	}
	if h.state.Met == nil {
		h.state.Met = make([]bool, len(to.Filters))
	}
	met, over, err := h.meets(ctx, to, h.state.Met, event)
	if err != nil || !met {
		return false, err
	}
	return true, h.add(ctx, event, over)
}

// meets finds the filter that the event counts for, and tells whether that was
// all that the strategy awaits.
func (h *hearer) meets(ctx workflow.Context, s definition.Strategy, met []bool, event map[string]any) (counts, over bool, err error) {
	if len(s.Filters) == 0 {
		return s.Mix == definition.Any, true, nil
	}
	for i, filter := range s.Filters {
		if s.Mix == definition.All && met[i] {
			continue
		}
		matches, err := h.matches(ctx, filter, event)
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

// add counts an event, and begins foreach's work on it.
func (h *hearer) add(ctx workflow.Context, event map[string]any, over bool) error {
	to := h.body.To
	item := readEvent(h.body.Read, event)
	h.state.Count++
	h.e.progress.item(h.task, h.state.Count, 0)
	if h.body.Each == nil || to.Until != nil {
		h.state.Events = append(h.state.Events, item)
	}
	if h.body.Each != nil {
		h.state.Item, h.state.Body = item, &frame{Data: item}
	}
	switch {
	case to.Mix == definition.Any && to.UntilEvents != nil:
		over = false
	case to.Mix == definition.Any && to.Until != nil:
		var err error
		if over, err = holds(to.Until, h.state.Events, h.env(ctx), h.task.Reference); err != nil {
			return err
		}
	}
	h.state.Over = over
	return nil
}

func (h *hearer) env(ctx workflow.Context) expression.Env {
	env := h.e.taskEnv(ctx, h.scope, h.task, &frame{Data: h.under.Input, Task: h.under})
	env.Vars["input"] = h.under.Input
	return env
}

// matches tells whether the event meets a filter. What an expression cannot
// make sense of does not meet it: events come from outside, and must not fault
// who listens.
func (h *hearer) matches(ctx workflow.Context, filter definition.EventFilter, event map[string]any) (bool, error) {
	if !filter.Matches(event) {
		return false, nil
	}
	env := h.env(ctx)
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
	return h.correlates(filter, event, env)
}

// correlates tells whether the event's correlation values are those expected,
// or those of the events before it; the first one's are remembered.
func (h *hearer) correlates(filter definition.EventFilter, event map[string]any, env expression.Env) (bool, error) {
	found := make([]any, len(filter.Correlate))
	for i, c := range filter.Correlate {
		value, err := c.From.Evaluate(event, env)
		if err != nil || value == nil {
			return false, nil //nolint:nilerr // an event without the value is another's
		}
		found[i] = value
		expected, known, err := h.expected(c, env)
		if err != nil {
			return false, err
		}
		if known && !sameKey(expected, value) {
			return false, nil
		}
	}
	for i, c := range filter.Correlate {
		if h.state.Keys == nil {
			h.state.Keys = map[string]any{}
		}
		if _, known := h.state.Keys[c.Name]; !known {
			h.state.Keys[c.Name] = found[i]
		}
	}
	return true, nil
}

func (h *hearer) expected(c definition.Correlation, env expression.Env) (value any, known bool, err error) {
	switch {
	case c.Constant != nil:
		return *c.Constant, true, nil
	case c.Expect != nil:
		value, err := c.Expect.Evaluate(h.under.Input, env)
		if err != nil {
			return nil, false, expressionFault(h.task.Reference, fmt.Errorf("correlate.%s.expect: %w", c.Name, err))
		}
		return value, true, nil
	}
	value, known = h.state.Keys[c.Name]
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

// work runs foreach on the item that was taken. exit in its tasks ends the listen.
func (h *hearer) work(ctx workflow.Context) (definition.Directive, error) {
	each := h.body.Each
	index := len(h.state.Outputs)
	inner := h.scope.bind(each.Item, h.state.Item).bind(each.At, index)
	output, ended, err := h.e.runList(ctx, inner, each.Do, h.state.Body)
	if err != nil {
		return definition.Continue, err
	}
	h.scope = inner
	env := h.env(ctx)
	h.scope = scope{line: inner.line, vars: inner.vars.outer.outer}
	env.Vars["output"] = output
	output, err = evaluate(each.Output.As, output, env, h.task.Reference)
	if err != nil {
		return definition.Continue, err
	}
	if err := each.Output.Schema.Validate(output); err != nil {
		return definition.Continue, validationFault(h.task.Reference, fmt.Sprintf("foreach.output: %v", err))
	}
	env.Vars["output"] = output
	if err := exportTo(inner.line, each.Export, output, env, h.task.Reference, "foreach.export"); err != nil {
		return definition.Continue, err
	}
	h.state.Outputs = append(h.state.Outputs, output)
	h.state.Item, h.state.Body = nil, nil
	if ended == definition.Exit {
		h.state.Over, ended = true, definition.Continue
	}
	return ended, nil
}
