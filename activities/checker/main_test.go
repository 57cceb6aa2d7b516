package checker

import (
	"os"
	"testing"

	"lazaret.dev/lazaret/sandbox"
)

// runner is shared by all tests.
var runner *sandbox.Runner

func TestMain(m *testing.M) { os.Exit(withRunner(m)) }

func withRunner(m *testing.M) int {
	var err error
	if runner, err = sandbox.New(sandbox.Options{}); err == nil {
		defer func() { _ = runner.Close() }()
	}
	return m.Run()
}

// newChecker needs a machine that can sandbox.
func newChecker(tb testing.TB) *Checker {
	tb.Helper()
	if runner == nil {
		tb.Skip("this machine cannot sandbox")
	}
	return &Checker{Runner: runner, Python: "/usr/bin/python3"}
}
