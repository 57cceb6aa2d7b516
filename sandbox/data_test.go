package sandbox_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/sandbox"
)

// TestRun_DataIsNoCode: what a data folder holds can be read at every level, and
// at none be changed, executed or mapped to be executed.
func TestRun_DataIsNoCode(t *testing.T) {
	t.Parallel()
	r := newRunner(t)
	dir := dataFolder(t)
	for _, level := range policies.Levels() {
		spec := python(t, level, `
import ctypes, os, sys
folder = sys.argv[1]
print(open(folder + "/a.txt").read(), sorted(os.listdir(folder)))
def refused(what, act):
    try:
        act()
        print(what, "was possible")
    except OSError as e:
        print(what, "refused")
refused("writing", lambda: open(folder + "/b.txt", "w"))
refused("mapping", lambda: ctypes.CDLL(folder + "/library.so"))
if sys.argv[2] == "exec":
    refused("executing", lambda: os.execv(folder + "/program", ["program"]))
`)
		can := "no"
		if level == policies.Minimal {
			can = "exec" // at other levels the call itself ends the run, or is a violation
		}
		spec.Argv = append(spec.Argv, dir, can)
		spec.Data = []string{dir}
		result, err := r.Run(t.Context(), spec)
		require.NoError(t, err)
		want := "some data ['a.txt', 'library.so', 'program']\nwriting refused\nmapping refused\n"
		if can == "exec" {
			want += "executing refused\n"
		}
		require.Equal(t, want, string(result.Stdout), "%s: %s %s", level, result.Outcome, result.Stderr)
	}
}

// dataFolder has a text, a shared library and a program, readable by everybody.
func dataFolder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.Chmod(dir, 0o755)) // for the sandbox's user
	library, err := filepath.Glob("/usr/lib/*/libz.so.1")
	require.NoError(t, err)
	require.NotEmpty(t, library)
	for name, source := range map[string]string{"library.so": library[0], "program": "/usr/bin/true"} {
		content, err := os.ReadFile(source)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), content, 0o755))
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "a.txt"), []byte("some data"), 0o644))
	return dir
}

// TestRun_DataStaysApart: a data folder cannot take the place of the system's own.
func TestRun_DataStaysApart(t *testing.T) {
	t.Parallel()
	r := newRunner(t)
	for _, folder := range []string{"/usr", "/usr/share", "/", "/proc", "/tmp", "relative", "/etc"} {
		spec := python(t, policies.Maximum, "")
		spec.Data = []string{folder}
		_, err := r.Run(t.Context(), spec)
		require.ErrorIs(t, err, sandbox.ErrSpec, folder)
		require.ErrorContains(t, err, "data folder")
	}
}

// TestPool_DataIsOfTheKind: a sandbox that waits without a data folder, or with
// another, is not given to a run that has one; what comes into the folder later
// is seen.
func TestPool_DataIsOfTheKind(t *testing.T) {
	r := newPool(t, sandbox.PoolLimits{PerKind: 1})
	s := warmSpec(t, policies.Strict, "import os; print(sorted(os.listdir('"+t.TempDir()+"')))")
	dir := dataFolder(t)
	with := warmSpec(t, policies.Strict, "import os; print(sorted(os.listdir('"+dir+"')))")
	with.Data = []string{dir}
	require.NoError(t, r.Keep(t.Context(), s))
	result, err := r.Run(t.Context(), with)
	require.NoError(t, err)
	require.Equal(t, "['a.txt', 'library.so', 'program']\n", string(result.Stdout), "%s", result.Stderr)
	require.NoError(t, r.Keep(t.Context(), with))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "b.txt"), nil, 0o644))
	require.Equal(t, "['a.txt', 'b.txt', 'library.so', 'program']\n", string(warmRun(t, r, with).Stdout))
}
