package worker

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/worker/incident"
)

// testIncident: a quarantine opens an incident by itself, a release moves it, people
// write down what they find, and it does not close before all is written (B59-B61,
// C39, A51, A54).
func testIncident(t *testing.T, g *ground) {
	t.Helper()
	const name = "reviewed/incident"
	bystander := g.begin(t, groundText(name, "import time\ntime.sleep(600)"), "null")
	g.awaitScript(t, bystander.GetID())
	_, code := g.lazaret(t, "quarantine", "add", name, "--reason", "odd | requests")
	require.Zero(t, code)
	var lines []incident.Line
	g.json(t, &lines, "incident", "list", name, "--open")
	require.Len(t, lines, 1)
	i := lines[0]
	assert.Equal(t, [3]string{name, "manual", contract.IncidentContained}, [3]string{i.Definition, i.DetectedBy, i.State})
	g.awaitHeld(t, bystander.GetID())

	for want, args := range map[int][]string{
		exitInvalid: {"incident", "close", i.ID, "--reviewer", "ada"},
		exitRefused: {"incident", "update", i.ID, "--state", "eradicated", "--reviewer", "eve", "--cause", "c", "--fix", "f"},
	} {
		_, code := g.lazaret(t, args...)
		assert.Equal(t, want, code, "%v", args)
	}
	for _, bad := range []string{"nonsense", "reviewed.incident-20000101T000000.000", "reviewed.nowhere-20000101T000000.000"} {
		_, code := g.lazaret(t, "incident", "show", bad)
		assert.Equal(t, exitInvalid, code, bad)
	}
	_, code = g.lazaret(t, "incident", "update", i.ID, "--state", "recovered", "--reviewer", "ada", "--note", "n")
	assert.Equal(t, exitInvalid, code, "the definition is held")

	bundle := filepath.Join(t.TempDir(), "bundle.tar.zst")
	_, code = g.lazaret(t, "evidence", name, "-o", bundle)
	require.Zero(t, code)
	_, code = g.lazaret(t, "evidence", name, "-o", bundle)
	assert.Equal(t, exitInvalid, code, "the file is there")
	_, code = g.lazaret(t, "evidence", "reviewed/incidnet", "-o", bundle+"2")
	assert.Equal(t, exitInvalid, code, "nothing is known of that")
	assert.NoFileExists(t, bundle+"2")
	forged := filepath.Join(t.TempDir(), "forged.tar.zst")
	text, err := os.ReadFile(bundle)
	require.NoError(t, err)
	text[len(text)/2] ^= 1
	require.NoError(t, os.WriteFile(forged, text, 0o600))
	_, code = g.lazaret(t, "incident", "update", i.ID, "--evidence", forged)
	assert.Equal(t, exitFaulted, code)
	_, code = g.lazaret(t, "incident", "update", i.ID, "--evidence", bundle, "--note", "the author is told")
	require.Zero(t, code)
	_, code = g.lazaret(t, "incident", "update", i.ID, "--state", "eradicated", "--reviewer", "ada", "--cause", "a wheel", "--fix", "without it")
	require.Zero(t, code)
	_, code = g.lazaret(t, "quarantine", "release", name, "--reviewer", "ada", "--reason", "fixed", "--cancel-held")
	require.Zero(t, code)
	requireCancelled(t, g.session, bystander)
	_, code = g.lazaret(t, "incident", "close", i.ID, "--reviewer", "ada", "--policy-update", "p", "--rules", "r", "--training", "t")
	assert.Equal(t, exitInvalid, code, "no lessons")
	_, code = g.lazaret(t, "incident", "close", i.ID, "--reviewer", "ada", "--policy-update", "p", "--rules", "r", "--training", "t", "--lessons", "l")
	require.Zero(t, code)
	_, code = g.lazaret(t, "incident", "update", i.ID, "--note", "late")
	assert.Equal(t, exitInvalid, code, "it is closed")

	var report incident.Report
	g.json(t, &report, "incident", "report", i.ID)
	assert.Empty(t, report.Missing)
	assert.Contains(t, report.Incident.Executions, bystander.GetID())
	require.Len(t, report.Incident.Evidence, 1)
	require.Len(t, report.Scope.Executions, 1)
	assert.Equal(t, bystander.GetID(), report.Scope.Executions[0].ID)
	assert.Contains(t, report.Scope.Executions[0].By, " as cli")
	var states []string
	for _, s := range report.Incident.Steps {
		states = append(states, s.State)
	}
	assert.Equal(t, []string{"detected", "contained", "contained", "eradicated", "recovered", "closed"}, states)
	markdown, code := g.lazaret(t, "incident", "report", i.ID)
	require.Zero(t, code)
	assert.Contains(t, markdown, `odd \| requests`)
	assert.Contains(t, markdown, "## Timeline")
}

