package sandbox_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/sandbox"
)

// waiter is a program that waits as Warm asks for and then runs its late file.
const waiter = `
import sys
from io import FileIO
from os import environ, write
write(1, b"\n")
variables, _, rest = (b"\0" + FileIO(3).readall()).partition(b"\0\0")
environ.update(v.decode().split("=", 1) for v in variables.split(b"\0") if v)
sys.argv[1:] = rest.decode().split()
exec(open("/late.py").read())
`

// warmSpec is a Spec whose program can wait for the script.
func warmSpec(tb testing.TB, level policies.Level, script string) sandbox.Spec {
	tb.Helper()
	s := python(tb, level, "")
	waits(&s, script)
	return s
}

// waits has a Spec's Python wait for a script.
func waits(s *sandbox.Spec, script string) {
	s.Argv = []string{"/usr/bin/python3", "-I", "-S", "-c", "exec(open('/late.py').read())"}
	s.Files = append(s.Files, sandbox.File{Path: "/late.py", Content: []byte(script)})
	s.Warm = &sandbox.Warm{Argv: []string{"/usr/bin/python3", "-I", "-S", "-c", waiter}, Late: "/late.py"}
}

// warmRun runs a Spec in a sandbox that waited for it.
func warmRun(t *testing.T, r *sandbox.Runner, s sandbox.Spec) sandbox.Result {
	t.Helper()
	before := r.PoolStats().Hits
	require.NoError(t, r.Keep(t.Context(), s))
	result, err := r.Run(t.Context(), s)
	require.NoError(t, err)
	require.Equal(t, sandbox.Completed, result.Outcome, "%s", result.Stderr)
	require.Equal(t, before+1, r.PoolStats().Hits, "the run was not warm: %+v", r.PoolStats())
	return result
}

func TestPool_GivesARunWhatIsItsOwn(t *testing.T) {
	r := newPool(t, sandbox.PoolLimits{PerKind: 1})
	s := warmSpec(t, policies.Strict, "import os, sys; print(sys.argv[1:], sys.stdin.read(), os.environ['NAME'])")
	s.Env, s.Arguments, s.Stdin = []string{"NAME=Ada"}, []byte("one two"), []byte("in")
	assert.Equal(t, "['one', 'two'] in Ada\n", string(warmRun(t, r, s).Stdout))
	s.Env = []string{"NAME=Bob"}
	assert.Equal(t, "['one', 'two'] in Bob\n", string(warmRun(t, r, s).Stdout))
}

// TestPool_Once: no two runs are served by one process, and none finds anything
// of the one before.
func TestPool_Once(t *testing.T) {
	r := newPool(t, sandbox.PoolLimits{PerKind: 2})
	seen := map[string]bool{}
	for range 20 {
		s := warmSpec(t, policies.Standard, `
import builtins, os
print(id(object()), hash("x"), open("/proc/self/stat").read().split()[21], os.listdir("/tmp"), os.listdir("/scratch"), hasattr(builtins, "mark"))
builtins.mark = open("/tmp/mark", "w").write("x")`)
		out := string(warmRun(t, r, s).Stdout)
		assert.True(t, strings.HasSuffix(out, "[] [] False\n"), out)
		assert.False(t, seen[out], "twice: %s", out)
		seen[out] = true
	}
}

// TestPool_Kinds: whatever was settled at the start must be the same.
func TestPool_Kinds(t *testing.T) {
	dir := t.TempDir()
	for name, change := range map[string]func(*sandbox.Spec){
		"processes":  func(s *sandbox.Spec) { s.Limits.Processes = 5 },
		"memory":     func(s *sandbox.Spec) { s.Limits.Memory = 100 << 20 },
		"processor":  func(s *sandbox.Spec) { s.Limits.CPU = 0.5 },
		"cpu time":   func(s *sandbox.Spec) { s.Limits.CPUTime = time.Second },
		"open files": func(s *sandbox.Spec) { s.Limits.OpenFiles = 64 },
		"file size":  func(s *sandbox.Spec) { s.Limits.FileSize = 4096 },
		"directory":  func(s *sandbox.Spec) { s.Dir = "/usr" },
		"scratch":    func(s *sandbox.Spec) { s.Scratch = 1 << 20 },
		"proc":       func(s *sandbox.Spec) { s.Proc = false },
		"network":    func(s *sandbox.Spec) { s.Network.Mode = sandbox.Proxied },
		"file":       func(s *sandbox.Spec) { s.Files = append(s.Files, sandbox.File{Path: "/x", Content: []byte("x")}) },
		"bind":       func(s *sandbox.Spec) { s.Binds = append(s.Binds, dir) },
		"start":      func(s *sandbox.Spec) { s.Warm.Env = []string{"TZ=UTC"} },
		"program":    func(s *sandbox.Spec) { s.Warm.Argv = append(s.Warm.Argv, "x") },
		"late":       func(s *sandbox.Spec) { s.Warm.Late = "" },
		"never":      func(s *sandbox.Spec) { s.Warm = nil },
		"policy": func(s *sandbox.Spec) {
			other, err := policies.SpecFor(policies.Minimal)
			require.NoError(t, err)
			s.Syscalls = other.Syscalls
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newPool(t, sandbox.PoolLimits{PerKind: 1})
			require.NoError(t, r.Keep(t.Context(), warmSpec(t, policies.Standard, "")))
			other := warmSpec(t, policies.Standard, "print(1)")
			change(&other)
			result, err := r.Run(t.Context(), other)
			require.NoError(t, err)
			require.Equal(t, sandbox.Completed, result.Outcome, "%s", result.Stderr)
			assert.Equal(t, "1\n", string(result.Stdout))
			assert.Zero(t, r.PoolStats().Hits)
		})
	}
}

