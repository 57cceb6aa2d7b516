//go:build !nodevserver

package devserver

import (
	"context"
	"path"
	"strings"

	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"
)

// drain ends long polls when the server stops. Some of the server's own workers
// never stop polling; without this the internal frontend waits a fixed second
// for them. A poll that ends early loses nothing: its caller asks again, or is
// stopping too.
type drain struct {
	// begun is done when the server stops.
	begun context.Context //nolint:containedctx // the lifetime of the server, not of a call
	begin context.CancelFunc
}

func newDrain() *drain {
	ctx, cancel := context.WithCancel(context.Background())
	return &drain{begun: ctx, begin: cancel}
}

// intercept is a grpc.UnaryServerInterceptor of both frontends.
func (d *drain) intercept(
	ctx context.Context, req any, info *grpc.UnaryServerInfo, handle grpc.UnaryHandler,
) (any, error) {
	if !longPoll(info.FullMethod, req) {
		return handle(ctx, req)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(d.begun, cancel)() //nolint:contextcheck // begun is no parent of the call, it only ends it
	return handle(ctx, req)
}

// longPoll reports whether a call may wait for something to happen.
func longPoll(method string, req any) bool {
	if history, ok := req.(*workflowservice.GetWorkflowExecutionHistoryRequest); ok {
		return history.GetWaitNewEvent()
	}
	return strings.HasPrefix(path.Base(method), "Poll")
}
