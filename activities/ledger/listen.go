package ledger

import (
	"context"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"lazaret.dev/lazaret/activities/contract"
)

// listenAgain is the pause after the server could not be listened to: there is no
// register, or the server is away.
const listenAgain = time.Second

// listen wakes whoever follows the register when its history grows: the server
// answers a long poll at once. It is a matter of speed alone; what it misses is
// found when its time comes.
func listen(ctx context.Context, c client.Client, namespace string, woken chan<- struct{}) {
	for ctx.Err() == nil {
		if err := listenToRun(ctx, c, namespace, woken); err == nil {
			continue // it continued as new
		}
		select {
		case <-ctx.Done():
		case <-time.After(listenAgain):
		}
	}
}

// listenToRun listens to the register's current run until that ends.
func listenToRun(ctx context.Context, c client.Client, namespace string, woken chan<- struct{}) error {
	at, _, err := locateRegister(ctx, c)
	if err != nil {
		return err
	}
	request := &workflowservice.GetWorkflowExecutionHistoryRequest{
		Namespace: namespace, WaitNewEvent: true, SkipArchival: true,
		Execution: &commonpb.WorkflowExecution{WorkflowId: contract.RegisterID, RunId: at.run},
	}
	for {
		answer, err := c.WorkflowService().GetWorkflowExecutionHistory(ctx, request)
		if err != nil {
			return err
		}
		for _, event := range answer.GetHistory().GetEvents() {
			if event.GetEventId() > at.length {
				wake(woken)
				break
			}
		}
		if request.NextPageToken = answer.GetNextPageToken(); len(request.NextPageToken) == 0 {
			wake(woken)
			return nil
		}
	}
}

func wake(woken chan<- struct{}) {
	select {
	case woken <- struct{}{}:
	default:
	}
}
