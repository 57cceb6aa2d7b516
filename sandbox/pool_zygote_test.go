package sandbox_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/sandbox"
	"lazaret.dev/lazaret/sandbox/egress"
	"lazaret.dev/lazaret/sandbox/zygote"
)

// forkSpec is warmSpec with a zygote of the same program.
func forkSpec(tb testing.TB, level policies.Level, script string) sandbox.Spec {
	tb.Helper()
	s := python(tb, level, "")
	forkable(&s, script)
	return s
}

// forkable has a Spec's Python wait for a script, also as a zygote's copy.
func forkable(s *sandbox.Spec, script string) {
	waits(s, script)
	s.Warm.Zygote = &sandbox.Zygote{
		Argv:  []string{"/usr/bin/python3", "-I", "-S", "-c", forkingWaiter},
		Files: []sandbox.File{{Path: "/zygote.py", Content: zygote.Python}},
	}
}

// forkingWaiter is waiter in the copies of a zygote.
const forkingWaiter = "import random\nexec(open('/zygote.py').read()); serve()\n" + waiter

// newForkPool keeps sandboxes that are forked; a zygote that does not serve fails the test.
func newForkPool(tb testing.TB, limits sandbox.PoolLimits) *sandbox.Runner {
	tb.Helper()
	if zygote.Code() == nil && os.Getenv("CI") == "" {
		tb.Skip("no zygotes on this architecture")
	}
	limits.Refill = sandbox.RefillZygote
	limits.Report = func(err error) { tb.Error(err) }
	return newPool(tb, limits)
}

func TestZygote_GivesARunWhatIsItsOwn(t *testing.T) {
	r := newForkPool(t, sandbox.PoolLimits{PerKind: 1})
	for _, level := range policies.Levels() {
		s := forkSpec(t, level, "import os, sys; print(sys.argv[1:], sys.stdin.read(), os.environ['NAME'], os.getpid())")
		s.Arguments, s.Stdin = []byte("one two"), []byte("in")
		for _, name := range []string{"Ada", "Bob"} {
			s.Env = []string{"NAME=" + name}
			assert.Equal(t, "['one', 'two'] in "+name+" 2\n", string(warmRun(t, r, s).Stdout))
		}
	}
	stats := r.PoolStats()
	assert.Zero(t, stats.Started)
	assert.Equal(t, len(policies.Levels()), stats.Zygotes)
}

// TestZygote_Isolation: two live copies of one zygote have nothing in common that
// sandboxes started one by one have not, and neither sees the other or the zygote.
func TestZygote_Isolation(t *testing.T) {
	r := newForkPool(t, sandbox.PoolLimits{PerKind: 2})
	s := forkSpec(t, policies.Standard, look)
	require.NoError(t, r.Keep(t.Context(), s))
	z := zygoteOf(t)
	var views [2]view
	var both sync.WaitGroup
	for i := range views {
		both.Go(func() {
			result, err := r.Run(t.Context(), s)
			if assert.NoError(t, err) {
				assert.Empty(t, result.Violations)
				assert.NoError(t, json.Unmarshal(result.Stdout, &views[i]), "%s %s", result.Stdout, result.Stderr)
			}
		})
	}
	both.Wait()
	a, b := views[0], views[1]
	result, err := newRunner(t).Run(t.Context(), s)
	require.NoError(t, err)
	var cold view
	require.NoError(t, json.Unmarshal(result.Stdout, &cold), "%s", result.Stderr)
	for kind, inode := range a.NS {
		for _, pid := range []int{os.Getpid(), z} {
			link, err := os.Stat(fmt.Sprintf("/proc/%d/ns/%s", pid, kind))
			require.NoError(t, err)
			assert.NotEqual(t, statInode(link), inode, "%s namespace of process %d", kind, pid)
		}
		assert.NotEqual(t, b.NS[kind], inode, "two share a %s namespace", kind)
	}
	assert.Len(t, a.NS, 7)
	assert.Equal(t, cold.Status, a.Status)
	assert.NotEqual(t, b.UIDMap[1], a.UIDMap[1], "host user id")
	for _, v := range []*view{&a, &b, &cold} { // what must differ
		v.NS, v.UIDMap = nil, nil
	}
	assert.Equal(t, cold, a)
	assert.Equal(t, cold, b)
	assert.EqualValues(t, 2, r.PoolStats().Hits)
}

// zygoteOf finds the only zygote: the first, since a copy looks like it for a moment.
func zygoteOf(t *testing.T) int {
	t.Helper()
	all := zygotes(t)
	require.NotEmpty(t, all)
	return all[0]
}

