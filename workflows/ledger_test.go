package workflows

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/activities/contract"
)

// TestLedgerTable walks every state and event: where it leads, or that nothing
// changes (design §7, section H).
func TestLedgerTable(t *testing.T) {
	const stays = ""
	active, away, review, released := contract.LedgerActive, contract.LedgerQuarantined, contract.LedgerPendingReview, contract.LedgerReleased
	for state, row := range map[string]map[ledgerEvent]string{
		active:   {verdictEvent: away, errorsEvent: away, addEvent: away, reviewEvent: stays, releaseEvent: stays, watchedEvent: stays},
		away:     {verdictEvent: stays, errorsEvent: stays, addEvent: stays, reviewEvent: review, releaseEvent: released, watchedEvent: stays},
		review:   {verdictEvent: stays, errorsEvent: stays, addEvent: stays, reviewEvent: stays, releaseEvent: released, watchedEvent: stays},
		released: {verdictEvent: away, errorsEvent: away, addEvent: away, reviewEvent: stays, releaseEvent: stays, watchedEvent: active},
	} {
		for event, want := range row {
			l := ledgerState{}
			l.State, l.Revision = state, 7
			moved := l.move(event, "me", "because", time.UnixMilli(3))
			assert.Equal(t, want != stays, moved, "%s %s", state, event)
			if want == stays {
				want = state
				assert.Equal(t, int64(7), l.Revision)
				assert.Empty(t, l.Transitions)
			} else {
				assert.Greater(t, l.Revision, int64(7), "a revision grows although the clock goes back")
				assert.Len(t, l.Transitions, 1)
			}
			assert.Equal(t, want, l.State, "%s %s", state, event)
		}
	}
}

// ledgerModel is what a ledger must come to, kept in the plainest way.
type ledgerModel struct {
	filed map[string]contract.Violation // all that was ever filed, by id
	held  bool
}

// TestLedger_Properties: no sequence of violations, repeated reports, crashes,
// reloads, quarantines and releases loses a violation, counts one twice, or lets
// a definition that is held run.
func TestLedger_Properties(t *testing.T) {
	for seed := range uint64(400) {
		random := rand.New(rand.NewPCG(seed, 1))
		l := ledgerState{}
		l.Namespace, l.Name, l.State = "demo", "report", contract.LedgerActive
		register := contract.Register{}
		model := ledgerModel{filed: map[string]contract.Violation{}}
		var late []contract.Held // words to the register that come late, or twice
		at := time.Unix(1_800_000_000, 0)
		for step := range 200 {
			at = at.Add(time.Duration(random.IntN(5000)) * time.Millisecond)
			before, released := l.State, false
			switch random.IntN(9) {
			case 0, 1, 2:
				report(&l, &model, random, at, seed, step)
			case 3:
				l.quarantine(addEvent, "me", "odd", contract.HoldExecution, at)
			case 4:
				l.move(reviewEvent, "ada", "looking", at)
			case 5:
				released = l.release(contract.LedgerRequest{Reviewer: "ada", Reason: "fine"}, time.Hour, at)
			case 6:
				l.move(watchedEvent, "", "watched", at)
			case 7:
				failures(&l, random, at, seed, step)
			case 8:
				l.Ledger, register = reload(t, l.Ledger), reload(t, register)
			}
			if contract.LedgerHolds(before) && !released {
				require.True(t, contract.LedgerHolds(l.State), "it runs again, and nobody released it: seed %d step %d", seed, step)
			}
			if l.State != before {
				late = append(late, heldWord(l))
				register = heed(register, late[len(late)-1])
			}
			if len(late) > 0 && random.IntN(3) == 0 {
				register = heed(register, late[random.IntN(len(late))])
			}
			model.held = contract.LedgerHolds(l.State)
			require.Equal(t, model.held, len(register.Held) == 1, "seed %d step %d: %s, %+v", seed, step, l.State, register)
			require.Equal(t, len(model.filed), l.Total, "seed %d step %d", seed, step)
			model.check(t, l, seed, step)
		}
		require.LessOrEqual(t, len(l.Transitions), maxLedgerTransitions)
	}
}

// check holds the list against what was filed: all of it stands there, once, up to the
// bound.
func (m ledgerModel) check(t *testing.T, l ledgerState, seed uint64, step int) {
	t.Helper()
	require.Len(t, l.Violations, min(len(m.filed), maxLedgerViolations), "seed %d step %d", seed, step)
	listed := map[string]bool{}
	for _, v := range l.Violations {
		if _, filed := m.filed[v.ID]; !filed || listed[v.ID] { // millions: assertions would take minutes
			t.Fatalf("%s was never filed, or is listed twice: seed %d step %d", v.ID, seed, step)
		}
		listed[v.ID] = true
	}
}

