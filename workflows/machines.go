package workflows

import (
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"lazaret.dev/lazaret/activities/contract"
)

// runWatch has one worker watch the guests of a libvirt host: for ever, since
// Temporal gives the activity to another worker when that one is gone.
func runWatch(ctx workflow.Context, request contract.WatchRequest) error {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: 10 * 365 * 24 * time.Hour,
		HeartbeatTimeout:    10 * time.Second,
		Summary:             request.URI,
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: 30 * time.Second,
		},
	})
	return workflow.ExecuteActivity(ctx, contract.MachineEvents, request).Get(ctx, nil)
}
