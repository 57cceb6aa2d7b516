//go:build record

package worker

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/temporalproto"

	"lazaret.dev/lazaret/activities/contract"
)

// TestRecordQuarantine records what TestRecordHistories cannot: a ledger and the
// register, which never end, an execution that held, and errors that were recovered
// from.
func TestRecordQuarantine(t *testing.T) {
	release := os.Getenv(record)
	require.NotEmpty(t, release, "set %s to the release", record)
	folder := filepath.Join("../testdata/histories", release)
	g := newGround(t)
	write := func(name, id, run string) {
		t.Helper()
		data, err := temporalproto.CustomJSONMarshalOptions{Indent: " "}.Marshal(&historypb.History{Events: historyEvents(t, g.session, id, run)})
		require.NoError(t, err)
		f, err := os.OpenFile(filepath.Join(folder, name+".json"), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		require.NoError(t, err, "a history is never recorded again")
		_, err = f.Write(append(withoutMachine(t, data), '\n'))
		require.NoError(t, err)
		require.NoError(t, f.Close())
	}
	name := "strict/recorded"
	code := "import time\ntry: open('/etc/shadow')\nexcept OSError: pass\n"
	for n := 1; n < 3; n++ {
		_, err := follow(t.Context(), g.Client, g.begin(t, groundText(name, code), "null"), nil)
		require.NoError(t, err)
	}
	bystander := g.begin(t, groundText(name, "import time\ntime.sleep(3)"), "null")
	g.awaitScript(t, bystander.GetID())
	culprit := g.begin(t, groundText(name, code+"time.sleep(600)"), "null")
	g.awaitHeld(t, culprit.GetID())
	g.awaitHeld(t, bystander.GetID())
	_, err := g.store.Review(t.Context(), "strict", "recorded", contract.LedgerRequest{Reason: "looking", Reviewer: "ada"})
	require.NoError(t, err)
	require.NoError(t, g.CancelWorkflow(t.Context(), culprit.GetID(), ""))
	g.release(t, name, contract.ResumeHeld)
	pollUntil(t, "it goes on", func() bool {
		_, err := follow(t.Context(), g.Client, bystander, nil)
		return err == nil
	})
	incident := g.ledger(t, name).Incidents[0].ID
	for _, r := range []contract.IncidentRequest{
		{Note: "the author is told"},
		{IncidentFindings: contract.IncidentFindings{Cause: "a wheel", Fix: "without it", PolicyUpdate: "p", Rules: "r", Training: "t"}},
		{State: contract.IncidentClosed, Reviewer: "ada", IncidentFindings: contract.IncidentFindings{Lessons: "l"}},
	} {
		r.ID = incident
		_, err := g.store.Incident(t.Context(), "strict", "recorded", r)
		require.NoError(t, err)
	}
	write("held", bystander.GetID(), bystander.GetRunID())
	write("held-cancelled", culprit.GetID(), culprit.GetRunID())

	retried := g.begin(t, groundText("recovering/recorded", "import os\nos.abort()"), "null")
	_, err = follow(t.Context(), g.Client, retried, nil)
	require.Error(t, err)
	write("recovery-retry", retried.GetID(), retried.GetRunID())
	testRollback(t, g)
	rolled := startPlain(t, g.session, "recovering/job", map[string]any{"n": 1})
	_, err = follow(t.Context(), g.Client, rolled, nil)
	require.NoError(t, err)
	write("recovery-rollback", rolled.GetID(), rolled.GetRunID())
	shut := g.begin(t, "document: {dsl: 1.0.3, namespace: recovering, name: shut, version: 1.0.0}\n"+
		"do: [work: {metadata: {python.version: '3.99'}, run: {script: {language: python, code: 'print(1)'}}}]\n", "null")
	requireCancelled(t, g.session, shut)
	write("recovery-shutdown", shut.GetID(), shut.GetRunID())
	write("ledger", contract.LedgerID("strict", "recorded"), "")
	write("ledger-errors", contract.LedgerID("recovering", "job"), "")
	write("register", contract.RegisterID, "")
}
