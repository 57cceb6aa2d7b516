package sandbox_test

import (
	"context"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/sandbox"
	"lazaret.dev/lazaret/sandbox/seccomp"
)

// TestOutcomes produces every outcome that a started program can have.
func TestOutcomes(t *testing.T) {
	r := newRunner(t)
	for _, c := range []struct {
		want   sandbox.Outcome
		level  policies.Level
		script string
		wall   time.Duration
		check  func(*testing.T, sandbox.Result)
	}{
		{sandbox.Completed, policies.Maximum, "print(1)", 0, func(t *testing.T, r sandbox.Result) {
			t.Helper()
			assert.Equal(t, "1\n", string(r.Stdout))
			assert.Positive(t, r.Usage.CPU)
			assert.Positive(t, r.Usage.MaxMemory)
		}},
		{sandbox.Failed, policies.Maximum, "import sys; sys.exit('no')", 0, func(t *testing.T, r sandbox.Result) {
			t.Helper()
			assert.Equal(t, 1, r.Code)
			assert.Equal(t, "no\n", string(r.Stderr))
		}},
		{sandbox.Signalled, policies.Maximum, "import os; os.abort()", 0, func(t *testing.T, r sandbox.Result) {
			t.Helper()
			assert.Equal(t, syscall.SIGABRT, r.Signal)
		}},
		{sandbox.TimedOut, policies.Maximum, "while True: pass", 200 * time.Millisecond, func(t *testing.T, r sandbox.Result) {
			t.Helper()
			assert.InDelta(t, 200, r.Usage.Wall.Milliseconds(), 150)
		}},
		{sandbox.MemoryLimit, policies.Maximum, "x = bytearray(1 << 30)", 0, limitHit("memory")},
		{sandbox.PidsLimit, policies.Standard, "import os, time\nwhile True:\n  if not os.fork(): time.sleep(9)", 0, limitHit("processes")},
		{sandbox.OutputLimit, policies.Maximum, "while True: print('x' * 9999)", 0, func(t *testing.T, r sandbox.Result) {
			t.Helper()
			assert.Len(t, r.Stdout, 1<<20)
			assert.True(t, r.Truncated)
		}},
		{sandbox.Denied, policies.Maximum, "import os; os.fork()", 0, func(t *testing.T, r sandbox.Result) {
			t.Helper()
			require.Len(t, r.Violations, 1)
			v := r.Violations[0]
			assert.NotEmpty(t, v.ID)
			v.ID, v.Command = "", ""
			assert.Equal(t, sandbox.Violation{
				Type: sandbox.UnauthorizedSystemCall, Severity: sandbox.Medium, Syscall: "clone",
				Detail: "flags of a fork", Count: 1, Action: "kill", PID: sandbox.ProgramPID,
			}, v)
		}},
	} {
		t.Run(string(c.want), func(t *testing.T) {
			s := python(t, c.level, c.script)
			if c.wall > 0 {
				s.Limits.Wall = c.wall
			}
			result, err := r.Run(t.Context(), s)
			require.NoError(t, err)
			require.Equal(t, c.want, result.Outcome, "%s %+v", result.Stderr, result.Violations)
			c.check(t, result)
		})
	}
}

func limitHit(which string) func(*testing.T, sandbox.Result) {
	return func(t *testing.T, r sandbox.Result) {
		t.Helper()
		require.Len(t, r.Violations, 1)
		assert.Equal(t, sandbox.ResourceLimitExceeded, r.Violations[0].Type)
		assert.Equal(t, which, r.Violations[0].Detail)
	}
}

// fillScratch holds one mebibyte at a time: some kernels charge for pages of zeros that are only read.
const fillScratch = "try:\n  with open('/scratch/x', 'wb', 0) as f:\n    for i in range(65): f.write(bytes(1 << 20))\nexcept OSError: pass"

