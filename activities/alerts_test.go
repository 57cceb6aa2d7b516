package activities

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/sandbox"
)

// TestRunScript_Alert: a High violation is told while the program runs, to the
// hook and with a heartbeat, and once. The program, which would never end by
// itself, is ended because of what was told.
func TestRunScript_Alert(t *testing.T) {
	stopping := make(chan struct{})
	var told, ended []sandbox.Violation
	var beats [][]contract.Alert
	p := &Processes{
		Runner: newRunner(t), Interpreters: HostInterpreters(), Policies: atLevel(policies.Standard), Grace: time.Millisecond,
		Alert: func(request contract.Process, level policies.Level, v sandbox.Violation) {
			assert.Equal(t, "/do/0/spy", request.Task.Reference)
			assert.Equal(t, policies.Standard, level)
			if told = append(told, v); len(told) == 1 {
				close(stopping)
			}
		},
		Observe: func(_ contract.Process, _ policies.Level, r sandbox.Result) { ended = r.Violations },
	}
	env := (&testsuite.WorkflowTestSuite{}).NewTestActivityEnvironment()
	env.SetWorkerStopChannel(stopping)
	env.SetOnActivityHeartbeatListener(func(_ *activity.Info, details converter.EncodedValues) {
		var alerts []contract.Alert
		if details.HasValues() && assert.NoError(t, details.Get(&alerts)) {
			beats = append(beats, alerts)
		}
	})
	env.RegisterActivity(p.RunScript)
	_, err := env.ExecuteActivity(p.RunScript, contract.Process{
		Task: contract.TaskID{Reference: "/do/0/spy"}, Language: "python", Return: "stdout",
		Code: "import ctypes\nfor _ in range(3): ctypes.CDLL(None).ptrace(0, 0, 0, 0)\nwhile True: pass",
	})
	var application *temporal.ApplicationError
	require.ErrorAs(t, err, &application)
	require.Equal(t, contract.WorkerStopped, application.Type())
	require.Len(t, told, 1)
	assert.Equal(t, sandbox.High, told[0].Severity)
	require.NotEmpty(t, beats)
	assert.Equal(t, []contract.Alert{{ID: told[0].ID, Type: "UnauthorizedSystemCall", Severity: "High", Syscall: "ptrace"}}, beats[0])
	require.NotEmpty(t, ended)
	assert.Equal(t, told[0].ID, ended[0].ID)
}

// TestAlerts_HookHoldsUpNobody: however many violations there are, and however long
// the hook takes, the sender goes on.
func TestAlerts_HookHoldsUpNobody(t *testing.T) {
	proceed := make(chan struct{})
	p := &Processes{Alert: func(contract.Process, policies.Level, sandbox.Violation) { <-proceed }}
	a := p.alert(t.Context(), contract.Process{}, policies.Standard, nil, filing{})
	sent := 0
	for range 10 * maxAlerts {
		select {
		case a.inbox <- sandbox.Violation{Severity: sandbox.High}:
			sent++
		default:
		}
	}
	assert.LessOrEqual(t, sent, maxAlerts+1)
	close(proceed)
	a.close()
	assert.Len(t, a.heartbeat()[0], maxTold)
}
