package sandbox_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/sandbox"
)

// complaints collects what a pool reports of its zygotes.
type complaints struct {
	mu  sync.Mutex
	all error
}

func (c *complaints) add(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all = errors.Join(c.all, err)
}

func (c *complaints) get() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.all
}

// newComplainingPool has zygotes that may not serve.
func newComplainingPool(t *testing.T) (*sandbox.Runner, *complaints) {
	t.Helper()
	c := &complaints{}
	return newPool(t, sandbox.PoolLimits{PerKind: 1, Refill: sandbox.RefillZygote, Report: c.add}), c
}

// lookOnce is look for a sandbox that need not be alive together with another.
var lookOnce = strings.Replace(look, "time.sleep(0.5)", "", 1)

// sees is what a run of lookOnce sees, but for what must differ.
func sees(t *testing.T, r *sandbox.Runner, s sandbox.Spec) view {
	t.Helper()
	result, err := r.Run(t.Context(), s)
	require.NoError(t, err)
	require.Equal(t, sandbox.Completed, result.Outcome, "%s", result.Stderr)
	assert.Empty(t, result.Violations)
	var v view
	require.NoError(t, json.Unmarshal(result.Stdout, &v), "%s", result.Stdout)
	v.NS, v.UIDMap = nil, nil
	return v
}

// answering has a zygote take a request and then speak for itself.
const answering = `
import os, socket
conn = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET, 0, fileno=4)
os.write(1, b"\n")
conn.recv(1)
def answer(kind, *descriptors):
    socket.send_fds(conn, [kind.to_bytes(4, "little") + bytes(8)], descriptors)
    conn.recv(1)
`

// copied is forkingWaiter with copies that do something before they wait.
func copied(does string) string {
	return strings.Replace(forkingWaiter, "serve()", "serve()\n"+does, 1)
}

// TestZygote_Unfit: a zygote that cannot be had, or does not serve, makes a run slower
// and not weaker: it happens in a sandbox from the start, which looks the same to it.
// Nothing is left of the attempt.
func TestZygote_Unfit(t *testing.T) {
	started := newPool(t, sandbox.PoolLimits{PerKind: 1})
	s := forkSpec(t, policies.Standard, lookOnce)
	require.NoError(t, started.Keep(t.Context(), s))
	want := sees(t, started, s)
	usual := census(t, started)
	require.NoError(t, started.Close())
	for name, unfit := range map[string]struct{ script, complaint string }{
		"ends":              {"raise SystemExit('no reason')", `it said "no reason"`},
		"not started":       {"", "zygote"},
		"has threads":       {"import _thread; l = _thread.allocate_lock(); l.acquire(); _thread.start_new_thread(l.acquire, ())\n" + forkingWaiter, "it has 2 threads"},
		"no ctypes":         {"import sys; sys.modules['_ctypes'] = None\n" + forkingWaiter, "_ctypes"},
		"another C library": {"import os; os.confstr = lambda name: None\n" + forkingWaiter, "the C library is not known"},
		"says more":         {"import os; os.write(1, b'\\n\\n'); os.read(4, 1)", "ready"},
		"never forks":       {"import os; os.write(1, b'\\n'); os.read(4, 1); os._exit(0)", "EOF"},
		"rubbish":           {answering + "conn.send(b'x' * 12); conn.recv(1)", "message of 12 bytes"},
		"short rubbish":     {answering + "socket.send_fds(conn, [b'y'], [0, 1, 2]); conn.recv(1)", "message of 1 bytes"},
		"another message":   {answering + "answer(6, 1)", "message 6"},
		"too many":          {answering + "answer(4, 0, 1, 2)", "message 4"},
		"no process":        {answering + "answer(4, 0)", "the pidfd does not tell its process"},
		"copies end":        {copied("raise SystemExit"), "ready"},
	} {
		t.Run(name, func(t *testing.T) {
			r, c := newComplainingPool(t)
			s := forkSpec(t, policies.Standard, lookOnce)
			if s.Warm.Zygote.Argv[4] = unfit.script; unfit.script == "" {
				s.Warm.Zygote.Argv[0] = "/usr/bin/absent"
			}
			require.NoError(t, r.Keep(t.Context(), s))
			assert.Equal(t, want, sees(t, r, s))
			stats := r.PoolStats()
			assert.EqualValues(t, 1, stats.Hits)
			assert.Positive(t, stats.Started)
			assert.Zero(t, stats.Forked)
			assert.EqualValues(t, 1, stats.Unfit)
			require.ErrorContains(t, c.get(), "zygote")
			require.ErrorContains(t, c.get(), unfit.complaint)
			now := census(t, r)
			assert.Equal(t, [4]int{usual.descriptors, usual.groups, usual.mounts, usual.processes}, [4]int{now.descriptors, now.groups, now.mounts, now.processes})
		})
	}
}

// TestZygote_Mute: one that hangs is given up, with what hangs on it.
func TestZygote_Mute(t *testing.T) {
	t.Parallel()
	for name, script := range map[string]string{
		"never ready":   "import os; os.read(4, 1)",
		"never answers": "import os; os.write(1, b'\\n'); os.read(4, 1); os.read(4, 1)",
		"copies hang":   copied("while True: pass"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, c := newComplainingPool(t)
			r.Setup(3 * time.Second)
			s := forkSpec(t, policies.Standard, "print(1)")
			s.Warm.Zygote.Argv[4] = script
			assert.Equal(t, "1\n", string(warmRun(t, r, s).Stdout))
			assert.Zero(t, r.PoolStats().Forked)
			require.ErrorContains(t, c.get(), "timeout")
		})
	}
}