// TestRun_Limits names the limits that end a run or are only hit.
func TestRun_Limits(t *testing.T) {
	r := newRunner(t)
	for _, c := range []struct {
		detail string
		script string
		change func(*sandbox.Limits)
		want   sandbox.Outcome
	}{
		{"wall time", "while True: pass", func(l *sandbox.Limits) { l.Wall = 200 * time.Millisecond }, sandbox.TimedOut},
		{"CPU time", "while True: pass", func(l *sandbox.Limits) { l.CPUTime = time.Second }, sandbox.TimedOut},
		{"processes", "import os, time\ntry:\n  while True: os.fork() or time.sleep(9)\nexcept OSError: pass", func(l *sandbox.Limits) { l.Processes = 8 }, sandbox.Completed},
		{"memory", "import os\nif os.fork() == 0: x = bytearray(1 << 30)\nos.wait()", nil, sandbox.Completed},
		{"/scratch is full", fillScratch, nil, sandbox.Completed},
		{
			"file size", "import signal\nsignal.signal(signal.SIGXFSZ, signal.SIG_DFL)\nopen('/scratch/x', 'wb').write(bytes(1 << 20))",
			func(l *sandbox.Limits) { l.FileSize = 4096 }, sandbox.Signalled,
		},
	} {
		t.Run(c.detail, func(t *testing.T) {
			s := python(t, policies.Standard, c.script)
			if c.change != nil {
				c.change(&s.Limits)
			}
			result, err := r.Run(t.Context(), s)
			require.NoError(t, err)
			assert.Equal(t, c.want, result.Outcome, "%s", result.Stderr)
			limitHit(c.detail)(t, result)
		})
	}
}

func TestRun_Cancelled(t *testing.T) {
	r := newRunner(t)
	// Long enough to have started on a busy machine: before that, Run has nothing to report.
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	result, err := r.Run(ctx, python(t, policies.Standard, "import time; time.sleep(30)"))
	require.NoError(t, err)
	assert.Equal(t, sandbox.Cancelled, result.Outcome)
}

func TestRun_CancelledBeforeItStarts(t *testing.T) {
	r := newRunner(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	result, err := r.Run(ctx, python(t, policies.Maximum, "print('ESCAPED')"))
	require.ErrorIs(t, err, context.Canceled)
	assert.Equal(t, sandbox.Cancelled, result.Outcome)
}

func TestRun_SandboxErrors(t *testing.T) {
	r := newRunner(t)
	for name, spoil := range map[string]func(*sandbox.Spec){
		"no program":            func(s *sandbox.Spec) { s.Argv = nil },
		"program outside binds": func(s *sandbox.Spec) { s.Argv[0] = "/opt/x" },
		"program not there":     func(s *sandbox.Spec) { s.Argv[0] = "/usr/bin/no-such-program" },
		"directory not there":   func(s *sandbox.Spec) { s.Dir = "/nowhere" },
		"bind not there":        func(s *sandbox.Spec) { s.Binds = append(s.Binds, "/no-such-bind") },
		"bind of a device":      func(s *sandbox.Spec) { s.Binds = append(s.Binds, "/dev/mem") },
		"bind of the root":      func(s *sandbox.Spec) { s.Binds = append(s.Binds, "/") },
		"file in a bind":        func(s *sandbox.Spec) { s.Files = append(s.Files, sandbox.File{Path: "/lib/x"}) },
		"file twice":            func(s *sandbox.Spec) { s.Files = append(s.Files, sandbox.File{Path: "/a"}, sandbox.File{Path: "/a"}) },
		"file with dots":        func(s *sandbox.Spec) { s.Files = append(s.Files, sandbox.File{Path: "/a/../b"}) },
		"no time":               func(s *sandbox.Spec) { s.Limits.Wall = 0 },
		"no memory":             func(s *sandbox.Spec) { s.Limits.Memory = 0 },
		"no policy":             func(s *sandbox.Spec) { s.Syscalls = seccomp.Policy{} },
		"NUL in an argument":    func(s *sandbox.Spec) { s.Argv = append(s.Argv, "a\x00b") },
	} {
		t.Run(name, func(t *testing.T) {
			s := python(t, policies.Maximum, "print('ESCAPED')")
			spoil(&s)
			result, err := r.Run(t.Context(), s)
			require.ErrorIs(t, err, sandbox.ErrSpec)
			assert.Equal(t, sandbox.SandboxError, result.Outcome)
			assert.Empty(t, result.Stdout)
		})
	}
}

func TestRun_AfterClose(t *testing.T) {
	r := newRunner(t)
	require.NoError(t, r.Close())
	_, err := r.Run(t.Context(), python(t, policies.Maximum, ""))
	assert.ErrorIs(t, err, sandbox.ErrClosed)
}

func TestClose_EndsRuns(t *testing.T) {
	r := newRunner(t)
	time.AfterFunc(300*time.Millisecond, func() { _ = r.Close() })
	result, err := r.Run(t.Context(), python(t, policies.Maximum, "import time; time.sleep(30)"))
	require.NoError(t, err)
	assert.Equal(t, sandbox.Cancelled, result.Outcome)
}
