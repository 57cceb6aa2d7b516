package checker

import (
	"errors"
	"os"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/sandbox"
)

func TestMain(m *testing.M) {
	sandbox.MaybeInit()
	code := m.Run()
	if r, err := sharedRunner(); err == nil {
		_ = r.Close()
	}
	os.Exit(code)
}

var sharedRunner = sync.OnceValues(func() (*sandbox.Runner, error) { return sandbox.New(sandbox.Options{}) })

// newRunner skips the test, saying why, on a machine that cannot sandbox.
func newRunner(tb testing.TB) *sandbox.Runner {
	tb.Helper()
	r, err := sharedRunner()
	if errors.Is(err, sandbox.ErrUnavailable) && os.Getenv("CI") == "" {
		tb.Skip(err)
	}
	require.NoError(tb, err)
	return r
}

func newChecker(tb testing.TB) *Checker {
	tb.Helper()
	return &Checker{Runner: newRunner(tb), Python: "/usr/bin/python3"}
}
