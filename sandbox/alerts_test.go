package sandbox_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/sandbox"
)

// untilTold commits a High violation and goes on for ever.
const untilTold = `
import ctypes
ctypes.CDLL(None).ptrace(0, 0, 0, 0)
while True: pass
`

// TestRun_Alerts: a High violation is told while the program runs, not after it:
// the one who is told ends the run (design: High is signalled while it runs).
func TestRun_Alerts(t *testing.T) {
	r := newRunner(t)
	alerts := make(chan sandbox.Violation, 8)
	s := python(t, policies.Standard, untilTold)
	s.Alerts = alerts
	ended := make(chan sandbox.Result, 1)
	ctx, stop := context.WithCancel(t.Context())
	go func() {
		result, _ := r.Run(ctx, s)
		ended <- result
	}()
	alert := <-alerts
	require.Empty(t, ended)
	stop()
	result := <-ended
	assert.Equal(t, sandbox.Cancelled, result.Outcome)
	assert.Equal(t, sandbox.High, alert.Severity)
	assert.Equal(t, "ptrace", alert.Syscall)
	assert.Equal(t, sandbox.ProgramPID, alert.PID)
	require.NotEmpty(t, result.Violations)
	assert.Equal(t, alert, result.Violations[0])
	assert.Empty(t, alerts, "once a kind")
}

// TestRun_PanicDenies: whatever makes the supervisor panic, here a caller that has
// closed its channel, the call is not carried out and the run is over.
func TestRun_PanicDenies(t *testing.T) {
	r := newRunner(t)
	alerts := make(chan sandbox.Violation)
	close(alerts)
	s := python(t, policies.Minimal, "import ctypes; ctypes.CDLL(None).ptrace(0, 0, 0, 0)\nwhile True: pass")
	s.Alerts = alerts
	result, err := r.Run(t.Context(), s)
	require.ErrorContains(t, err, "BUG: supervisor: send on closed channel")
	assert.Equal(t, sandbox.SandboxError, result.Outcome)
}
