package worker

import (
	"context"
	"net"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/grpc"
	"google.golang.org/grpc/stats"
)

// TestDial_Compression: what goes to a Temporal on this machine is not compressed,
// which costs both of them processor time; what goes elsewhere is.
func TestDial_Compression(t *testing.T) {
	t.Parallel()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	seen := &encodings{}
	server := grpc.NewServer(grpc.StatsHandler(seen))
	workflowservice.RegisterWorkflowServiceServer(server, greeter{})
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	_, port, err := net.SplitHostPort(listener.Addr().String())
	require.NoError(t, err)
	for address, want := range map[string]string{
		"127.0.0.1:" + port:                "",
		"passthrough:///127.0.0.1:" + port: "gzip", // a name of which nothing is known
	} {
		seen.reset()
		c, err := (&app{}).dial(t.Context(), client.Options{HostPort: address})
		require.NoError(t, err, address)
		c.Close()
		assert.Equal(t, []string{want}, seen.all(), address)
	}
}

// greeter is as much of a Temporal as a client that connects asks for.
type greeter struct {
	workflowservice.UnimplementedWorkflowServiceServer
}

func (greeter) GetSystemInfo(context.Context, *workflowservice.GetSystemInfoRequest) (*workflowservice.GetSystemInfoResponse, error) {
	return &workflowservice.GetSystemInfoResponse{}, nil
}

// encodings notes how the calls that a server gets are compressed.
type encodings struct {
	mu  sync.Mutex
	got []string
}

func (e *encodings) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context { return ctx }

func (e *encodings) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }
func (e *encodings) HandleConn(context.Context, stats.ConnStats)                       {}

func (e *encodings) HandleRPC(_ context.Context, s stats.RPCStats) {
	if header, is := s.(*stats.InHeader); is {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.got = append(e.got, header.Compression)
	}
}

func (e *encodings) reset() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.got = nil
}

func (e *encodings) all() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.got
}
