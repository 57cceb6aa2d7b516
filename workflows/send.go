package workflows

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"lazaret.dev/lazaret/activities/contract"
)

// runSend hands events from outside to the router, by a worker that judges them.
func runSend(ctx workflow.Context, request contract.SendRequest) ([]contract.Outcome, error) {
	ctx = workflow.WithActivityOptions(ctx, eventOptions(""))
	var outcomes []contract.Outcome
	if err := workflow.ExecuteActivity(ctx, contract.Send, request).Get(ctx, &outcomes); err != nil {
		return nil, failure(err)
	}
	return outcomes, nil
}

// runSink brings one event to one sink. It tries for about half a day; what
// cannot be delivered is recorded by the router, and stays here as a failed
// execution with the event in its input.
func runSink(ctx workflow.Context, d contract.Delivery) error {
	active := workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: time.Minute,
		Summary:             "sink " + d.Sink,
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval:    time.Second,
			BackoffCoefficient: 2,
			MaximumInterval:    time.Hour,
			MaximumAttempts:    22,
		},
	})
	err := workflow.ExecuteActivity(active, contract.SinkEvent, d).Get(active, nil)
	if err == nil {
		return nil
	}
	record := contract.Rejection{
		Sender: d.Envelope.Sender.Identity, Target: contract.SinkTarget + d.Sink,
		Source: d.Envelope.Source, ID: d.Envelope.ID, Type: d.Envelope.Type,
		Check: contract.CheckDelivery, Detail: fmt.Sprintf("%s; the event is in execution %s", asFault(err).Detail, workflow.GetInfo(ctx).WorkflowExecution.ID),
	}
	away, done := workflow.NewDisconnectedContext(ctx)
	defer done()
	// Without a router there is nobody to record it; the failed execution remains.
	_ = workflow.SignalExternalWorkflow(away, contract.EventRouterID, "", contract.RejectSignal, []contract.Rejection{record}).Get(away, nil)
	return failure(err)
}