// report files some violations, of which some were filed before: after a crash, or
// by another attempt.
func report(l *ledgerState, model *ledgerModel, random *rand.Rand, at time.Time, seed uint64, step int) {
	known := map[string]bool{}
	for _, id := range l.Seen {
		known[id] = true
	}
	var j contract.Judged
	j.At = at
	for n := range random.IntN(4) {
		id := fmt.Sprintf("%d-%d-%d", seed, step-random.IntN(3), n)
		if !known[id] {
			known[id] = true
			severity := []string{"Low", "Medium", "High", "Critical"}[random.IntN(4)]
			v := contract.Violation{ID: id, Severity: severity, At: at, Digest: fmt.Sprint(random.IntN(3)), Script: fmt.Sprint(random.IntN(3))}
			j.Violations = append(j.Violations, v)
			model.filed[id] = v
		}
	}
	l.record(j)
	if len(l.counting()) > 2 {
		l.quarantine(verdictEvent, "", "too many", contract.HoldExecution, at)
	}
}

// failures tells of executions that ended in an error, some of which were told of
// before, and of successes.
func failures(l *ledgerState, random *rand.Rand, at time.Time, seed uint64, step int) {
	j := contract.EndJudged{At: at, Consecutive: l.Consecutive, Critical: l.Critical}
	known := l.knownFailures()
	if random.IntN(4) == 0 {
		j.Consecutive, j.Critical = 0, 0
	}
	for n := range random.IntN(3) {
		id := fmt.Sprintf("f%d-%d-%d", seed, step-random.IntN(3), n)
		if !slices.Contains(known, id) {
			j.Failures = append(j.Failures, contract.Failure{ID: id, At: at, Code: "TIM_001"})
			j.Consecutive++
		}
	}
	before := len(l.Failures)
	l.recordEndings(j)
	if len(l.Failures) != min(before+len(j.Failures), maxLedgerFailures) {
		panic("failures are lost")
	}
	if l.Consecutive >= 5 {
		l.quarantine(errorsEvent, "", "too many errors", contract.HoldExecution, at)
	}
}

func heldWord(l ledgerState) contract.Held {
	return contract.Held{Namespace: l.Namespace, Name: l.Name, State: l.State, Revision: l.Revision, Scripts: l.Scripts}
}

// reload is what a run that continues as new begins with.
func reload[T any](t *testing.T, value T) T {
	t.Helper()
	text, err := json.Marshal(value)
	require.NoError(t, err)
	var again T
	require.NoError(t, json.Unmarshal(text, &again))
	return again
}

// TestLedger_MarkdownIsText: what people see of a long ledger is cut between
// characters, wherever the bound falls: Temporal takes no other text.
func TestLedger_MarkdownIsText(t *testing.T) {
	for shift := range 4 {
		l := ledgerState{}
		l.State = contract.LedgerActive
		for n := range maxLedgerTransitions {
			reason := strings.Repeat("ж", 400)
			if n == 0 {
				reason += strings.Repeat("x", shift)
			}
			l.Transitions = append(l.Transitions, contract.LedgerTransition{From: "active", To: "quarantined", Reason: reason})
		}
		l.Reason = strings.Repeat("x", shift)
		text := l.markdown()
		require.Greater(t, len(text), maxDetails-4)
		require.True(t, utf8.ValidString(text))
	}
}

// TestLedger_HarmlessOnesHideNothing: many violations that do not count push none
// out that does.
func TestLedger_HarmlessOnesHideNothing(t *testing.T) {
	var l ledgerState
	l.State = contract.LedgerActive
	l.record(contract.Judged{Violations: []contract.Violation{{ID: "grave", Severity: "Medium"}}})
	for n := range 3 * maxLedgerViolations {
		l.record(contract.Judged{Violations: []contract.Violation{{ID: fmt.Sprint(n), Severity: "Low"}}})
	}
	assert.Len(t, l.Violations, maxLedgerViolations)
	require.Len(t, l.counting(), 1)
	assert.Equal(t, "grave", l.counting()[0].ID)
	assert.Equal(t, 3*maxLedgerViolations+1, l.Total)
}

// TestLedger_Release: what was before a release counts no more, and stays recorded;
// neither a new document nor another name launders a script (D6).
func TestLedger_Release(t *testing.T) {
	var l ledgerState
	l.State = contract.LedgerActive
	at := time.Unix(1_800_000_000, 0)
	v := contract.Violation{ID: "a", Severity: "High", At: at, Digest: "d1", Script: "s1", Version: "1.0.0"}
	l.record(contract.Judged{At: at, Violations: []contract.Violation{v}, Counted: 1, Limit: 1})
	require.True(t, l.quarantine(verdictEvent, "", "1 of 1", contract.HoldExecution, at))
	assert.Equal(t, []string{"s1"}, l.Scripts)
	v.ID, v.Digest, v.Script = "b", "d2", "s2" // a report that came late
	l.record(contract.Judged{At: at, Violations: []contract.Violation{v}})
	assert.Equal(t, []string{"s1", "s2"}, l.Scripts)
	assert.Len(t, l.Versions, 2)
	require.True(t, l.release(contract.LedgerRequest{Reviewer: "ada", Reason: "fixed"}, time.Hour, at.Add(time.Second)))
	assert.Empty(t, l.counting())
	assert.Empty(t, l.Scripts)
	assert.Len(t, l.Violations, 2)
	assert.Equal(t, at.Add(time.Hour+time.Second), l.WatchUntil)
	assert.Equal(t, "ada", l.Incidents[0].Reviewer)
	assert.Equal(t, []string{"a"}, l.Incidents[0].Violations)
}
