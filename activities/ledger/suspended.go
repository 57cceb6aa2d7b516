package ledger

import (
	"context"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"lazaret.dev/lazaret/activities/contract"
)

// suspended says why nothing is done for the execution that an activity is of (B60).
// An error says that the gate does not know.
func (g *Gate) suspended(ctx context.Context, task contract.TaskID) (*contract.Fault, error) {
	if g.Suspended == nil {
		return nil, nil
	}
	err := g.Suspended(ctx, task, activity.GetInfo(ctx).WorkflowExecution)
	if fault, ok := err.(*contract.Fault); ok { //nolint:errorlint // as it was made
		return fault, nil
	}
	return nil, err
}

// refusal is what an activity fails with that is not carried out for a suspended
// user; nobody retries it.
func refusal(fault *contract.Fault) error {
	if fault == nil {
		return nil
	}
	return temporal.NewApplicationErrorWithOptions(fault.Error(), fault.Type, temporal.ApplicationErrorOptions{
		NonRetryable: true, Details: []any{fault}, Category: temporal.ApplicationErrorCategoryBenign,
	})
}

func detailOf(fault *contract.Fault) string {
	if fault == nil {
		return ""
	}
	return fault.Detail
}
