package sandbox

import (
	"errors"
	"os"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// underSignals calls look many times while its thread gets one signal after the other,
// as Go's scheduler sends them.
func underSignals(t *testing.T, look func()) {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	thread, process := unix.Gettid(), os.Getpid()
	var over atomic.Bool
	done := make(chan struct{})
	defer func() { over.Store(true); <-done }()
	go func() {
		defer close(done)
		for !over.Load() {
			_ = unix.Tgkill(process, thread, unix.SIGURG)
		}
	}()
	for range 200_000 {
		look()
	}
}

// silent is a descriptor that has nothing to read.
func silent(t *testing.T) *os.File {
	t.Helper()
	read, write, err := os.Pipe()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, errors.Join(read.Close(), write.Close())) })
	return read
}

// A look at descriptors is not spoilt by a signal to its thread, which took a warm
// sandbox for a broken one.
func TestPollNow_UnderSignals(t *testing.T) {
	read := silent(t)
	underSignals(t, func() {
		n, err := pollNow([]unix.PollFd{{Fd: int32(read.Fd()), Events: unix.POLLIN}})
		require.NoError(t, err)
		require.Zero(t, n)
	})
}

// Nor is a look at a zygote, which was replaced by another one for nothing.
func TestSpent_UnderSignals(t *testing.T) {
	z := &forkServer{own: &run{pidfd: silent(t)}, born: time.Now()}
	underSignals(t, func() { require.False(t, z.spent(time.Hour)) })
}