// testIncidentTypes: what a script did makes the type of its incident, and its
// report says so (C34).
func testIncidentTypes(t *testing.T, g *ground) {
	t.Helper()
	for kind, code := range map[string]string{
		contract.PrivilegeEscalation: "import os\nos.setuid(0)",
		contract.UnauthorizedAccess:  "open('/etc/shadow')",
		contract.AbnormalActivity:    "import os\nos.memfd_create('x')",
		contract.ResourceAbuse:       "x = bytearray(1 << 33)",
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			name := "types/" + kind
			g.begin(t, groundText(name, code), "null")
			l := g.awaitLedger(t, name, "is put away", func(l contract.Ledger) bool { return l.State == contract.LedgerQuarantined })
			require.Len(t, l.Incidents, 1)
			assert.Equal(t, []string{kind}, l.Incidents[0].Types)
			report, code := g.lazaret(t, "incident", "report", l.Incidents[0].ID)
			require.Zero(t, code)
			assert.Contains(t, report, "| Type | "+kind+" |")
		})
	}
}

// testDrill: the whole way and back, with the time of each step, and nothing is left
// of it (A50).
func testDrill(t *testing.T, g *ground) {
	t.Helper()
	for _, failing := range []struct {
		args []string
		code int
		step string
	}{
		{[]string{"--reviewer", "ada", "--patience", "1ms"}, exitFaulted, "running"},
		{[]string{"--reviewer", "eve"}, exitRefused, "released"}, // and leaves it in quarantine
	} {
		out, code := g.lazaret(t, append([]string{"drill", "--output", "json"}, failing.args...)...)
		require.Equal(t, failing.code, code, out)
		var result drillResult
		require.NoError(t, json.Unmarshal([]byte(out), &result))
		assert.False(t, result.Passed)
		assert.Equal(t, failing.step, result.Failed)
	}
	out, code := g.lazaret(t, "drill", "--reviewer", "ada", "--output", "json")
	require.Zero(t, code, out)
	var result drillResult
	require.NoError(t, json.Unmarshal([]byte(out), &result))
	assert.True(t, result.Passed)
	var steps []string
	for _, s := range result.Steps {
		steps = append(steps, s.Step)
		t.Log(s.Step, s.MS, "ms:", s.What)
	}
	assert.Equal(t, []string{"started", "act", "verdict", "contained", "held", "refused", "released", "recovered", "ended", "closed"}, steps)
	l := g.ledger(t, "lazaret/drill")
	assert.Equal(t, contract.LedgerReleased, l.State)
	var report incident.Report
	g.json(t, &report, "incident", "report", result.Incident)
	assert.Equal(t, contract.IncidentClosed, report.Incident.State)
	assert.NotEmpty(t, report.Violations)
	assert.Equal(t, []string{contract.UnauthorizedAccess}, report.Incident.Types)
	pollUntil(t, "no execution of the drill is left", func() bool {
		found, err := g.find(t.Context(), contract.AttributeDefinition+" = 'lazaret/drill' AND ExecutionStatus = 'Running'", 10)
		return err == nil && len(found) == 0
	})
}

// json runs a command that prints JSON.
func (g *ground) json(t *testing.T, v any, args ...string) {
	t.Helper()
	out, code := g.lazaret(t, append(args, "--output", "json")...)
	require.Zero(t, code, "%v", args)
	require.NoError(t, json.Unmarshal([]byte(out), v), out)
}
