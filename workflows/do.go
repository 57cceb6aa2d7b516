package workflows

import (
	"go.temporal.io/sdk/workflow"

	"lazaret.dev/lazaret/workflows/definition"
)

// runDo runs a sub-list in order.
func (e *execution) runDo(ctx workflow.Context, s scope, t *definition.Task, body *definition.Do, u *underWay) (any, definition.Then, error) {
	if u.List == nil {
		u.List = &frame{Data: u.Input}
	}
	output, ended, err := e.runList(ctx, s, body.Tasks, u.List)
	return output, after(t, ended), err
}
