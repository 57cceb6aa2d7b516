package sandbox_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/sandbox"
	"lazaret.dev/lazaret/sandbox/seccomp"
)

// channels are ways by which two programs on one machine can tell each other
// something. Each prints SEEN if it sees another's sign, and then leaves its own.
var channels = map[string]string{
	"lock of a shared file": `
import fcntl
f = open("/usr/bin/env")
try:
    fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
except BlockingIOError:
    print("SEEN")
except PermissionError:
    pass`,
	"record lock of a shared file": `
import fcntl, struct
f = open("/usr/bin/env")
ask = struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, 0, 0, 0)
try:
    if struct.unpack("hhqqi4x", fcntl.fcntl(f, fcntl.F_GETLK, ask))[0] != fcntl.F_UNLCK:
        print("SEEN")
    fcntl.fcntl(f, fcntl.F_SETLK, struct.pack("hhqqi4x", fcntl.F_RDLCK, 0, 0, 0, 0))
except PermissionError:
    pass`,
	"watch of a shared file": `
import ctypes, os, time
libc = ctypes.CDLL(None, use_errno=True)
fd = libc.inotify_init1(os.O_NONBLOCK)
if libc.inotify_add_watch(fd, b"/usr/share", 0xfff) >= 0:
    time.sleep(0.3)
    try:
        print("SEEN", os.read(fd, 4096))
    except BlockingIOError:
        pass
os.listdir("/usr/share")`,
	"abstract socket": `
import socket
s = socket.socket(socket.AF_UNIX)
try:
    s.connect("\0lazaret-covert")
    print("SEEN")
except OSError:
    pass
t = socket.socket(socket.AF_UNIX)
t.bind("\0lazaret-covert"), t.listen()`,
	"shared memory": `
import ctypes, os
if os.path.exists("/dev/shm/covert") or os.path.exists("/tmp/covert") or os.path.exists("/scratch/covert"):
    print("SEEN")
for d in ("/dev/shm", "/tmp", "/scratch"):
    open(d + "/covert", "w").close()`,
	"System V shared memory": `
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
if libc.shmget(0x1234, 4096, 0o666) >= 0:
    print("SEEN")
libc.shmget(0x1234, 4096, 0o1666)`,
	"keyring": `
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
if libc.syscall(249, b"user", b"covert", None, -4) >= 0:
    print("SEEN")
libc.syscall(248, b"user", b"covert", b"x", ctypes.c_long(1), -4)`,
	"processes": `
import os
if any(p.isdigit() and int(p) > 3 for p in os.listdir("/proc")):
    print("SEEN")`,
}

// TestTwoSandboxesSeeNothing runs each channel in two sandboxes that live at the same time.
func TestTwoSandboxesSeeNothing(t *testing.T) {
	r := newRunner(t)
	for name, script := range channels {
		for _, level := range []policies.Level{policies.Standard, policies.Minimal} {
			t.Run(name+"/"+level.String(), func(t *testing.T) {
				var both sync.WaitGroup
				for range 2 {
					both.Go(func() {
						s := python(t, level, script+"\nimport time; time.sleep(0.4)")
						result, err := r.Run(t.Context(), s)
						if !assert.NoError(t, err) { //nolint:testifylint // require is for the test's own goroutine
							return
						}
						assert.Equal(t, sandbox.Completed, result.Outcome, "%s", result.Stderr)
						assert.Empty(t, string(result.Stdout))
					})
					time.Sleep(100 * time.Millisecond)
				}
				both.Wait()
			})
		}
	}
}

// TestSharedFileLocks_AreReported: the attempt is a violation, the same on a file
// of one's own is none.
func TestSharedFileLocks_AreReported(t *testing.T) {
	r := newRunner(t)
	result, err := r.Run(t.Context(), python(t, policies.Standard, `
import fcntl
fcntl.flock(open("/tmp/x", "w"), fcntl.LOCK_EX)
try:
    fcntl.flock(open("/usr/bin/env"), fcntl.LOCK_SH)
except PermissionError:
    print("refused")`))
	require.NoError(t, err)
	assert.Equal(t, "refused\n", string(result.Stdout), "%s", result.Stderr)
	require.Len(t, result.Violations, 1)
	assert.Equal(t, sandbox.UnauthorizedFileAccess, result.Violations[0].Type)
	assert.Equal(t, `share "/usr/bin/env"`, result.Violations[0].Detail)
}

// TestChannels_AreReal: where nobody refuses them, the shared file's channels work.
func TestChannels_AreReal(t *testing.T) {
	r := newRunner(t)
	for _, name := range []string{"lock of a shared file", "record lock of a shared file", "watch of a shared file"} {
		t.Run(name, func(t *testing.T) {
			s := python(t, policies.Standard, channels[name]+"\nimport time; time.sleep(0.6)")
			permitted := seccomp.Call(seccomp.Allow, "flock", "fcntl", "inotify_add_watch")
			s.Syscalls = seccomp.Policy{Name: "permissive", Rules: append([]seccomp.Rule{permitted}, s.Syscalls.Rules...)}
			// The two must run at the same time, which a busy machine may miss.
			require.Eventually(t, func() bool {
				outputs := make(chan string, 2)
				for range cap(outputs) {
					go func() {
						result, _ := r.Run(context.Background(), s)
						outputs <- string(result.Stdout)
					}()
					time.Sleep(150 * time.Millisecond)
				}
				return strings.Contains(<-outputs+<-outputs, "SEEN")
			}, time.Minute, time.Millisecond)
		})
	}
}
