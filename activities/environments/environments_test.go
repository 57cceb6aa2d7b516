package environments_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/activities/environments"
	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/sandbox"
)

func TestMain(m *testing.M) {
	sandbox.MaybeInit()
	os.Exit(m.Run())
}

var (
	answer = map[string]string{"alpha/__init__.py": "import beta\nanswer = beta.value + 1\n"}
	value  = map[string]string{"beta.py": "value = 41\n"}
)

func newEnvironments(t *testing.T, index environments.Index) *environments.Environments {
	t.Helper()
	runner, err := sandbox.New(sandbox.Options{Prepared: 1})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, runner.Close()) })
	return &environments.Environments{
		Runner: runner, Index: index, Cache: environments.Cache{Dir: filepath.Join(t.TempDir(), "environments")},
	}
}

func python(t *testing.T) environments.Python {
	t.Helper()
	p, err := environments.FindPythons().Default("/usr/bin/python3")
	require.NoError(t, err)
	return p
}

func requireFault(t *testing.T, err error, kind environments.Kind, text string) {
	t.Helper()
	var f *environments.Fault
	require.ErrorAs(t, err, &f)
	assert.Equal(t, kind, f.Kind, "%v", err)
	assert.Contains(t, err.Error(), text)
}

func parseLock(t *testing.T, text string) environments.Lock {
	t.Helper()
	lock, err := environments.ParseLock(text)
	require.NoError(t, err)
	return lock
}

func TestResolveAndAcquire(t *testing.T) {
	index := newIndex(t)
	alpha := index.add(t, "alpha", "1.2.0", answer, "beta>=1,<2")
	beta := index.add(t, "beta", "1.0.0", value)
	index.add(t, "beta", "2.0.0", value)
	e := newEnvironments(t, index.index(t))
	lock, err := e.Resolve(t.Context(), python(t), []string{"alpha>=1"})
	require.NoError(t, err)
	assert.Equal(t, alpha+beta, lock.String())

	start := time.Now()
	dir, release, err := e.Acquire(t.Context(), python(t), lock)
	require.NoError(t, err)
	t.Logf("built in %s", time.Since(start))
	assert.FileExists(t, filepath.Join(dir, "alpha/__init__.py"))
	assert.FileExists(t, filepath.Join(dir, "beta-1.0.0.dist-info/METADATA"))
	compiled, err := filepath.Glob(filepath.Join(dir, "__pycache__/beta.*.pyc"))
	require.NoError(t, err)
	assert.Len(t, compiled, 1)
	release()

	asked := index.requests()
	start = time.Now()
	again, release, err := e.Acquire(t.Context(), python(t), lock)
	require.NoError(t, err)
	t.Logf("found in %s", time.Since(start))
	assert.Equal(t, dir, again)
	_, err = e.Resolve(t.Context(), python(t), []string{"alpha>=1"})
	require.NoError(t, err)
	assert.Equal(t, asked, index.requests(), "nothing more is asked of the index")
	release()
}

func TestAcquire_OnceForAll(t *testing.T) {
	index := newIndex(t)
	lock := parseLock(t, index.add(t, "beta", "1.0.0", value))
	e := newEnvironments(t, index.index(t))
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			_, release, err := e.Acquire(context.Background(), python(t), lock)
			if assert.NoError(t, err) {
				release()
			}
		})
	}
	all.Wait()
	assert.Equal(t, 2, index.requests(), "the page and the wheel, once each")
}