// TestZygote_Confined: what forks the sandboxes has no rights, and sees little.
func TestZygote_Confined(t *testing.T) {
	r := newForkPool(t, sandbox.PoolLimits{PerKind: 1})
	require.NoError(t, r.Keep(t.Context(), forkSpec(t, policies.Strict, "")))
	at := fmt.Sprintf("/proc/%d/", zygoteOf(t))
	status := readFile(t, at+"status")
	for _, want := range []string{"CapPrm:\t0000000000000000", "CapEff:\t0000000000000000", "CapBnd:\t0000000000000000", "NoNewPrivs:\t1", "Seccomp:\t2", "Threads:\t1"} {
		assert.Contains(t, status, want)
	}
	for _, kind := range []string{"mnt", "net", "ipc", "uts", "cgroup"} {
		own, err := os.Stat("/proc/self/ns/" + kind)
		require.NoError(t, err)
		its, err := os.Stat(at + "ns/" + kind)
		require.NoError(t, err)
		assert.NotEqual(t, statInode(own), statInode(its), kind)
	}
	assert.NotContains(t, status, "Uid:\t0")
	var names []string
	root, err := os.ReadDir(at + "root")
	require.NoError(t, err)
	for _, entry := range root {
		names = append(names, entry.Name())
	}
	assert.NotContains(t, names, "home")
	assert.NotContains(t, names, "root")
	assert.Contains(t, readFile(t, at+"mountinfo"), "hidepid=invisible")
	assert.Contains(t, readFile(t, at+"cgroup"), "lazaret-")
}

// TestZygote_KnowsNoRun: nothing of a run gets into the zygote, nor through it into
// the next sandbox.
func TestZygote_KnowsNoRun(t *testing.T) {
	r := newForkPool(t, sandbox.PoolLimits{PerKind: 1})
	s := forkSpec(t, policies.Strict, "secret = 'KNOWN' + 'TO-FILE'; import sys; sys.stdin.read()")
	s.Env, s.Arguments, s.Stdin = []string{"SECRET=KNOWN" + "TO-ENV"}, []byte("KNOWN"+"TO-ARGS"), []byte("KNOWN"+"TO-STDIN")
	for range 2 {
		warmRun(t, r, s)
	}
	require.NoError(t, r.Keep(t.Context(), s))
	for _, pid := range append(waiting(t), zygoteOf(t)) {
		memory := memoryOf(t, pid)
		assert.Greater(t, len(memory), 1<<20)
		assert.False(t, bytes.Contains(memory, []byte("KNOWN"+"TO-")), "process %d", pid)
	}
}

// memoryOf reads what a process can read, but for what it has of files unchanged.
func memoryOf(t *testing.T, pid int) []byte {
	t.Helper()
	mem, err := os.Open(fmt.Sprintf("/proc/%d/mem", pid))
	require.NoError(t, err)
	defer func() { require.NoError(t, mem.Close()) }()
	var all []byte
	for line := range strings.Lines(readFile(t, fmt.Sprintf("/proc/%d/maps", pid))) {
		var from, to uint64
		var flags string
		_, err := fmt.Sscanf(line, "%x-%x %s", &from, &to, &flags)
		require.NoError(t, err)
		if strings.HasPrefix(flags, "rw") || flags[0] == 'r' && !strings.Contains(line, "/") && !strings.Contains(line, "[") {
			b := make([]byte, to-from)
			n, _ := mem.ReadAt(b, int64(from))
			all = append(all, b[:n]...)
		}
	}
	return all
}

// TestZygote_Random: what may be seeded anew is. The hash seed may not.
func TestZygote_Random(t *testing.T) {
	r := newForkPool(t, sandbox.PoolLimits{PerKind: 1})
	s := forkSpec(t, policies.Standard, "import os, random, ssl, uuid, tempfile\nfor x in random.random(), os.urandom(8), ssl.RAND_bytes(8), uuid.uuid4(), next(tempfile._RandomNameSequence()): print(x)")
	seen := map[string]bool{}
	for range 3 {
		for line := range strings.Lines(string(warmRun(t, r, s).Stdout)) {
			assert.False(t, seen[line], line)
			seen[line] = true
		}
	}
	assert.Len(t, seen, 15)
}

// TestZygote_Threads: the C library knows the copy's thread by its own id.
func TestZygote_Threads(t *testing.T) {
	r := newForkPool(t, sandbox.PoolLimits{PerKind: 1})
	s := forkSpec(t, policies.Standard, `
import os, signal, subprocess, threading
print(threading.get_native_id(), threading.main_thread().native_id, threading.current_thread() is threading.main_thread())
lock, all = threading.RLock(), []
def work(n):
    with lock: all.append(n)
ts = [threading.Thread(target=work, args=(n,)) for n in range(20)]
for t in ts: t.start()
for t in ts: t.join()
print(sorted(all) == list(range(20)), subprocess.run(["/usr/bin/python3", "-I", "-S", "-c", "print(1)"], capture_output=True).stdout)
if os.fork() == 0: os._exit(7)
print(os.wait()[1] >> 8, signal.getsignal(signal.SIGINT), flush=True)
signal.raise_signal(signal.SIGINT)`)
	require.NoError(t, r.Keep(t.Context(), s))
	result, err := r.Run(t.Context(), s)
	require.NoError(t, err)
	assert.Equal(t, "2 2 True\nTrue b'1\\n'\n7 <built-in function default_int_handler>\n", string(result.Stdout))
	assert.Contains(t, string(result.Stderr), "KeyboardInterrupt")
	assert.EqualValues(t, 1, r.PoolStats().Hits)
}

