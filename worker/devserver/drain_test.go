//go:build !nodevserver

package devserver

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"
)

// call is a method of the frontend with a request, answered when its context ends.
func call(ctx context.Context, d *drain, method string, req any) error {
	info := &grpc.UnaryServerInfo{FullMethod: "/temporal.api.workflowservice.v1.WorkflowService/" + method}
	_, err := d.intercept(ctx, req, info, func(ctx context.Context, _ any) (any, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	})
	return err
}

// A call that waits for something to happen ends when the server stops, and
// only such a call: the others end with their callers alone.
func TestDrain_EndsLongPolls(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		method string
		req    any
	}{
		{"PollWorkflowTaskQueue", &workflowservice.PollWorkflowTaskQueueRequest{}},
		{"PollActivityTaskQueue", &workflowservice.PollActivityTaskQueueRequest{}},
		{"GetWorkflowExecutionHistory", &workflowservice.GetWorkflowExecutionHistoryRequest{WaitNewEvent: true}},
	} {
		d := newDrain()
		ended := make(chan error)
		go func() { ended <- call(t.Context(), d, c.method, c.req) }()
		d.begin()
		require.ErrorIs(t, <-ended, context.Canceled, c.method)
	}
}

func TestDrain_LeavesOtherCalls(t *testing.T) {
	t.Parallel()
	d := newDrain()
	d.begin()
	ctx, cancel := context.WithCancelCause(t.Context())
	caller := context.DeadlineExceeded
	info := &grpc.UnaryServerInfo{FullMethod: "/temporal.api.workflowservice.v1.WorkflowService/StartWorkflowExecution"}
	_, err := d.intercept(ctx, &workflowservice.StartWorkflowExecutionRequest{}, info, func(ctx context.Context, _ any) (any, error) {
		require.NoError(t, ctx.Err(), "the server's stop does not end a start")
		cancel(caller)
		return nil, context.Cause(ctx)
	})
	require.ErrorIs(t, err, caller)
}
