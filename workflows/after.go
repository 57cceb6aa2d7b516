package workflows

import (
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"lazaret.dev/lazaret/activities/contract"
)

// runAfter is what a schedule with schedule.after starts. It runs one execution
// and then lets the delay pass, so that the schedule, which buffers one start
// while this runs, begins the next so long after the end of the execution,
// however that ended.
func runAfter(ctx workflow.Context, r contract.Repetition) error {
	child := workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
		WorkflowID:          workflow.GetInfo(ctx).WorkflowExecution.ID + "/1",
		ParentClosePolicy:   enumspb.PARENT_CLOSE_POLICY_REQUEST_CANCEL,
		WaitForCancellation: true,
	})
	ended := workflow.ExecuteChildWorkflow(child, r.Type, r.Start).Get(child, nil)
	if ctx.Err() != nil {
		return temporal.NewCanceledError()
	}
	err := workflow.NewTimerWithOptions(ctx, r.Delay, workflow.TimerOptions{Summary: "schedule.after"}).Get(ctx, nil)
	if err != nil {
		return err
	}
	if ended != nil {
		return failure(ended)
	}
	return nil
}
