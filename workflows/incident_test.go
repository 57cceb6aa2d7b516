package workflows

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/activities/contract"
)

var allFindings = contract.IncidentFindings{
	Cause: "a wheel", Fix: "without it", PolicyUpdate: "not allowed", Rules: "lock files are read", Training: "none", Lessons: "pin",
}

func ledgerWith(state string) (*ledgerState, string) {
	l := &ledgerState{}
	l.Namespace, l.Name, l.State = "demo", "report", contract.LedgerActive
	id := l.openIncident(verdictEvent, "", "3 violations", time.UnixMilli(5))
	l.incident(id).State = state
	return l, id
}

// TestIncidentTable walks every pair of states: which moves there are, and that none
// passes without what it needs (B59-B61, C39).
func TestIncidentTable(t *testing.T) {
	t.Parallel()
	allowed := map[[2]string]string{
		{contract.IncidentDetected, contract.IncidentContained}:   "note",
		{contract.IncidentContained, contract.IncidentEradicated}: "reviewer, cause, fix",
		{contract.IncidentContained, contract.IncidentRecovered}:  "reviewer, note",
		{contract.IncidentEradicated, contract.IncidentRecovered}: "reviewer, note",
		{contract.IncidentRecovered, contract.IncidentClosed}:     "reviewer, cause, fix, policy-update, rules, training, lessons",
	}
	for _, from := range contract.IncidentStates {
		for _, to := range contract.IncidentStates {
			l, id := ledgerWith(from)
			full := contract.IncidentRequest{ID: id, State: to, Reviewer: "ada", Note: "so", By: "me", IncidentFindings: allFindings}
			bare := contract.IncidentRequest{ID: id, State: to, Reviewer: " ", Note: " "}
			needs, moves := allowed[[2]string{from, to}]
			if !moves {
				require.Error(t, l.checkIncidentRequest(full), "%s → %s", from, to)
				continue
			}
			require.ErrorContains(t, l.checkIncidentRequest(bare), "cannot become "+to+" without --"+strings.ReplaceAll(needs, ", ", ", --"), from)
			require.NoError(t, l.checkIncidentRequest(full))
			i := l.changeIncident(full, time.UnixMilli(9))
			assert.Equal(t, to, i.State)
			assert.Equal(t, to == contract.IncidentClosed, !i.Closed.IsZero())
			last := i.Steps[len(i.Steps)-1]
			assert.Equal(t, contract.IncidentStep{At: time.UnixMilli(9), State: to, By: "ada", Note: "so"}, last)
		}
	}
}

// TestIncident_OneFieldMissing: an incident does not close with any of its fields
// empty (C39).
func TestIncident_OneFieldMissing(t *testing.T) {
	t.Parallel()
	for name, leave := range map[string]func(*contract.IncidentFindings){
		"cause":         func(f *contract.IncidentFindings) { f.Cause = "" },
		"fix":           func(f *contract.IncidentFindings) { f.Fix = "" },
		"policy-update": func(f *contract.IncidentFindings) { f.PolicyUpdate = "" },
		"rules":         func(f *contract.IncidentFindings) { f.Rules = "\n" },
		"training":      func(f *contract.IncidentFindings) { f.Training = "" },
		"lessons":       func(f *contract.IncidentFindings) { f.Lessons = "" },
	} {
		l, id := ledgerWith(contract.IncidentRecovered)
		r := contract.IncidentRequest{ID: id, State: contract.IncidentClosed, Reviewer: "ada", IncidentFindings: allFindings}
		leave(&r.IncidentFindings)
		require.ErrorContains(t, l.checkIncidentRequest(r), "cannot become closed without --"+name)
		require.Equal(t, contract.IncidentRecovered, l.incident(id).State)
	}
}

// TestIncident_Quarantine: a quarantine opens an incident, a release moves it, and
// findings that were noted before count.
func TestIncident_Quarantine(t *testing.T) {
	t.Parallel()
	l := &ledgerState{}
	l.Namespace, l.Name, l.State = "demo", "report", contract.LedgerActive
	at := func(n int64) time.Time { return time.UnixMilli(n).UTC() }
	l.record(contract.Judged{At: at(1), Violations: []contract.Violation{{ID: "v", Severity: "High", At: at(1)}}})
	require.True(t, l.quarantine(verdictEvent, "", "1 violation", contract.HoldExecution, at(2)))
	id := l.Incident
	assert.Equal(t, "demo.report-19700101T000000.002", id)
	assert.Equal(t, contract.IncidentDetected, l.incident(id).State)
	l.contain(at(3))
	l.contain(at(4)) // once
	l.concern(contract.Enforcement{Ledger: l.Ledger, Do: contract.HoldExecution}, contract.Told{Executions: []string{"a", "b"}})
	held := contract.IncidentRequest{ID: id, State: contract.IncidentRecovered, Reviewer: "ada", Note: "fine"}
	require.ErrorContains(t, l.checkIncidentRequest(held), "the release of the definition is its recovery")
	require.True(t, l.move(reviewEvent, "ada", "looking", at(5)))
	l.noteReview(contract.LedgerRequest{Reviewer: "ada", Reason: "looking"}, at(5))
	found := contract.IncidentRequest{ID: id, State: contract.IncidentEradicated, Reviewer: "ada", IncidentFindings: contract.IncidentFindings{Cause: "a wheel", Fix: "gone"}}
	require.NoError(t, l.checkIncidentRequest(found))
	l.changeIncident(found, at(6))
	require.True(t, l.release(contract.LedgerRequest{Reviewer: "ada", Reason: "fixed"}, time.Hour, at(7)))
	rest := allFindings
	rest.Cause, rest.Fix = "", ""
	closing := contract.IncidentRequest{ID: id, State: contract.IncidentClosed, Reviewer: "ada", IncidentFindings: rest}
	require.NoError(t, l.checkIncidentRequest(closing))
	i := l.changeIncident(closing, at(8))
	assert.Equal(t, "gone", i.Fix)
	assert.Equal(t, []string{"v"}, i.Violations)
	assert.Equal(t, []string{"a", "b"}, i.Executions)
	var states []string
	for _, s := range i.Steps {
		states = append(states, s.State)
	}
	assert.Equal(t, []string{"detected", "contained", "contained", "eradicated", "recovered", "closed"}, states)
	require.ErrorContains(t, l.checkIncidentRequest(contract.IncidentRequest{ID: id, Note: "late"}), "is closed")
}

