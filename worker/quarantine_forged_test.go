package worker

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/activities/ledger"
)

// testForged: what no worker has written is refused, counted and audited, and
// changes nothing.
func testForged(t *testing.T, g *ground) {
	t.Helper()
	name := "ground/slandered"
	run := g.begin(t, groundText(name, "import time\ntime.sleep(600)"), "null")
	g.awaitScript(t, run.GetID())
	report := contract.ViolationReport{Namespace: "ground", Name: "slandered", Violations: []contract.Violation{{ID: "x", Severity: "Critical", At: time.Now()}}}
	none, other := ledger.Key(nil), ledger.Key("another installation's key")
	for i, key := range []ledger.Key{none, other} {
		signed, err := key.Sign(ledger.ForReport, report)
		require.NoError(t, err)
		_, err = g.SignalWithStartWorkflow(t.Context(), contract.LedgerID("ground", "slandered"), contract.ReportSignal, signed,
			client.StartWorkflowOptions{ID: contract.LedgerID("ground", "slandered"), TaskQueue: contract.TaskQueue},
			contract.LedgerWorkflow, contract.Ledger{LedgerSummary: contract.LedgerSummary{Namespace: "ground", Name: "slandered"}})
		require.NoError(t, err)
		l := g.awaitLedger(t, name, "refuses", func(l contract.Ledger) bool { return l.Refused > i })
		assert.Equal(t, [2]int{i + 1, 0}, [2]int{l.Refused, l.Total})
		assert.Equal(t, contract.LedgerActive, l.State)
	}
	order, err := other.Sign(ledger.ForOrder, contract.Order{Namespace: "ground", Name: "slandered", Execution: run.GetID(), Revision: 1, Do: contract.HoldExecution})
	require.NoError(t, err)
	require.NoError(t, g.SignalWorkflow(t.Context(), run.GetID(), "", contract.QuarantineSignal, order))
	held, err := other.Sign(ledger.ForHeld, contract.Held{Namespace: "ground", Name: "slandered", State: contract.LedgerQuarantined, Revision: 1})
	require.NoError(t, err)
	_ = g.SignalWorkflow(t.Context(), contract.RegisterID, "", contract.HeldSignal, held) // it may not be there yet
	pollUntil(t, "the audit log says so", func() bool {
		out, _ := g.lazaret(t, "audit", "tail", "--lines", "1000")
		return strings.Count(out, "no worker vouches for it") >= 3
	})
	g.awaitNotice(t, name, "forged")
	state, err := g.state(t.Context(), run.GetID())
	require.NoError(t, err)
	assert.Equal(t, "running", state.Status)
	assert.Equal(t, 1, startedActivities(t, g.session, run.GetID()), "its script runs")
	require.NoError(t, g.CancelWorkflow(t.Context(), run.GetID(), ""))
}

// key is what this installation's workers sign with.
func (g *ground) key() ledger.Key { return derivedKey(g.install.SigningKey(), "ledger") }

// filer files as one of the workers would.
func (g *ground) filer(t *testing.T) *ledger.Filer {
	t.Helper()
	spool, err := ledger.OpenSpool(t.TempDir())
	require.NoError(t, err)
	return &ledger.Filer{Client: g.Client, Key: g.key(), Spool: spool}
}

// testReviewers: who may release is the policy's to say, and an author may not.
func testReviewers(t *testing.T, g *ground) {
	t.Helper()
	publishText(t, g.session, groundText("reviewed/report", "print('ran')"))
	g.add(t, "reviewed/report")
	for reviewer, want := range map[string]string{
		"eve":       `"eve" is none of the reviewers that the policy names`,
		publisher(): "the policy lets no author release their own definition",
	} {
		_, err := g.store.Release(t.Context(), "reviewed", "report", contract.LedgerRequest{Reason: "fine", Reviewer: reviewer})
		var refused *ledger.Refusal
		require.ErrorAs(t, err, &refused)
		assert.True(t, refused.ByPolicy)
		assert.Contains(t, refused.Reason, want)
	}
	// Nor under another spelling, where the policy names nobody.
	publishText(t, g.session, groundText("ground/authored", "print('ran')"))
	g.add(t, "ground/authored")
	for _, reviewer := range []string{strings.ToUpper(publisher()), " " + publisher()} {
		_, err := g.store.Release(t.Context(), "ground", "authored", contract.LedgerRequest{Reason: "fine", Reviewer: reviewer})
		require.ErrorContains(t, err, "the policy lets no author release their own definition")
	}
	_, code := g.lazaret(t, "quarantine", "release", "reviewed/report", "--reason", "fine", "--reviewer", "eve")
	assert.Equal(t, exitRefused, code)
	assert.Equal(t, contract.LedgerQuarantined, g.ledger(t, "reviewed/report").State)
	g.release(t, "reviewed/report", "")
	assert.Equal(t, contract.LedgerReleased, g.ledger(t, "reviewed/report").State)
}
