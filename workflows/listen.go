package workflows

import (
	"errors"

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
		e.lifecycle.workflow(ctx, "correlation-started", "startedAt", nil)
	}
	h := &hearer{e: e, scope: s, task: t, body: body, under: u, state: u.Listen}
	own := listenTask{t.Reference, body}
	e.mailbox.begin(own)
	ended, err := h.hear(ctx, own)
	if !errors.Is(err, errSuspended) {
		e.mailbox.end(ctx, own)
	}
	if err == nil {
		e.lifecycle.correlated(ctx, h.state.Keys)
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
		taken, err := h.taker().take(ctx, w.Event)
		if err != nil {
			return definition.Continue, err
		}
		h.e.progress.item(h.task, h.state.Count, 0)
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

// taker decides on the events for this listen.
func (h *hearer) taker() *taker {
	return &taker{body: h.body, state: h.state, input: h.under.Input, reference: h.task.Reference, env: h.env}
}

func (h *hearer) env(ctx workflow.Context) expression.Env {
	return h.e.taskEnv(ctx, h.scope, h.task, &frame{Data: h.under.Input, Task: h.under})
}

// work runs foreach on the item that was taken. exit in its tasks ends the listen.
func (h *hearer) work(ctx workflow.Context) (definition.Directive, error) {
	output, ended, err := h.e.runEach(ctx, h.scope, h.task, h.under, h.body.Each, h.state.Item, len(h.state.Outputs), h.state.Body)
	if err != nil {
		return definition.Continue, err
	}
	h.state.Outputs = append(h.state.Outputs, output)
	h.state.Item, h.state.Body = nil, nil
	if ended == definition.Exit {
		h.state.Over, ended = true, definition.Continue
	}
	return ended, nil
}
