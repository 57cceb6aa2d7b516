package workflows

import (
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/workflow"

	"lazaret.dev/lazaret/activities/contract"
)

// keepBack starts an execution of its own that brings the event again later: the
// router holds no events.
func (r *router) keepBack(ctx workflow.Context, p contract.JudgedEvent, outcome contract.Outcome) (contract.Outcome, *dispatch) {
	key := eventKey(p.Envelope)
	ctx = workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
		WorkflowID:            contract.Delayed + "/" + key,
		WorkflowIDReusePolicy: enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE,
		ParentClosePolicy:     enumspb.PARENT_CLOSE_POLICY_ABANDON,
		StaticSummary:         fmt.Sprintf("an event, kept back for %s", time.Duration(p.DelayMillis)*time.Millisecond),
	})
	started := workflow.ExecuteChildWorkflow(ctx, contract.Delayed, p).GetChildWorkflowExecution()
	r.remember(key)
	r.state.Accepted++
	outcome.Status, outcome.DelayMillis = contract.Accepted, p.DelayMillis
	return outcome, &dispatch{envelope: p.Envelope, kept: started}
}

// runDelayed keeps one event back, and then has a worker hand it to the router.
func runDelayed(ctx workflow.Context, p contract.JudgedEvent) error {
	if err := workflow.Sleep(ctx, time.Duration(p.DelayMillis)*time.Millisecond); err != nil {
		return err
	}
	active := workflow.WithActivityOptions(ctx, eventOptions("event"))
	if err := workflow.ExecuteActivity(active, contract.ReleaseEvent, p).Get(active, nil); err != nil {
		return failure(err)
	}
	return nil
}
