package worker

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/activities/contract"
)

// testAnomaly: a steady load of violations that do not count leads to nothing; a burst
// of them is one violation of type MaliciousBehavior, and an incident that says so
// (A13, A51).
func testAnomaly(t *testing.T, g *ground) {
	t.Helper()
	filer, start, filed := g.filer(t), time.Now().Add(-time.Hour), 0
	file := func(from time.Time, every time.Duration, n int) {
		report := contract.ViolationReport{Namespace: "odd", Name: "job"}
		for i := range n {
			report.Violations = append(report.Violations, contract.Violation{
				ID: fmt.Sprint("odd-", filed), Type: "UnauthorizedFileAccess", Severity: "Low", Count: 1, Level: "standard", At: from.Add(time.Duration(i) * every),
			})
			filed++
		}
		require.NoError(t, filer.Tell(t.Context(), report))
	}
	file(start, 15*time.Second, 60)
	l := g.awaitLedger(t, "odd/job", "has the steady load", func(l contract.Ledger) bool { return l.Total >= 60 })
	assert.Equal(t, [2]int{60, 0}, [2]int{l.Total, len(l.Incidents)})
	assert.InDelta(t, 4, l.Rates.Violations.Mean, 0.5)
	file(start.Add(20*time.Minute), time.Second, 60)
	l = g.awaitLedger(t, "odd/job", "is put away", func(l contract.Ledger) bool { return contract.LedgerHolds(l.State) })
	assert.Equal(t, [2]int{121, 1}, [2]int{l.Total, l.Counted})
	require.Len(t, l.Incidents, 1)
	assert.Equal(t, contract.DetectedByAnomaly, l.Incidents[0].DetectedBy)
	assert.Equal(t, contract.MaliciousBehavior, l.Violations[len(l.Violations)-1].Type)
	g.awaitNotice(t, "odd/job", "quarantine")
}

// testErrorsAreKept: how executions failed is known of a definition whose errors nobody
// recovers from, too, and nothing is counted (A14).
func testErrorsAreKept(t *testing.T, g *ground) {
	t.Helper()
	run := g.begin(t, groundText("ground/failing", "raise SystemExit(3)"), "null")
	_, err := follow(t.Context(), g.Client, run, nil)
	requireFaultOf(t, err, contract.RuntimeError, "exited with code 3")
	l := g.awaitLedger(t, "ground/failing", "knows of the error", func(l contract.Ledger) bool { return len(l.Failures) > 0 })
	require.Len(t, l.Failures, 1)
	f := l.Failures[0]
	assert.Equal(t, [4]string{"EXE_001", "Low", run.GetID(), "/do/0/work"}, [4]string{f.Code, f.Severity, f.Execution, f.Task})
	assert.Equal(t, [2]int{0, 0}, [2]int{l.Consecutive, l.Critical})
	out, code := g.lazaret(t, "quarantine", "show", "ground/failing")
	require.Zero(t, code)
	assert.Contains(t, out, "EXE_001")
}
