package activities

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/sandbox"
)

// newWarmRunner keeps one sandbox of each kind warm.
func newWarmRunner(t *testing.T) *sandbox.Runner {
	t.Helper()
	newRunner(t) // for the skip
	return newPool(t, sandbox.PoolLimits{PerKind: 1})
}

func newPool(t *testing.T, limits sandbox.PoolLimits) *sandbox.Runner {
	t.Helper()
	limits.Report = func(err error) { t.Error(err) }
	r, err := sandbox.New(sandbox.Options{Warm: limits})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, r.Close()) })
	return r
}

// runWarm runs a Spec in a sandbox that waited for it.
func runWarm(t *testing.T, r *sandbox.Runner, spec sandbox.Spec) sandbox.Result {
	t.Helper()
	before := r.PoolStats()
	require.NoError(t, r.Keep(t.Context(), spec))
	result, err := r.Run(t.Context(), spec)
	require.NoError(t, err)
	require.Equal(t, before.Hits+1, r.PoolStats().Hits, "the run was not warm: %+v", r.PoolStats())
	return result
}

// TestWarm_LikeCold: a script cannot tell by what it is given, says and leaves
// whether its interpreter waited for it, nor how that was made.
func TestWarm_LikeCold(t *testing.T) {
	t.Run("started", func(t *testing.T) { likeCold(t, newWarmRunner(t)) })
	t.Run("forked", func(t *testing.T) {
		newRunner(t) // for the skip
		r := newPool(t, sandbox.PoolLimits{PerKind: 1, Refill: sandbox.RefillZygote})
		likeCold(t, r)
		stats := r.PoolStats()
		require.Zero(t, stats.Started)
		require.Positive(t, stats.Forked)
	})
}

func likeCold(t *testing.T, warm *sandbox.Runner) {
	t.Helper()
	cold := newRunner(t)
	for name, request := range map[string]contract.Process{
		"arguments":   {Code: `import sys; print(sys.argv, name, tags)`, Arguments: json.RawMessage(`{"name": "é\u0000", "tags": [1, null]}`)},
		"list":        {Code: `import sys; print(sys.argv)`, Arguments: json.RawMessage(`["a", 1, {"b": true}]`)},
		"none":        {Code: `import os, sys; print(sys.argv, sys.orig_argv, sys.flags, sys._xoptions, sys.path, sorted(globals()), os.listdir("/lazaret"))`},
		"environment": {Code: `import os; print(dict(os.environ)); os.environ["X"] = "1"; print(os.environb[b"X"])`, Arguments: json.RawMessage(`[]`), Environment: map[string]string{"A": "b=c", "TZ": "Asia/Tokyo", "EMPTY": ""}},
		"time zone":   {Code: `import time; print(time.tzname, time.localtime(0))`, Environment: map[string]string{"TZ": "Asia/Tokyo"}},
		"input":       {Code: `import sys; print(repr(sys.stdin.read()))`, Stdin: "one\ntwo\x00"},
		"own file":    {Code: "# é\nprint(open(__file__).read(), __file__, __name__)"},
		"traceback":   {Code: "def f(x):\n    return 1 / x\n\nf(0)"},
		"syntax":      {Code: "x = (\n"},
		"exit":        {Code: "import sys; print('bye', file=sys.stderr); sys.exit(7)"},
		"signal":      {Code: "import os; os.abort()"},
		"descriptors": {Code: "import os\nfor n in range(64):\n    try: os.fstat(n); print(n)\n    except OSError: pass"},
		"read-only":   {Code: "try: open(__file__, 'w')\nexcept OSError as e: print(e)"},
		"denied":      {Code: "import os\ntry: os.fork()\nexcept OSError as e: print(e)"},
		"inspect":     {Code: "import inspect\ndef f(): return 1\nprint(inspect.getsource(f))"},
		"large":       {Code: "#" + strings.Repeat("x", 900_000) + "\nprint(len(open(__file__).read()))"},
	} {
		for _, level := range policies.Levels() {
			t.Run(name+"/"+level.String(), func(t *testing.T) {
				request.Language = "python"
				spec, err := HostInterpreters().Spec(request, level)
				require.NoError(t, err)
				want, err := cold.Run(t.Context(), spec)
				require.NoError(t, err)
				got := runWarm(t, warm, spec)
				for _, r := range []*sandbox.Result{&want, &got} {
					r.Usage = sandbox.Usage{}
					for i := range r.Violations {
						r.Violations[i].ID = ""
					}
				}
				require.Equal(t, string(want.Stdout), string(got.Stdout))
				require.Equal(t, string(want.Stderr), string(got.Stderr))
				require.Equal(t, want, got)
			})
		}
	}
}

// TestWarm_Variables: what a definition puts into the environment, a secret maybe, is in
// no interpreter that waits, and does not make it another kind of sandbox; what
// libraries read only at the start is there from the start.
func TestWarm_Variables(t *testing.T) {
	newRunner(t) // for the skip
	r := newPool(t, sandbox.PoolLimits{PerKind: 1, Refill: sandbox.RefillZygote})
	for i, secret := range []string{"first", "second"} {
		request := contract.Process{
			Language: "python", Code: `import os, time; print(os.environ["TOKEN"], time.tzname[0])`,
			Environment: map[string]string{"TOKEN": secret, "TZ": "Asia/Tokyo"}, Arguments: json.RawMessage(`{"a": 1}`),
		}
		spec, err := HostInterpreters().Spec(request, policies.Strict)
		require.NoError(t, err)
		require.Equal(t, []string{"PATH=/usr/bin:/bin", "HOME=/", "LANG=C.UTF-8", "TZ=Asia/Tokyo"}, spec.Warm.Env)
		require.Equal(t, secret+" JST\n", string(runWarm(t, r, spec).Stdout))
		require.EqualValues(t, 1, r.PoolStats().Hatched, "run %d was of another kind", i)
	}
}
