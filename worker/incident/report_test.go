package incident

import (
	"encoding/json"
	"flag"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/activities/contract"
)

var update = flag.Bool("u", false, "rewrite the golden report")

func at(second int) time.Time { return time.Date(2026, 11, 26, 10, 15, second, 0, time.UTC) }

func example() (l contract.Ledger, ran []Execution, others []contract.Ledger) {
	l.Namespace, l.Name, l.State, l.Incident = "demo", "report", contract.LedgerReleased, "demo.report-20261126T101503.000"
	l.Versions = []contract.LedgerVersion{{Version: "1.0.0", Digest: "d1", Seen: at(1)}, {Version: "0.9.0", Digest: "d0", Seen: at(0)}}
	l.Violations = []contract.Violation{
		{ID: "old", At: at(0), Severity: "Low", Digest: "d0"},
		{
			ID: "v1", At: at(2), Severity: "High", Type: "UnauthorizedFileAccess", Syscall: "openat", Count: 2, Action: "denied",
			Subject: "/etc/shadow|\x1b[31m<b>`", Digest: "d1", Script: "s1", Execution: "e1", Task: "/do/0/spy",
		},
	}
	l.Transitions = []contract.LedgerTransition{
		{At: at(3), From: "active", To: "quarantined", Reason: "1 violation"},
		{At: at(6), From: "quarantined", To: "released", By: "ada", Reason: "fixed"},
		{At: at(50), From: "released", To: "quarantined", By: "me", Reason: "again"},
	}
	first := contract.LedgerIncident{
		ID: l.Incident, State: contract.IncidentRecovered, Opened: at(3), DetectedBy: "violation", Reason: "1 violation",
		Types: []string{contract.UnauthorizedAccess}, Violations: []string{"v1"},
		Executions: []string{"e1", "e2"}, More: 3, Released: at(6), Reviewer: "ada", Review: "fixed",
		IncidentFindings: contract.IncidentFindings{Cause: "a wheel reads\n# what it must not"},
		Evidence:         []contract.IncidentEvidence{{At: at(5), File: "b.tar.zst", SHA256: "00ff", By: "me@here"}},
		Steps: []contract.IncidentStep{
			{At: at(3), State: "detected", Note: "1 violation"}, {At: at(4), State: "contained"}, {At: at(6), State: "recovered", By: "ada", Note: "fixed"},
		},
	}
	l.Incidents = []contract.LedgerIncident{first, {ID: "demo.report-20261126T101550.000", Opened: at(50), DetectedBy: "manual"}}
	l.Related = []contract.Related{{At: at(4), Namespace: "demo", Name: "parent", Relation: "parent", State: "active"}}
	ran = []Execution{
		{ID: "e1", Definition: "demo/report", Version: "1.0.0", Digest: "d1", Status: "running", Started: at(1), By: "12@host as cli"},
		{ID: "x1", Definition: "copied/other", Version: "1.0.0", Digest: "d1", Status: "completed", Started: at(1)},
	}
	other := contract.Ledger{Violations: []contract.Violation{{ID: "w", Script: "s1"}, {ID: "w2", Script: "s2"}, {ID: "w3", Script: "s1"}}}
	other.Namespace, other.Name, other.State = "demo", "twin", contract.LedgerQuarantined
	return l, ran, []contract.Ledger{other}
}

// TestReport_Golden: timeline, scope and cause of an incident, with hostile texts in
// it (A54, B59).
func TestReport_Golden(t *testing.T) {
	t.Parallel()
	l, ran, others := example()
	i, found := Find(l, l.Incident)
	require.True(t, found)
	r := New(l, i, ran, others)
	got := r.Markdown()
	if *update {
		require.NoError(t, os.WriteFile("testdata/report.md", []byte(got), 0o644))
	}
	want, err := os.ReadFile("testdata/report.md")
	require.NoError(t, err)
	assert.Equal(t, string(want), got)
	assert.NotContains(t, got, "\x1b")
	assert.NotContains(t, got, "again", "it belongs to the next incident")
	assert.Equal(t, []Elsewhere{{Definition: "demo/twin", Script: "s1", State: "quarantined"}, {Definition: "copied/other", Digest: "d1"}}, r.Scope.Elsewhere)
	assert.Equal(t, []string{"fix", "policy-update", "rules", "training", "lessons"}, r.Missing)
	data, err := json.Marshal(r)
	require.NoError(t, err)
	var back Report
	require.NoError(t, json.Unmarshal(data, &back))
	assert.Equal(t, r, back)
}

// TestReport_Manual: a definition that somebody put away has no violations, and its
// incident is about all its documents.
func TestReport_Manual(t *testing.T) {
	t.Parallel()
	l, _, _ := example()
	assert.Equal(t, []string{"d0", "d1"}, Digests(l, l.Incidents[1]))
	r := New(l, l.Incidents[1], nil, nil)
	assert.Empty(t, r.Violations)
	assert.Contains(t, r.Markdown(), "no execution of it is known")
	_, found := Find(l, "another")
	assert.False(t, found)
}