// TestPool_ReplacedBind: what was replaced on the host is another kind.
func TestPool_ReplacedBind(t *testing.T) {
	r := newPool(t, sandbox.PoolLimits{PerKind: 1})
	dir := t.TempDir() + "/packages"
	s := warmSpec(t, policies.Strict, "print(open('"+dir+"/version').read())")
	s.Binds = append(s.Binds, dir)
	for _, version := range []string{"1", "2"} {
		require.NoError(t, os.RemoveAll(dir))
		require.NoError(t, os.Mkdir(dir, 0o755))
		require.NoError(t, os.WriteFile(dir+"/version", []byte(version), 0o644))
		assert.Equal(t, version+"\n", string(warmRun(t, r, s).Stdout))
	}
}

// TestPool_TwoWarm: two sandboxes that wait at the same time see nothing of each
// other.
func TestPool_TwoWarm(t *testing.T) {
	r := newPool(t, sandbox.PoolLimits{PerKind: 2})
	s := warmSpec(t, policies.Standard, `
import os, socket, time
mine = socket.socket(socket.AF_UNIX); mine.bind("\0name"); mine.listen()
open("/tmp/" + os.environ["NAME"], "w").close()
time.sleep(0.3)
print(sorted(p for p in os.listdir("/proc") if p.isdigit()), os.listdir("/tmp"), os.getuid(), os.getpid())`)
	require.NoError(t, r.Keep(t.Context(), s))
	require.Eventually(t, func() bool { return r.PoolStats().Idle == 2 }, 20*time.Second, time.Millisecond)
	out := make(chan string)
	for _, name := range []string{"a", "b"} {
		go func() {
			s := s
			s.Env = []string{"NAME=" + name}
			result, err := r.Run(t.Context(), s)
			out <- fmt.Sprint(err, string(result.Stdout), string(result.Stderr))
		}()
	}
	got := []string{<-out, <-out}
	assert.ElementsMatch(t, []string{"<nil>['2'] ['a'] 1000 2\n", "<nil>['2'] ['b'] 1000 2\n"}, got)
	assert.EqualValues(t, 2, r.PoolStats().Hits)
}

// TestPool_Broken: a sandbox that died while it waited is thrown away, and the
// run goes on.
func TestPool_Broken(t *testing.T) {
	r := newPool(t, sandbox.PoolLimits{PerKind: 1})
	s := warmSpec(t, policies.Strict, "print(1)")
	require.NoError(t, r.Keep(t.Context(), s))
	pids := waiting(t)
	require.NotEmpty(t, pids)
	for _, pid := range pids {
		require.NoError(t, syscall.Kill(pid, syscall.SIGKILL))
		require.Eventually(t, func() bool { return syscall.Kill(pid, 0) != nil }, 10*time.Second, time.Millisecond)
	}
	result, err := r.Run(t.Context(), s)
	require.NoError(t, err)
	assert.Equal(t, "1\n", string(result.Stdout))
	assert.Zero(t, r.PoolStats().Hits)
	assert.Positive(t, r.PoolStats().Broken)
}

// waiting finds the programs that wait, as processes of the host.
func waiting(t *testing.T) []int {
	t.Helper()
	var found []int
	for _, dir := range ownGroups(t, os.Getpid()) {
		for word := range strings.FieldsSeq(readFile(t, dir+"/cgroup.procs")) {
			pid, err := strconv.Atoi(word)
			require.NoError(t, err)
			b, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
			if err == nil && strings.HasPrefix(string(b), "/usr/bin/python3") && !slices.Contains(found, pid) {
				found = append(found, pid) // in a group of each hierarchy
			}
		}
	}
	return found
}

