//go:build record

package worker

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/activities/contract"
)

// TestRecordQuarantine records what TestRecordHistories cannot: a ledger and the
// register, which never end, an execution that held, and errors that were recovered
// from.
func TestRecordQuarantine(t *testing.T) {
	g, write := newRecording(t)
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

// TestRecordErrors records an execution that ends in an error which nothing recovers
// from, but which its ledger is told of (A14), the ledger, and an execution that is
// refused as it begins because its definition is in quarantine.
func TestRecordErrors(t *testing.T) {
	g, write := newRecording(t)
	failing := g.begin(t, groundText("ground/failing", "raise SystemExit(3)"), "null")
	_, err := follow(t.Context(), g.Client, failing, nil)
	require.Error(t, err)
	g.awaitLedger(t, "ground/failing", "its error is recorded", func(l contract.Ledger) bool { return len(l.Failures) > 0 })
	write("error-told", failing.GetID(), failing.GetRunID())
	write("ledger-errors-kept", contract.LedgerID("ground", "failing"), "")
	publishText(t, g.session, groundText("ground/away", "print('ran')"))
	g.add(t, "ground/away")
	g.awaitRefusal(t, "ground/away")
	refused := startPlain(t, g.session, "ground/away")
	_, err = follow(t.Context(), g.Client, refused, nil)
	requireFaultOf(t, err, contract.Quarantined, "ground/away is in quarantine")
	write("held-refused", refused.GetID(), refused.GetRunID())
}

// TestRecordSuspended records executions of somebody whom the policy suspends (B60):
// one that is refused as it begins, one that runs and is refused at its next activity.
func TestRecordSuspended(t *testing.T) {
	release := os.Getenv(record)
	require.NotEmpty(t, release, "set %s to the release", record)
	folder, err := filepath.Abs(filepath.Join("../testdata/histories", release))
	require.NoError(t, err)
	t.Chdir(t.TempDir()) // errors name the policy's file as it was given
	const rules = "policy: 1\nrules: [{name: a, match: {namespace: suspended}, level: strict}]\n"
	require.NoError(t, os.WriteFile("policy.yaml", []byte(rules), 0o600))
	_, s := startUp(t, filepath.Join(t.TempDir(), "state"), nil, "--policy", "policy.yaml")
	begin := func(name, work string) (id, run string) {
		t.Helper()
		p := document(t, "document: {dsl: 1.0.3, namespace: suspended, name: "+name+", version: 1.0.0}\n"+work, "null")
		p.start.Interpreter = contract.Interpreter
		began, err := s.begin(t.Context(), p, "")
		require.NoError(t, err)
		return began.GetID(), began.GetRunID()
	}
	const looping = "do: [again: {for: {in: '${ [range(600)] }'}, do: [say: {run: {script: {language: python, code: \"print('ran')\"}}}, pause: {wait: PT0.1S}]}]\n"
	id, run := begin("runs", looping)
	pollUntil(t, "it runs", func() bool {
		state, err := s.state(t.Context(), id)
		return err == nil && len(state.Tasks) > 1 && state.Tasks[1].Runs > 0
	})
	require.NoError(t, os.WriteFile("next.yaml", []byte(strings.Replace(rules, "\n", "\nsuspended: ['principal:*/cli']\n", 1)), 0o600))
	require.NoError(t, os.Rename("next.yaml", "policy.yaml"))
	_, err = follow(t.Context(), s.Client, s.GetWorkflow(t.Context(), id, run), nil)
	requireFaultOf(t, err, contract.Refused, "is suspended by the policy")
	writeHistory(t, filepath.Join(folder, "suspended-running.json"), historyEvents(t, s, id, run))
	id, run = begin("begins", "do: [say: {run: {script: {language: python, code: \"print('ran')\"}}}]\n")
	_, err = follow(t.Context(), s.Client, s.GetWorkflow(t.Context(), id, run), nil)
	requireFaultOf(t, err, contract.Refused, "is suspended by the policy")
	writeHistory(t, filepath.Join(folder, "suspended-start.json"), historyEvents(t, s, id, run))
}

// newRecording is a ground, and what writes the history of one of its executions to
// the release that the environment names.
func newRecording(t *testing.T) (g *ground, write func(name, id, run string)) {
	t.Helper()
	release := os.Getenv(record)
	require.NotEmpty(t, release, "set %s to the release", record)
	g = newGround(t)
	return g, func(name, id, run string) {
		t.Helper()
		writeHistory(t, filepath.Join("../testdata/histories", release, name+".json"), historyEvents(t, g.session, id, run))
	}
}