// TestZygote_Hangs: a run does not wait for a zygote that hangs, and what comes too
// late for it serves another one.
func TestZygote_Hangs(t *testing.T) {
	r := newForkPool(t, sandbox.PoolLimits{PerKind: 1})
	r.Setup(time.Hour)
	s := forkSpec(t, policies.Standard, lookOnce)
	want := sees(t, r, s)
	require.NoError(t, r.Keep(t.Context(), s))
	z := zygoteOf(t)
	require.NoError(t, syscall.Kill(z, syscall.SIGSTOP))
	for range 4 { // the first one gets the copy that waits
		assert.Equal(t, want, sees(t, r, s))
	}
	stats := r.PoolStats()
	assert.EqualValues(t, 1, stats.Hits)
	assert.EqualValues(t, 1, stats.Forked)
	require.NoError(t, syscall.Kill(z, syscall.SIGCONT))
	require.Eventually(t, func() bool { return r.PoolStats().Idle == 1 && r.PoolStats().Forked >= 3 }, 30*time.Second, time.Millisecond)
	assert.Equal(t, want, sees(t, r, s))
	stats = r.PoolStats()
	assert.EqualValues(t, 2, stats.Hits)
	assert.Zero(t, stats.Started)
	assert.Zero(t, stats.Unfit)
	census(t, r) // comes to rest with the processes that it should have
}

// TestZygote_LateAnswer: the copy that a zygote makes when nobody waits for it any more
// is ended and waited for.
func TestZygote_LateAnswer(t *testing.T) {
	r, c := newComplainingPool(t)
	s := forkSpec(t, policies.Standard, "print(1)")
	require.NoError(t, r.Keep(t.Context(), s))
	z := zygoteOf(t)
	require.NoError(t, syscall.Kill(z, syscall.SIGSTOP))
	r.Setup(2 * time.Second)
	assert.Equal(t, "1\n", string(warmRun(t, r, s).Stdout))
	require.Eventually(t, func() bool { return r.PoolStats().Unfit == 1 }, 30*time.Second, time.Millisecond)
	require.ErrorContains(t, c.get(), "timeout")
	require.NoError(t, syscall.Kill(z, syscall.SIGCONT))
	census(t, r)
}

// TestZygote_BrokenCopies: copies that are not as they should be when their run comes
// are thrown away, and the run starts from the start.
func TestZygote_BrokenCopies(t *testing.T) {
	r := newForkPool(t, sandbox.PoolLimits{PerKind: 1})
	s := forkSpec(t, policies.Standard, "print(1)")
	s.Warm.Zygote.Argv[4] = copied("try: open('/etc/shadow')\nexcept OSError: pass")
	require.NoError(t, r.Keep(t.Context(), s))
	result, err := r.Run(t.Context(), s)
	require.NoError(t, err)
	assert.Equal(t, "1\n", string(result.Stdout))
	assert.Empty(t, result.Violations, "those of the run alone")
	assert.Zero(t, r.PoolStats().Hits)
	assert.GreaterOrEqual(t, r.PoolStats().Broken, uint64(2))
}

// TestZygote_Machines: what a machine must have for there to be zygotes.
func TestZygote_Machines(t *testing.T) {
	assert.Empty(t, sandbox.WhyNoZygote(true, true))
	assert.Equal(t, "zygote: there is none for this architecture", sandbox.WhyNoZygote(false, true))
	assert.Equal(t, "zygote: it takes root and user namespaces", sandbox.WhyNoZygote(true, false))
	for _, f := range sandbox.Features() {
		assert.Equal(t, "zygote: this machine lacks "+string(f), sandbox.WhyNoZygote(true, true, f))
	}
}

// TestZygote_Pythons: the versions that scripts may ask for are copied as well.
func TestZygote_Pythons(t *testing.T) {
	tried := 0
	for _, version := range []string{"3.10", "3.11", "3.12", "3.13", "3.14"} {
		paths, err := filepath.Glob(os.ExpandEnv("$HOME/.pyenv/versions/" + version + ".*/bin/python" + version))
		require.NoError(t, err)
		if len(paths) == 0 {
			continue
		}
		tried++
		t.Run(version, func(t *testing.T) {
			r := newForkPool(t, sandbox.PoolLimits{PerKind: 1})
			s := forkSpec(t, policies.Standard, "import sys, json, threading\nt = threading.Thread(target=print, args=(sys.version_info[:2],)); t.start(); t.join()")
			s.Binds = append(s.Binds, filepath.Dir(filepath.Dir(paths[0])))
			s.Argv[0], s.Warm.Argv[0], s.Warm.Zygote.Argv[0] = paths[0], paths[0], paths[0]
			for range 2 {
				assert.Equal(t, "("+strings.Replace(version, ".", ", ", 1)+")\n", string(warmRun(t, r, s).Stdout))
			}
			assert.Zero(t, r.PoolStats().Started)
		})
	}
	if tried == 0 {
		t.Skip("no other Python; pyenv install 3.10 3.11 3.12 3.13")
	}
}

// TestZygote_ClosedWhileItForks: of a copy that is being made when the runner is closed
// nothing is left either.
func TestZygote_ClosedWhileItForks(t *testing.T) {
	newRunner(t) // for the skip
	s := forkSpec(t, policies.Standard, "print(1)")
	for i := range 40 {
		r, err := sandbox.New(sandbox.Options{Prepared: 1, Warm: sandbox.PoolLimits{PerKind: 2, Refill: sandbox.RefillZygote}})
		require.NoError(t, err)
		require.NoError(t, r.Keep(t.Context(), s))
		_, err = r.Run(t.Context(), s) // it takes one, and another one is made
		require.NoError(t, err)
		time.Sleep(time.Duration(i) * 250 * time.Microsecond)
		require.NoError(t, r.Close())
		for _, child := range described(children(t)) {
			require.NotContains(t, child, "python3")
		}
	}
}
