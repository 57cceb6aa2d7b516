package workflows

import (
	"fmt"

	"go.temporal.io/sdk/workflow"

	"lazaret.dev/lazaret/workflows/definition"
)

// runEach runs foreach of a listen or a subscription on one item, and gives what it
// makes of it and how its tasks ended.
func (e *execution) runEach(
	ctx workflow.Context, s scope, t *definition.Task, u *underWay, each *definition.EventLoop, item any, index int, body *frame,
) (any, definition.Directive, error) {
	inner := s.bindItem(each.Item, item, each.At, index)
	output, ended, err := e.runList(ctx, inner, each.Do, body)
	if err != nil {
		return nil, definition.Continue, err
	}
	env := e.taskEnv(ctx, inner, t, &frame{Data: u.Input, Task: u})
	assign(&env, "output", output)
	output, err = evaluate(each.Output.As, output, env, t.Reference)
	if err != nil {
		return nil, definition.Continue, err
	}
	if err := each.Output.Schema.Validate(output); err != nil {
		return nil, definition.Continue, validationFault(t.Reference, fmt.Sprintf("foreach.output: %v", err))
	}
	assign(&env, "output", output)
	return output, ended, exportTo(inner.line, each.Export, output, env, t.Reference, "foreach.export")
}
