//go:build !nodevserver

package devserver_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"

	"lazaret.dev/lazaret/worker/devserver"
	"lazaret.dev/lazaret/worker/install"
)

// refused starts a server that must not start, and returns why.
func refused(t *testing.T, o devserver.Options) *devserver.StartError {
	t.Helper()
	s, err := devserver.Start(t.Context(), o)
	require.Error(t, err)
	require.Nil(t, s)
	require.ErrorIs(t, err, devserver.ErrUnavailable)
	var start *devserver.StartError
	require.ErrorAs(t, err, &start)
	require.NotContains(t, start.Error()+start.Hint, "\n")
	require.NotEmpty(t, start.Hint)
	return start
}

func TestStart_SecondServer(t *testing.T) {
	err := refused(t, options(sharedInstall))
	require.Equal(t, devserver.AlreadyRunning, err.Code)
	require.Equal(t, fmt.Sprintf("embedded Temporal: state folder %q is in use by process %d",
		sharedInstall.Dir(), os.Getpid()), err.Error())
}

func TestStart_PortBusy(t *testing.T) {
	holder, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = holder.Close() }()
	busy := holder.Addr().String()
	comm, err := os.ReadFile("/proc/self/comm")
	require.NoError(t, err)
	held := fmt.Sprintf("cannot listen on %s, which process %d (%s) holds", busy, os.Getpid(), comm[:len(comm)-1])

	o := options(newInstall(t))
	o.Address = busy
	start := refused(t, o)
	require.Equal(t, devserver.PortBusy, start.Code)
	require.Equal(t, "embedded Temporal: Temporal "+held, start.Error())

	o.Address, o.UIAddress = "127.0.0.1:0", busy
	start = refused(t, o)
	require.Equal(t, devserver.PortBusy, start.Code)
	require.Equal(t, "embedded Temporal: the Web UI "+held, start.Error())
}

func TestStart_LoopbackOnly(t *testing.T) {
	for _, address := range []string{"0.0.0.0:7233", "192.0.2.1:7233", ":7233", "example.org:1", "127.0.0.1", "127.0.0.1:x"} {
		o := options(newInstall(t))
		o.Address = address
		start := refused(t, o)
		require.Equal(t, devserver.BadOptions, start.Code)
		require.Equal(t, fmt.Sprintf("embedded Temporal: address %q of Temporal is not a loopback address with a port", address), start.Error())
	}
}

func TestStart_VersionMismatch(t *testing.T) {
	i := newInstall(t)
	require.NoError(t, os.WriteFile(i.Path("temporal.db"), []byte("x"), 0o600))
	require.NoError(t, os.WriteFile(i.Path("temporal.db.version"), []byte("1.29.0\n"), 0o600))
	start := refused(t, options(i))
	require.Equal(t, devserver.VersionMismatch, start.Code)
	require.Equal(t, fmt.Sprintf("embedded Temporal: database %q was written by Temporal 1.29.0, this binary embeds %s",
		i.Path("temporal.db"), devserver.Version), start.Error())
}

// A log left by a database that was moved away must not get into a new one.
func TestStart_OrphanLog(t *testing.T) {
	i := newInstall(t)
	require.NoError(t, os.WriteFile(i.Path("temporal.db-wal"), []byte("x"), 0o600))
	start := refused(t, options(i))
	require.Equal(t, devserver.StateFolder, start.Code)
	require.Equal(t, fmt.Sprintf("embedded Temporal: %q is the log of a database that is no longer beside it",
		i.Path("temporal.db-wal")), start.Error())
}

func TestStart_UnwritableFolder(t *testing.T) {
	i := newInstall(t)
	// A folder where the database's draft belongs stops even root.
	require.NoError(t, os.MkdirAll(i.Path("temporal.db.new/x"), 0o700))
	start := refused(t, options(i))
	require.Equal(t, devserver.StateFolder, start.Code)
	require.Contains(t, start.Error(), i.Path("temporal.db.new"))
}

// A start that fails leaves lock, ports and discovery file as it found them.
func TestStart_FailureLeavesNothing(t *testing.T) {
	i := newInstall(t)
	o := options(i)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := devserver.Start(ctx, o)
	require.Error(t, err)
	_, running, err := i.Running()
	require.NoError(t, err)
	require.False(t, running)
	lock, err := i.Lock()
	require.NoError(t, err)
	lock.Release()
}

func TestStop_InMemory(t *testing.T) {
	i := newInstall(t)
	o := options(i)
	o.InMemory, o.Kind, o.ProductVersion = true, install.Run, "0.1.0"
	s, err := devserver.Start(t.Context(), o)
	require.NoError(t, err)

	d, running, err := i.Running()
	require.NoError(t, err)
	require.True(t, running)
	require.WithinDuration(t, time.Now(), d.StartedAt, time.Minute)
	d.StartedAt = time.Time{}
	require.Equal(t, install.Discovery{
		PID: os.Getpid(), Address: s.Address(), UIAddress: s.UIAddress(),
		ServerVersion: devserver.Version, ProductVersion: "0.1.0", Kind: install.Run,
	}, d)

	require.NoError(t, s.Stop())
	require.NoError(t, s.Stop(), "a second stop does nothing")
	require.NoError(t, s.Err())

	_, running, err = i.Running()
	require.NoError(t, err)
	require.False(t, running)
	for _, address := range []string{s.Address(), s.UIAddress()} {
		_, err := new(net.Dialer).DialContext(t.Context(), "tcp", address)
		require.Error(t, err, address)
	}
	_, err = os.Stat(i.Path("temporal.db"))
	require.ErrorIs(t, err, os.ErrNotExist)
}

// The write-ahead log is in the database file after a stop.
func TestStop_Checkpoints(t *testing.T) {
	i := newInstall(t)
	o := options(i)
	o.NoUI = true
	s, err := devserver.Start(t.Context(), o)
	require.NoError(t, err)
	require.Empty(t, s.UIAddress())
	require.Empty(t, s.LoginURL())
	_, err = dial(t, i, s, install.CLI).WorkflowService().ListNamespaces(t.Context(), &workflowservice.ListNamespacesRequest{})
	require.NoError(t, err)
	require.NoError(t, s.Stop())
	info, err := os.Stat(i.Path("temporal.db-wal"))
	require.NoError(t, err)
	require.Zero(t, info.Size())
}