// TestPool_NeverReady: a program that does not wait as it should serves nobody.
func TestPool_NeverReady(t *testing.T) {
	for name, script := range map[string]string{
		"ends":          "pass",
		"another sign":  "print('hello', flush=True); import time; time.sleep(60)",
		"breaks a rule": "import os\ntry: os.fork()\nexcept OSError: pass" + waiter,
	} {
		t.Run(name, func(t *testing.T) {
			r := newPool(t, sandbox.PoolLimits{PerKind: 1})
			s := warmSpec(t, policies.Strict, "print(1)")
			s.Warm.Argv = []string{"/usr/bin/python3", "-I", "-S", "-c", script}
			_ = r.Keep(t.Context(), s)
			result, err := r.Run(t.Context(), s)
			require.NoError(t, err)
			assert.Equal(t, "1\n", string(result.Stdout))
			assert.Zero(t, r.PoolStats().Hits)
		})
	}
}

// TestPool_Bounds: the pool keeps to its limits, and favours what was used last.
func TestPool_Bounds(t *testing.T) {
	r := newPool(t, sandbox.PoolLimits{PerKind: 1, Total: 2})
	for i := range 4 {
		s := warmSpec(t, policies.Strict, "print(1)")
		s.Warm.Env = []string{"N=" + strconv.Itoa(i)}
		require.NoError(t, r.Keep(t.Context(), s))
		assert.LessOrEqual(t, r.PoolStats().Idle, 2)
	}
	last := warmSpec(t, policies.Strict, "print(1)")
	last.Warm.Env = []string{"N=3"}
	warmRun(t, r, last)
	assert.Positive(t, r.PoolStats().Expired)
}

func TestPool_Memory(t *testing.T) {
	r := newPool(t, sandbox.PoolLimits{PerKind: 8, Memory: 20 << 20})
	require.NoError(t, r.Keep(t.Context(), warmSpec(t, policies.Strict, "print(1)")))
	require.Eventually(t, func() bool { return r.PoolStats().Idle > 1 }, 10*time.Second, time.Millisecond)
	assert.LessOrEqual(t, r.PoolStats().Memory, int64(20<<20))
}

func TestPool_Age(t *testing.T) {
	r := newPool(t, sandbox.PoolLimits{PerKind: 1, Age: 200 * time.Millisecond})
	require.NoError(t, r.Keep(t.Context(), warmSpec(t, policies.Strict, "print(1)")))
	require.Eventually(t, func() bool { return r.PoolStats().Idle == 0 && r.PoolStats().Expired > 0 }, 10*time.Second, 10*time.Millisecond)
}

// TestPool_SecondUse: what was asked for once is not kept warm.
func TestPool_SecondUse(t *testing.T) {
	r := newPool(t, sandbox.PoolLimits{PerKind: 1})
	s := warmSpec(t, policies.Strict, "print(1)")
	for range 2 {
		_, err := r.Run(t.Context(), s)
		require.NoError(t, err)
	}
	assert.EqualValues(t, 2, r.PoolStats().Misses)
	require.Eventually(t, func() bool { return r.PoolStats().Idle == 1 }, 20*time.Second, time.Millisecond)
	assert.EqualValues(t, 1, r.PoolStats().Started)
}

// TestPool_Limits: what the worker watches is the run's, not the kind's.
func TestPool_Limits(t *testing.T) {
	r := newPool(t, sandbox.PoolLimits{PerKind: 1})
	s := warmSpec(t, policies.Strict, "import time; print('x' * 100, flush=True); time.sleep(60)")
	s.Limits.Wall, s.Limits.Stdout = 200*time.Millisecond, 10
	require.NoError(t, r.Keep(t.Context(), s))
	result, err := r.Run(t.Context(), s)
	require.NoError(t, err)
	assert.Equal(t, sandbox.TimedOut, result.Outcome)
	assert.Equal(t, "xxxxxxxxxx", string(result.Stdout))
	assert.True(t, result.Truncated)

	ctx, cancel := context.WithCancel(t.Context())
	require.NoError(t, r.Keep(t.Context(), s))
	s.Limits.Wall = time.Minute
	time.AfterFunc(50*time.Millisecond, cancel)
	result, _ = r.Run(ctx, s)
	assert.Equal(t, sandbox.Cancelled, result.Outcome)
	assert.EqualValues(t, 2, r.PoolStats().Hits)
}

// TestPool_ForgetsTheRun: of the run for which a kind became known, nothing gets
// into the sandboxes that wait.
func TestPool_ForgetsTheRun(t *testing.T) {
	r := newPool(t, sandbox.PoolLimits{PerKind: 1})
	s := warmSpec(t, policies.Strict, "secret = 'of the file'")
	s.Env, s.Arguments, s.Stdin = []string{"SECRET=of the environment"}, []byte("of the arguments"), []byte("of the input")
	require.NoError(t, r.Keep(t.Context(), s))
	pids := waiting(t)
	require.Len(t, pids, 1)
	at := fmt.Sprintf("/proc/%d/", pids[0])
	assert.NotContains(t, readFile(t, at+"environ"), "SECRET")
	assert.Empty(t, readFile(t, at+"root/late.py"))
}