// TestZygote_Dies: what it has forked goes on, and another one takes its place.
func TestZygote_Dies(t *testing.T) {
	r := newForkPool(t, sandbox.PoolLimits{PerKind: 1})
	s := forkSpec(t, policies.Strict, "import time; time.sleep(0.5); print(1)")
	require.NoError(t, r.Keep(t.Context(), s))
	z := zygoteOf(t)
	done := make(chan sandbox.Result)
	go func() {
		result, err := r.Run(t.Context(), s)
		assert.NoError(t, err)
		done <- result
	}()
	require.Eventually(t, func() bool { return r.PoolStats().Hits == 1 }, 10*time.Second, time.Millisecond)
	require.Eventually(t, func() bool { return r.PoolStats().Idle == 1 }, 20*time.Second, time.Millisecond)
	require.NoError(t, syscall.Kill(z, syscall.SIGKILL))
	assert.Equal(t, "1\n", string((<-done).Stdout))
	for range 2 { // the one that waits already, and one of the new zygote's
		assert.Equal(t, "1\n", string(warmRun(t, r, s).Stdout))
	}
	require.Eventually(t, func() bool { return r.PoolStats().Hatched == 2 }, 20*time.Second, time.Millisecond)
	assert.Zero(t, r.PoolStats().Started)
}

// TestZygote_Connected: a copy has its service, its proxy and its names.
func TestZygote_Connected(t *testing.T) {
	r := newForkPool(t, sandbox.PoolLimits{PerKind: 1})
	s := forkSpec(t, policies.Standard, `
import os, socket
os.write(5, b"hello")
print(os.read(5, 10), os.environ["HTTP_PROXY"], open("/etc/resolv.conf").read().split()[1])
try: socket.create_connection(("denied.example", 80), 5)
except OSError as error: print(type(error).__name__)`)
	rule, err := egress.ParseRule("permitted.example:80")
	require.NoError(t, err)
	require.NoError(t, policies.Open(&s, policies.Standard, []egress.Rule{rule}))
	s.Service = func(_ context.Context, conn net.Conn, _ func(sandbox.Violation)) {
		b := make([]byte, 5)
		_, _ = io.ReadFull(conn, b)
		_, _ = conn.Write(bytes.ToUpper(b))
	}
	for range 2 {
		require.NoError(t, r.Keep(t.Context(), s))
		result, err := r.Run(t.Context(), s)
		require.NoError(t, err)
		assert.Contains(t, string(result.Stdout), "b'HELLO' http://127.0.0.1:3128 127.0.0.53\ngaierror\n", "%s", result.Stderr)
		require.Len(t, result.Violations, 1)
		assert.Contains(t, result.Violations[0].Detail, "denied.example")
	}
	assert.EqualValues(t, 2, r.PoolStats().Hits)
}

// TestZygote_OwnLayout: a kind that wants a memory layout of its own has it, unless
// the operator says otherwise.
func TestZygote_OwnLayout(t *testing.T) {
	for refill, forked := range map[sandbox.Refill]bool{sandbox.RefillAuto: false, sandbox.RefillZygote: true, sandbox.RefillStart: false, "": false} {
		r := newPool(t, sandbox.PoolLimits{PerKind: 1, Refill: refill})
		s := forkSpec(t, policies.Maximum, "print(1)")
		s.Warm.OwnLayout = true
		warmRun(t, r, s)
		assert.Equal(t, forked, r.PoolStats().Forked > 0, "%q", refill)
	}
}

// TestZygote_Crowd: runs that find none get one forked for them.
func TestZygote_Crowd(t *testing.T) {
	r := newForkPool(t, sandbox.PoolLimits{PerKind: 1})
	s := forkSpec(t, policies.Strict, "import sys; print(sys.argv[1])")
	require.NoError(t, r.Keep(t.Context(), s))
	var all sync.WaitGroup
	for i := range 16 {
		all.Go(func() {
			s := s
			s.Arguments = []byte(strconv.Itoa(i))
			result, err := r.Run(t.Context(), s)
			if assert.NoError(t, err) {
				assert.Equal(t, strconv.Itoa(i)+"\n", string(result.Stdout))
			}
		})
	}
	all.Wait()
	assert.EqualValues(t, 16, r.PoolStats().Hits)
	assert.Zero(t, r.PoolStats().Misses, "a run that gets a copy made for it has missed nothing")
	assert.Zero(t, r.PoolStats().Started)
}
