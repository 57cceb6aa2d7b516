package worker

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/activities/contract"
)

// recovered is what the history of an execution shows of its recovery.
type recovered struct {
	attempts, fresh, pauses int
	failure                 contract.Coded
}

func recoveredOf(t *testing.T, g *ground, id string) recovered {
	t.Helper()
	var r recovered
	for _, event := range historyEvents(t, g.session, id, "") {
		if a := event.GetActivityTaskScheduledEventAttributes(); a != nil && a.GetActivityType().GetName() == contract.RunScript {
			r.attempts++
			if strings.Contains(string(a.GetInput().GetPayloads()[0].GetData()), `"fresh":true`) {
				r.fresh++
			}
		}
		if event.GetTimerStartedEventAttributes() != nil {
			r.pauses++
		}
		if f := event.GetWorkflowExecutionFailedEventAttributes(); f != nil {
			details := f.GetFailure().GetApplicationFailureInfo().GetDetails().GetPayloads()
			require.Len(t, details, 2)
			require.NoError(t, json.Unmarshal(details[1].GetData(), &r.failure))
		}
	}
	return r
}

// testRecovery is the table: each category of errors, what is done about it, and
// what stands in history (A15, A41).
func testRecovery(t *testing.T, g *ground) {
	t.Helper()
	for name, test := range map[string]struct {
		code string // of the script
		kind string // of the fault
		want recovered
	}{
		"slow/timeout":      {"import time\ntime.sleep(30)", contract.TimeoutError, recovered{3, 0, 2, contract.Coded{Code: "TIM_001"}}},
		"recovering/crash":  {"import os\nos.abort()", contract.RuntimeError, recovered{4, 0, 3, contract.Coded{Code: "CRA_001"}}},
		"recovering/memory": {"x = b'x' * (200 << 20)\nprint(len(x))", contract.RuntimeError, recovered{2, 1, 0, contract.Coded{Code: "MEM_001"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run := g.begin(t, groundText(name, test.code), "null")
			_, err := follow(t.Context(), g.Client, run, nil)
			requireFaultOf(t, err, test.kind, "")
			assert.Equal(t, test.want, recoveredOf(t, g, run.GetID()))
			l := g.awaitLedger(t, name, "knows of the error", func(l contract.Ledger) bool { return len(l.Failures) > 0 })
			assert.Equal(t, test.want.failure.Code, l.Failures[0].Code)
			assert.Equal(t, run.GetID(), l.Failures[0].Execution)
			assert.Equal(t, "/do/0/work", l.Failures[0].Task)
			assert.Equal(t, 1, l.Consecutive)
		})
	}
	t.Run("security", func(t *testing.T) {
		t.Parallel()
		// One program that the kernel had to end is enough, though 5 violations count at
		// its level (A42).
		text := groundText("recovering/security", "for n in range(3000):\n  try: open('/root/x')\n  except OSError: pass\n")
		_, err := follow(t.Context(), g.Client, g.begin(t, text, "null"), nil)
		requireFaultOf(t, err, contract.AuthorizationError, "level standard")
		l := g.awaitLedger(t, "recovering/security", "is put away", func(l contract.Ledger) bool { return contract.LedgerHolds(l.State) })
		assert.Contains(t, l.Reason, "SEC_001")
		_, err = g.tryBegin(t, text, "null")
		requireFaultOf(t, err, contract.Quarantined, "recovering/security is in quarantine")
	})
	t.Run("in a row", func(t *testing.T) {
		t.Parallel()
		// A success sets the count back; the third error in a row puts it away.
		text := `
document: {dsl: 1.0.3, namespace: recovering, name: row, version: 1.0.0}
do: [check: {if: .fail, raise: {error: {type: 'https://example.com/e', status: 500}}}]
`
		for i, fail := range []bool{true, true, false, true, true, true} {
			_, err := follow(t.Context(), g.Client, g.begin(t, text, map[bool]string{true: `{"fail": true}`, false: `{"fail": false}`}[fail]), nil)
			assert.Equal(t, fail, err != nil)
			want := []int{1, 2, 0, 1, 2, 3}[i]
			l := g.awaitLedger(t, "recovering/row", "has counted", func(l contract.Ledger) bool { return l.Consecutive == want })
			assert.Equal(t, want == 3, contract.LedgerHolds(l.State), "%+v", l.LedgerSummary)
		}
		l := g.ledger(t, "recovering/row")
		assert.Equal(t, "3 executions in a row ended in an error, the last with UNK_001", l.Reason)
		assert.Equal(t, "errors", l.Incidents[0].DetectedBy)
		out, code := g.lazaret(t, "quarantine", "show", "recovering/row")
		require.Zero(t, code)
		assert.Contains(t, out, "3 executions in a row, 0 of them critical")
		assert.Contains(t, out, "UNK_001")
	})
	t.Run("initialization", func(t *testing.T) {
		t.Parallel()
		// What cannot begin is shut down: the execution is cancelled, and no try sees why.
		run := g.begin(t, `
document: {dsl: 1.0.3, namespace: recovering, name: impossible, version: 1.0.0}
do:
  - guarded:
      try: [work: {metadata: {python.version: '3.99'}, run: {script: {language: python, code: 'print(1)'}}}]
      catch: {do: [never: {set: caught}]}
`, "null")
		requireCancelled(t, g.session, run)
		l := g.awaitLedger(t, "recovering/impossible", "knows", func(l contract.Ledger) bool { return len(l.Failures) > 0 })
		assert.Equal(t, [2]string{"INI_001", "shutdown"}, [2]string{l.Failures[0].Code, l.Failures[0].Action})
		state, err := g.state(t.Context(), run.GetID())
		require.NoError(t, err)
		assert.Equal(t, "cancelled", state.Status)
		assert.Equal(t, "INI_001", state.Fault.Code, "it says why")
	})
}

// testShutdown: the second critical error without a success cancels what runs.
func testShutdown(t *testing.T, g *ground) {
	t.Helper()
	text := `
document: {dsl: 1.0.3, namespace: recovering, name: fragile, version: 1.0.0}
do:
  - wait: {if: .wait, wait: {hours: 1}, then: end}
  - crash: {run: {script: {language: python, code: "import os\nos.abort()"}}}
`
	waiting := g.begin(t, text, `{"wait": true}`)
	for n := 1; n <= 2; n++ {
		_, err := follow(t.Context(), g.Client, g.begin(t, text, `{"wait": false}`), nil)
		requireFaultOf(t, err, contract.RuntimeError, "")
		g.awaitLedger(t, "recovering/fragile", "has counted", func(l contract.Ledger) bool { return l.Consecutive >= n })
	}
	requireCancelled(t, g.session, waiting)
	g.awaitNotice(t, "recovering/fragile", "alert")
	assert.Equal(t, contract.LedgerActive, g.ledger(t, "recovering/fragile").State, "it is not put away")
}

// testRollback: an execution whose version fails goes on with the one that was
// published before, from the beginning and with the same input.
func testRollback(t *testing.T, g *ground) {
	t.Helper()
	version := func(version, code string) string {
		return strings.Replace(groundText("recovering/job", code), "version: 1.0.0", "version: "+version, 1)
	}
	publishText(t, g.session, version("1.0.0", "print('old', end='')"))
	publishText(t, g.session, version("2.0.0", "raise SystemExit(3)"))
	run := startPlain(t, g.session, "recovering/job", map[string]any{"n": 1})
	output, err := follow(t.Context(), g.Client, run, nil)
	require.NoError(t, err)
	assert.JSONEq(t, `"old"`, string(output))
	children := 0
	for _, event := range historyEvents(t, g.session, run.GetID(), "") {
		if event.GetChildWorkflowExecutionCompletedEventAttributes() != nil {
			children++
		}
	}
	assert.Equal(t, 1, children)
	l := g.awaitLedger(t, "recovering/job", "knows of the error", func(l contract.Ledger) bool { return len(l.Failures) > 0 && l.Consecutive == 0 })
	require.Len(t, l.Failures, 1)
	assert.Equal(t, [3]string{"EXE_001", "rollback", "2.0.0"}, [3]string{l.Failures[0].Code, l.Failures[0].Action, l.Failures[0].Version})
	// The first version has none before it: its error stands.
	first := startPlain(t, g.session, "recovering/job:1.0.0", nil)
	_, err = follow(t.Context(), g.Client, first, nil)
	require.NoError(t, err)
	publishText(t, g.session, groundText("recovering/first", "raise SystemExit(3)"))
	_, err = follow(t.Context(), g.Client, startPlain(t, g.session, "recovering/first", nil), nil)
	requireFaultOf(t, err, contract.RuntimeError, "exited with code 3")
}
