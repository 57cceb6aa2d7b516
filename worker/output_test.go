package worker

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/activities/contract"
)

// TestPrint_HostileText: reasons, names and ids of whoever could write them neither
// drive a terminal nor pass for another line (a ledger takes an update from whoever
// may write to Temporal, an execution has the id that its starter chose).
func TestPrint_HostileText(t *testing.T) {
	t.Parallel()
	const hostile = "\x1b[31mred\x1b]0;title\x07\u202e\n            2026-01-01 00:00:00  quarantined → released by ada: fine\tx"
	var out bytes.Buffer
	a := &app{stdout: &out, output: "table"}
	l := contract.Ledger{
		LedgerSummary: contract.LedgerSummary{Namespace: "demo", Name: "report", State: contract.LedgerQuarantined, Reason: hostile, By: hostile},
		Transitions:   []contract.LedgerTransition{{By: hostile, Reason: hostile}},
		Failures:      []contract.Failure{{Execution: hostile, Task: hostile}},
	}
	a.printLedger(l)
	assert.Equal(t, 7, strings.Count(out.String(), "\n"), out.String())
	a.printIncident(l, contract.LedgerIncident{Reason: hostile, Steps: []contract.IncidentStep{{By: hostile, Note: hostile}}, IncidentFindings: contract.IncidentFindings{Cause: hostile}})
	require.NoError(t, a.printViolation(violationEntry{"demo/report", contract.Violation{Subject: hostile, Command: hostile, PID: 3, Task: hostile}}))
	a.printDescription(description{executionInfo: executionInfo{ID: hostile}, Held: hostile, Fault: &contract.Fault{Type: contract.RuntimeError, Title: "Runtime error", Detail: hostile}})
	for line := range strings.Lines(out.String()) {
		assert.NotRegexp(t, `^ {12}2026-01-01 00:00:00  quarantined → released by ada: fine\\t`, line, "a line of its own")
	}
	assert.NotContains(t, out.String(), "\x1b")
	assert.NotContains(t, out.String(), "\x07")
	assert.NotContains(t, out.String(), "\u202e")
	assert.Contains(t, out.String(), `\x1b[31mred`)
	assert.Contains(t, out.String(), "→", "what can be printed stays as it is")
}
