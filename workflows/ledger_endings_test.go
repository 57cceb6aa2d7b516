package workflows_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"

	"lazaret.dev/lazaret/activities/contract"
)

// TestLedger_EndingsAndAnomaly: endings that put the definition away and are an anomaly,
// too, are recorded as both; the violation is not lost (A13).
func TestLedger_EndingsAndAnomaly(t *testing.T) {
	t.Parallel()
	env := newEnvironment(0, time.Now())
	odd := contract.Violation{ID: "odd", Type: contract.MaliciousBehavior, Severity: "High", Subject: "many"}
	register := func(name string, does any) {
		env.RegisterActivityWithOptions(does, activity.RegisterOptions{Name: name})
	}
	register(contract.JudgeEndings, func(context.Context, contract.EndJudging) (contract.EndJudged, error) {
		return contract.EndJudged{
			At: env.Now(), Do: contract.RecoverQuarantine, Reason: "ten errors", Action: contract.HoldExecution,
			Judged: &contract.Judged{At: env.Now(), Violations: []contract.Violation{odd}, Decision: "quarantine", Counted: 1, Limit: 1, Reason: "1 of 1"},
		}, nil
	})
	told := 0
	register(contract.EnforceState, func(context.Context, contract.Enforcement) (contract.Told, error) {
		told++
		return contract.Told{}, nil
	})
	register(contract.TellExecutions, func(context.Context, contract.Enforcement) (contract.Told, error) { return contract.Told{}, nil })
	var l contract.Ledger
	env.RegisterDelayedCallback(func() { env.SignalWorkflow(contract.EndSignal, contract.Signed{}) }, time.Second)
	env.RegisterDelayedCallback(func() {
		value, err := env.QueryWorkflow(contract.LedgerQuery)
		require.NoError(t, err)
		require.NoError(t, value.Get(&l))
		env.CancelWorkflow()
	}, time.Minute)
	env.ExecuteWorkflow(contract.LedgerWorkflow, contract.Ledger{LedgerSummary: contract.LedgerSummary{Namespace: "a", Name: "b"}})
	assert.Equal(t, contract.LedgerQuarantined, l.State)
	require.Len(t, l.Incidents, 1)
	assert.Equal(t, contract.DetectedByMonitor, l.Incidents[0].DetectedBy)
	require.Len(t, l.Violations, 1)
	assert.Equal(t, "odd", l.Violations[0].ID)
	assert.Equal(t, 2, told, "that it is held, and the scripts of the violation")
}
