package sandbox_test

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/sandbox"
	"lazaret.dev/lazaret/sandbox/sandboxtest"
	"lazaret.dev/lazaret/sandbox/zygote"
)

// workerVariable turns the test binary into a worker that is to be killed.
const workerVariable = "LAZARET_TEST_WORKER"

func TestMain(m *testing.M) {
	sandbox.MaybeInit()
	sandboxtest.Enter()
	if os.Getenv(jobVariable) != "" {
		doJob()
		return
	}
	if os.Getenv(workerVariable) != "" {
		doomedWorker()
		return
	}
	skipExamples()
	goleak.VerifyTestMain(m)
}

// skipExamples leaves out what cannot skip itself on a machine that cannot sandbox.
func skipExamples() {
	r, err := sandbox.New(sandbox.Options{Prepared: 1})
	if err == nil {
		err = r.Close()
	}
	if err != nil && os.Getenv("CI") == "" {
		flag.Parse()
		_ = flag.Set("test.run", "^Test")
	}
}

// newRunner skips the test, saying why, on a machine that cannot sandbox; not in
// CI, where every layer must be there.
func newRunner(tb testing.TB) *sandbox.Runner {
	tb.Helper()
	return newPool(tb, sandbox.PoolLimits{})
}

// newPool makes a runner that keeps sandboxes warm.
func newPool(tb testing.TB, limits sandbox.PoolLimits) *sandbox.Runner {
	tb.Helper()
	r, err := sandbox.New(sandbox.Options{Warm: limits})
	if errors.Is(err, sandbox.ErrUnavailable) && os.Getenv("CI") == "" {
		tb.Skip(err)
	}
	require.NoError(tb, err)
	tb.Cleanup(func() { require.NoError(tb, r.Close()) })
	return r
}

// python is a Spec that runs a script at a level, small and short. Its calls by number are x86-64's.
func python(tb testing.TB, level policies.Level, script string) sandbox.Spec {
	tb.Helper()
	s, err := policies.SpecFor(level)
	require.NoError(tb, err)
	env := sandbox.HostEnvironment()
	s.Binds, s.Files = env.Binds, env.Files
	s.Argv = []string{"/usr/bin/python3", "-I", "-S", "-c", sandboxtest.Here(script)}
	s.Limits.Wall, s.Limits.Memory = 10*time.Second, 128<<20
	return s
}

// doomedWorker starts a program that leaves a daemon, says so, and waits to be killed.
func doomedWorker() {
	r, err := sandbox.New(sandbox.Options{Warm: sandbox.PoolLimits{PerKind: 2, Refill: sandbox.RefillZygote, Report: func(err error) { panic(err) }}})
	if err != nil {
		panic(err)
	}
	s, err := policies.SpecFor(policies.Standard)
	if err != nil {
		panic(err)
	}
	env := sandbox.HostEnvironment()
	s.Binds, s.Files = env.Binds, env.Files
	s.Argv = []string{"/usr/bin/python3", "-I", "-S", "-c", "pass"}
	s.Warm = &sandbox.Warm{Argv: []string{"/usr/bin/python3", "-I", "-S", "-c", waiter}, Zygote: &sandbox.Zygote{
		Argv:  []string{"/usr/bin/python3", "-I", "-S", "-c", forkingWaiter},
		Files: []sandbox.File{{Path: "/zygote.py", Content: zygote.Python}},
	}}
	if err := r.Keep(context.Background(), s); err != nil {
		panic(err)
	}
	s.Warm = nil
	s.Argv = []string{"/usr/bin/python3", "-I", "-S", "-c", daemon + "\nprint('x' * (1 << 20)); time.sleep(600)"}
	started := bufio.NewWriter(os.Stdout)
	time.AfterFunc(500*time.Millisecond, func() { _, _ = started.WriteString("running\n"); _ = started.Flush() })
	_, _ = r.Run(context.Background(), s)
}
