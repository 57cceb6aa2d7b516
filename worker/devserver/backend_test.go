//go:build !nodevserver

package devserver

import (
	"net"
	"path/filepath"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"
	"go.temporal.io/server/common/primitives"

	"lazaret.dev/lazaret/worker/install"
)

// Someone may take a port after it was checked. The server then calls
// Logger.Fatal and counts on the process to end; that must come out as an error.
func TestBackend_FatalIsAnError(t *testing.T) {
	for _, service := range []primitives.ServiceName{primitives.FrontendService, primitives.HistoryService} {
		t.Run(string(service), func(t *testing.T) {
			taken, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
			require.NoError(t, err)
			defer func() { _ = taken.Close() }()
			i, err := install.Open(filepath.Join(t.TempDir(), "state"))
			require.NoError(t, err)
			free, err := freePorts(t.Context(), 1)
			require.NoError(t, err)
			places, err := newLayout(t.Context(), free[0])
			require.NoError(t, err)
			places[service] = addressOf(taken)

			b := newBackend(places, Options{Logger: zerolog.Nop()})
			err = b.start(memoryDatabase(), newGatekeeper(i))
			require.ErrorContains(t, err, "Failed to start gRPC listener: listen tcp "+taken.Addr().String())
			require.ErrorIs(t, asStartError(err), ErrUnavailable)
			require.NoError(t, b.stop(5*time.Second))
		})
	}
}

// TestFreePorts: they are different, and none that the kernel could give to an outgoing
// connection before the server listens there.
func TestFreePorts(t *testing.T) {
	t.Parallel()
	free, err := freePorts(t.Context(), 20)
	require.NoError(t, err)
	seen := map[uint16]bool{}
	for _, at := range free {
		require.True(t, at.Addr().IsLoopback())
		require.Less(t, at.Port(), uint16(endPort))
		require.False(t, seen[at.Port()])
		seen[at.Port()] = true
	}
}
