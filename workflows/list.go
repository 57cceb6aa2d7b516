package workflows

import (
	"go.temporal.io/sdk/workflow"

	"lazaret.dev/lazaret/workflows/definition"
)

// scope is what the tasks of one list see of their surroundings.
type scope struct {
	line *line
	vars *binding // loop and catch variables, innermost first
	// calls counts the functions above.
	calls int
}

// binding is one variable of an enclosing for or try, and of a for its index beside it.
type binding struct {
	name  string
	value any
	at    string // the index's name; empty: there is none
	index int
	outer *binding
}

func (s scope) bind(name string, value any) scope {
	s.vars = &binding{name: name, value: value, outer: s.vars}
	return s
}

// bindItem binds the two variables of a loop.
func (s scope) bindItem(each string, item any, at string, index int) scope {
	s.vars = &binding{name: each, value: item, at: at, index: index, outer: s.vars}
	return s
}

// runList runs a task list from where its frame stands. The directive is how it
// ended: Continue past the last task, or Exit, or End.
func (e *execution) runList(ctx workflow.Context, s scope, list definition.TaskList, f *frame) (any, definition.Directive, error) {
	for f.Index < len(list) {
		if err := e.boundary(ctx); err != nil {
			return nil, definition.Continue, err
		}
		output, then, err := e.runTask(ctx, s, list[f.Index], f)
		if err != nil {
			return nil, definition.Continue, err
		}
		f.Data, f.Task = output, nil
		switch then.Directive {
		case definition.Exit, definition.End:
			return output, then.Directive, nil
		case definition.Goto:
			f.Index = then.Target
		case definition.Continue:
			f.Index++
		}
	}
	return f.Data, definition.Continue, nil
}

// boundary stands between any two tasks: here a run may stop to continue as
// new, and here a flow without effects lets others have their turn.
func (e *execution) boundary(ctx workflow.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := e.standBy(ctx); err != nil {
		return err
	}
	if err := e.lifecycle.keepUp(ctx); err != nil {
		return err
	}
	if e.draining || workflow.GetInfo(ctx).GetContinueAsNewSuggested() || e.pace.renewalDue(ctx) && e.portable() {
		e.suspend()
		return errSuspended
	}
	return e.pace.breathe(ctx)
}

// portable tells whether the state is small enough for another run.
func (e *execution) portable() bool {
	_, err := encodeBounded(e.state, "the state")
	return err == nil
}

// suspend asks every line of control to stop at its next boundary.
func (e *execution) suspend() {
	if !e.draining {
		e.draining = true
		e.setDrain.SetValue(nil)
	}
}