// TestIncident_DetectedBy: what was found by whom (A51), and an alert that is left
// to people is taken up by the quarantine that follows.
func TestIncident_DetectedBy(t *testing.T) {
	t.Parallel()
	for event, want := range map[ledgerEvent]string{verdictEvent: "violation", errorsEvent: "errors", anomalyEvent: "anomaly", addEvent: "manual"} {
		l := &ledgerState{}
		l.State = contract.LedgerActive
		if event == anomalyEvent { // it puts nothing away by itself
			l.record(contract.Judged{Violations: []contract.Violation{{ID: "v", Type: contract.MaliciousBehavior, Severity: "High"}}})
			event = verdictEvent
		}
		require.True(t, l.quarantine(event, "me", "because", "", time.UnixMilli(1)))
		assert.Equal(t, want, l.Incidents[0].DetectedBy)
	}
	l := &ledgerState{}
	l.Namespace, l.Name, l.State = "demo", "trusted", contract.LedgerActive
	l.record(contract.Judged{At: time.UnixMilli(1), Alert: true, Reason: "10 violations", Violations: []contract.Violation{{ID: "v", Severity: "High"}}})
	require.Len(t, l.Incidents, 1)
	assert.Equal(t, contract.IncidentDetected, l.Incidents[0].State)
	require.True(t, l.quarantine(addEvent, "me", "odd", "", time.UnixMilli(2)))
	require.Len(t, l.Incidents, 1)
	assert.Equal(t, l.Incident, l.Incidents[0].ID)
	assert.Equal(t, "violation", l.Incidents[0].DetectedBy)
}

// TestIncident_Bounds: what is too long is refused or cut, and what is closed goes
// before what is open.
func TestIncident_Bounds(t *testing.T) {
	t.Parallel()
	l, id := ledgerWith(contract.IncidentContained)
	for name, r := range map[string]contract.IncidentRequest{
		"nothing to note":       {ID: id},
		"more than 500":         {ID: id, Note: strings.Repeat("x", 501)},
		"more than 1000":        {ID: id, IncidentFindings: contract.IncidentFindings{Lessons: strings.Repeat("x", 1001)}},
		"SHA-256":               {ID: id, Evidence: &contract.IncidentEvidence{File: "x", SHA256: "12"}},
		"has no incident":       {ID: "another", Note: "x"},
		"from which it cannot":  {ID: id, State: "gone", Note: "x"},
		"only eradicated or re": {ID: id, State: contract.IncidentClosed, Note: "x"},
	} {
		require.ErrorContains(t, l.checkIncidentRequest(r), name)
	}
	for n := range 3 * maxIncidentSteps {
		l.changeIncident(contract.IncidentRequest{ID: id, Note: fmt.Sprint(n)}, time.UnixMilli(int64(n)))
	}
	steps := l.incident(id).Steps
	assert.Len(t, steps, maxIncidentSteps)
	assert.Equal(t, contract.IncidentDetected, steps[0].State)
	assert.Equal(t, fmt.Sprint(3*maxIncidentSteps-1), steps[len(steps)-1].Note)
	for n := range 2 * maxLedgerIncidents {
		l.openIncident(addEvent, "me", "because", time.UnixMilli(int64(1000+n)))
		l.Incidents[len(l.Incidents)-1].State = contract.IncidentClosed
	}
	assert.Len(t, l.Incidents, maxLedgerIncidents)
	assert.NotNil(t, l.incident(id), "it is open")
	old := &ledgerState{}
	old.Incidents = []contract.LedgerIncident{{ID: "a"}, {ID: "b", Released: time.UnixMilli(1)}}
	old.readOldIncidents()
	assert.Equal(t, [2]string{contract.IncidentContained, contract.IncidentRecovered}, [2]string{old.Incidents[0].State, old.Incidents[1].State})
}
