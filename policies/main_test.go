package policies_test

import (
	"errors"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/sandbox"
	"lazaret.dev/lazaret/sandbox/sandboxtest"
)

func TestMain(m *testing.M) {
	sandbox.MaybeInit()
	goleak.VerifyTestMain(m)
}

// newRunner skips the test, saying why, on a machine that cannot sandbox.
func newRunner(t *testing.T) *sandbox.Runner {
	t.Helper()
	return newPool(t, sandbox.PoolLimits{})
}

// newPool makes a runner that keeps sandboxes warm.
func newPool(t *testing.T, limits sandbox.PoolLimits) *sandbox.Runner {
	t.Helper()
	r, err := sandbox.New(sandbox.Options{Warm: limits})
	if errors.Is(err, sandbox.ErrUnavailable) && os.Getenv("CI") == "" {
		t.Skip(err)
	}
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, r.Close()) })
	return r
}

// spec is a Spec that runs a Python script at a level. Its calls by number are x86-64's.
func spec(t *testing.T, level policies.Level, source string) sandbox.Spec {
	t.Helper()
	s, err := policies.SpecFor(level)
	require.NoError(t, err)
	env := sandbox.HostEnvironment()
	s.Binds = env.Binds
	s.Files = append(env.Files, sandbox.File{Path: "/script.py", Content: []byte(sandboxtest.Here(source))})
	s.Argv = []string{"/usr/bin/python3", "-I", "-S", "-B", "/script.py"}
	s.Env = []string{"PATH=/usr/bin", "LANG=C.UTF-8"}
	return s
}

func run(t *testing.T, r *sandbox.Runner, level policies.Level, source string, change ...func(*sandbox.Spec)) sandbox.Result {
	t.Helper()
	s := spec(t, level, source)
	for _, c := range change {
		c(&s)
	}
	result, err := r.Run(t.Context(), s)
	require.NoError(t, err)
	return result
}
