package sandbox

import (
	"os"
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// A look at descriptors is not spoilt by a signal to its thread, which took a warm
// sandbox for a broken one.
func TestPollNow_UnderSignals(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	read, write, err := os.Pipe()
	require.NoError(t, err)
	defer func() { require.NoError(t, read.Close()); require.NoError(t, write.Close()) }()
	thread, process := unix.Gettid(), os.Getpid()
	var over atomic.Bool
	done := make(chan struct{})
	go func() {
		defer close(done)
		for !over.Load() {
			_ = unix.Tgkill(process, thread, unix.SIGURG) // as Go's scheduler does
		}
	}()
	for range 200_000 {
		n, err := pollNow([]unix.PollFd{{Fd: int32(read.Fd()), Events: unix.POLLIN}})
		require.NoError(t, err)
		require.Zero(t, n)
	}
	over.Store(true)
	<-done
}
