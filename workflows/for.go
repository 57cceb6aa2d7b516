package workflows

import (
	"fmt"

	"go.temporal.io/sdk/workflow"

	"lazaret.dev/lazaret/workflows/definition"
	"lazaret.dev/lazaret/workflows/expression"
)

// runFor runs a sub-list once per item, each with the output of the one
// before. exit in the body leaves the loop.
func (e *execution) runFor(ctx workflow.Context, s scope, t *definition.Task, body *definition.For, u *underWay, env expression.Env) (any, definition.Then, error) {
	if u.Loop == nil {
		items, err := loopItems(t, body, u, env)
		if err != nil {
			return nil, t.Then, err
		}
		u.Loop = &loop{Items: items, Body: &frame{Data: u.Input}}
	}
	l := u.Loop
	s = s.bindItem(body.Each, nil, body.At, 0)
	wears, first := replaces(body.Do), l.Index
	for l.Index < len(l.Items) {
		s.vars.value, s.vars.index = l.Items[l.Index], l.Index // nothing of the item before goes on
		goes, err := e.goesOn(ctx, s, t, body, u)
		if err != nil || !goes {
			return l.Body.Data, t.Then, err
		}
		e.progress.item(t, l.Index+1, len(l.Items))
		before := l.Body.Data
		output, ended, err := e.runList(ctx, s, body.Do, l.Body)
		if err != nil || ended != definition.Continue {
			return output, after(t, ended), err
		}
		if wears && l.Index > first { // the loop made what was before, and showed it to nobody
			l.Body.wear(before)
		}
		l.Index++
		l.Body.restart(output)
	}
	return l.Body.Data, t.Then, nil
}

// loopItems evaluates the collection; null is an empty one.
func loopItems(t *definition.Task, body *definition.For, u *underWay, env expression.Env) ([]any, error) {
	value, err := evaluate(body.In, u.Input, env, t.Reference)
	if err != nil {
		return nil, err
	}
	switch items := value.(type) {
	case nil:
		return nil, nil
	case []any:
		return items, nil
	}
	return nil, expressionFault(t.Reference, fmt.Errorf("for.in must yield an array, not %s", kindOf(value)))
}

// goesOn evaluates while before an item's first task.
func (e *execution) goesOn(ctx workflow.Context, s scope, t *definition.Task, body *definition.For, u *underWay) (bool, error) {
	begun := u.Loop.Body.Index > 0 || u.Loop.Body.Task != nil
	if body.While == nil || begun {
		return true, nil
	}
	env := e.taskEnv(ctx, s, t, &frame{Data: u.Input, Task: u})
	return holds(body.While, u.Loop.Body.Data, env, t.Reference)
}
