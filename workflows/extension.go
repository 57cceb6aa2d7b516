package workflows

import (
	"go.temporal.io/sdk/workflow"

	"lazaret.dev/lazaret/workflows/definition"
	"lazaret.dev/lazaret/workflows/expression"
)

// extending is the state of a task that extensions are around. What their tasks
// yield is dropped, but for one that exits before the task: that is the task's
// output then, and the task does not run.
type extending struct {
	Active []int           `json:"active,omitempty"` // the extensions whose condition held
	At     int             `json:"at"`               // in Active: the one that runs, or is next
	List   *frame          `json:"list,omitempty"`   // of that one's tasks
	Left   bool            `json:"left,omitempty"`   // the task itself is over
	Output any             `json:"output,omitempty"` // of the task
	Then   definition.Then `json:"then,omitzero"`
}

// extendBefore runs what extensions run before the task, with its raw input. True
// means that the task is not to run: the output is what its extension gave.
func (e *execution) extendBefore(ctx workflow.Context, s scope, t *definition.Task, f *frame, env expression.Env) (output any, then definition.Then, bypassed bool, err error) {
	if len(t.Extensions) == 0 {
		return nil, t.Then, false, nil
	}
	if f.Task.Extend == nil {
		if f.Task.Extend, err = active(t, f, env); err != nil {
			return nil, t.Then, false, err
		}
	}
	return e.runExtensions(ctx, s, t, f.Task.Extend, f.Data, func(x *definition.Extension) definition.TaskList { return x.Before })
}

// extendAfter runs what extensions run after the task, with its output.
func (e *execution) extendAfter(ctx workflow.Context, s scope, t *definition.Task, u *underWay) (any, definition.Then, error) {
	_, then, ended, err := e.runExtensions(ctx, s, t, u.Extend, u.Extend.Output, func(x *definition.Extension) definition.TaskList { return x.After })
	if !ended || then.Directive != definition.End {
		then = u.Extend.Then
	}
	return u.Extend.Output, then, err
}

// active finds the extensions whose condition holds.
func active(t *definition.Task, f *frame, env expression.Env) (*extending, error) {
	state := &extending{}
	for i, x := range t.Extensions {
		if x.When != nil {
			applies, err := holds(x.When, f.Data, env, x.Reference)
			if err != nil {
				return nil, err
			}
			if !applies {
				continue
			}
		}
		state.Active = append(state.Active, i)
	}
	return state, nil
}

// runExtensions runs one list of each extension, each with the same input. True
// means that one of them ended with exit or end.
func (e *execution) runExtensions(ctx workflow.Context, s scope, t *definition.Task, x *extending, input any, list func(*definition.Extension) definition.TaskList) (any, definition.Then, bool, error) {
	for ; x.At < len(x.Active); x.At++ {
		if x.List == nil {
			x.List = &frame{Data: input}
		}
		output, ended, err := e.runList(ctx, scope{line: s.line, calls: s.calls}, list(t.Extensions[x.Active[x.At]]), x.List)
		if err != nil {
			return nil, t.Then, false, err
		}
		x.List = nil
		if ended != definition.Continue {
			return output, after(t, ended), true, nil
		}
	}
	x.At = 0
	return nil, t.Then, false, nil
}
