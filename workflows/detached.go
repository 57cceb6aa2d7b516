package workflows

import (
	"fmt"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/workflow"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/workflows/definition"
)

// detach starts a process that nobody awaits: a child execution of its own,
// which outlives this one and is seen in the UI.
func (e *execution) detach(ctx workflow.Context, t *definition.Task, activity string, request contract.Process) error {
	ctx = workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
		WorkflowID:        e.childID(),
		ParentClosePolicy: enumspb.PARENT_CLOSE_POLICY_ABANDON,
		StaticSummary:     t.Reference,
	})
	started := workflow.ExecuteChildWorkflow(ctx, contract.Detached, activity, request).GetChildWorkflowExecution()
	return started.Get(ctx, nil)
}

// runDetached awaits one process on behalf of an execution that did not.
func runDetached(ctx workflow.Context, activity string, request contract.Process) error {
	ctx = workflow.WithActivityOptions(ctx, processOptions(request.Task.Reference))
	if err := workflow.ExecuteActivity(ctx, activity, request).Get(ctx, nil); err != nil {
		return failure(err)
	}
	return nil
}

// childID names the next child: unique in the execution, the same on replay.
func (e *execution) childID() string {
	e.state.Children++
	return fmt.Sprintf("%s/%d", e.id, e.state.Children)
}