func TestAcquire_Faults(t *testing.T) {
	index := newIndex(t)
	index.add(t, "beta", "1.0.0", value)
	index.put("delta-1.0.0.tar.gz", []byte("source"))
	index.put("gamma-1.0.0-cp39-cp39-win_amd64.whl", wheel(t, "gamma", "1.0.0", "cp39-cp39-win_amd64", value))
	broken := []byte("not a zip file")
	index.put("broken-1.0.0-py3-none-any.whl", broken)
	e := newEnvironments(t, index.index(t))
	none := " --hash=sha256:" + strings.Repeat("0", 64)
	for _, test := range []struct {
		lock string
		kind environments.Kind
		text string
	}{
		{"beta==1.0.0" + none, environments.Refused, "package beta==1.0.0 of example.com"},
		{"delta==1.0.0" + none, environments.Invalid, "package delta==1.0.0 has no wheel in example.com"},
		{"gamma==1.0.0" + none, environments.Invalid, "for Python 3.11 on this machine"},
		{"zeta==1.0.0" + none, environments.Invalid, "package zeta==1.0.0 is not in example.com"},
		{lockLine("broken", "1.0.0", broken), environments.Invalid, "valid wheel"},
	} {
		_, _, err := e.Acquire(t.Context(), python(t), parseLock(t, test.lock))
		requireFault(t, err, test.kind, test.text)
	}
	_, err := e.Resolve(t.Context(), python(t), []string{"delta"})
	requireFault(t, err, environments.Invalid, "would have to be compiled; put a wheel of it there")
	_, err = e.Resolve(t.Context(), python(t), []string{"beta>=2"})
	requireFault(t, err, environments.Invalid, ", which has 1.0.0")
	_, err = e.Resolve(t.Context(), python(t), []string{"beta==1", "beta==2"})
	requireFault(t, err, environments.Invalid, "")
	requireClean(t, e)
}

// requireClean says that nothing is left of builds that failed.
func requireClean(t *testing.T, e *environments.Environments) {
	t.Helper()
	entries, err := os.ReadDir(e.Cache.Dir)
	require.NoError(t, err)
	for _, entry := range entries {
		assert.Equal(t, ".lock", filepath.Ext(entry.Name()))
	}
}

func TestAcquire_Unreachable(t *testing.T) {
	index := newIndex(t)
	e := newEnvironments(t, index.index(t))
	index.Close()
	_, err := e.Resolve(t.Context(), python(t), []string{"beta"})
	requireFault(t, err, environments.Unreachable, "package index example.com")
	requireFault(t, err, environments.Unreachable, "connection refused")
}

// Wherever a worker keeps its environments, a script of the strictest level may
// look there for what is not there, as imports do.
func TestAcquire_ReadAtLevelMaximum(t *testing.T) {
	folder, err := os.MkdirTemp("/var/tmp", "environments-") //nolint:usetesting // t.TempDir is below /tmp, where nobody is blamed for looking
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, os.RemoveAll(folder)) })
	e := newEnvironments(t, environments.Index{})
	e.Cache.Dir = folder
	dir, release, err := e.Cache.Acquire(t.Context(), "key", func(dir string) (int64, error) {
		return 10, os.WriteFile(filepath.Join(dir, "found.py"), []byte("answer = 42"), 0o444)
	})
	require.NoError(t, err)
	defer release()
	spec, err := policies.SpecFor(policies.Maximum)
	require.NoError(t, err)
	host := sandbox.HostEnvironment()
	spec.Binds, spec.Files = append(host.Binds, dir), append(host.Files, sandbox.File{Path: "/lazaret/x.py", Content: []byte(`
import sys
sys.path.append(sys.argv[1])
import found
for mode in "r", "w":
    try: open(sys.argv[1] + "/missing", mode)
    except OSError: pass
print(found.answer)
`)})
	spec.KillAt = sandbox.NoKill
	spec.MaxViolations = 0
	spec.Argv = []string{"/usr/bin/python3", "-I", "-S", "-B", "/lazaret/x.py", dir}
	result, err := e.Runner.Run(t.Context(), spec)
	require.NoError(t, err)
	assert.Equal(t, "42\n", string(result.Stdout), "%s", result.Stderr)
	require.Len(t, result.Violations, 1, "writing there, and nothing else")
	assert.Contains(t, result.Violations[0].Detail, "write")
}

// The same from a folder of wheels, without a network.
func TestAcquire_FromAFolder(t *testing.T) {
	folder := t.TempDir()
	data := wheel(t, "beta", "1.0.0", "py3-none-any", value)
	require.NoError(t, os.WriteFile(filepath.Join(folder, "beta-1.0.0-py3-none-any.whl"), data, 0o644))
	index, err := environments.NewIndex(folder, nil, nil)
	require.NoError(t, err)
	e := newEnvironments(t, index)
	lock, err := e.Resolve(t.Context(), python(t), []string{"beta"})
	require.NoError(t, err)
	assert.Equal(t, lockLine("beta", "1.0.0", data), lock.String())
	_, release, err := e.Acquire(t.Context(), python(t), lock)
	require.NoError(t, err)
	release()
}
