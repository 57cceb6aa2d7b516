package worker

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/activities/ledger"
	"lazaret.dev/lazaret/policies"
)

// hostile is a definition whose script reads what it must not, once, and then naps
// as long as its input says. At level maximum, where the checker would refuse that,
// it starts a process.
func hostile(name string, level policies.Level) string {
	script := "{script: {language: python, arguments: {nap: '${ .nap }'}, code: \"# " + name +
		"\\nimport time\\ntry: open('/etc/shadow')\\nexcept OSError: pass\\ntime.sleep(nap)\"}}"
	if level == policies.Maximum {
		script = "{shell: {command: '(true); echo " + name + "'}}"
	}
	return fmt.Sprintf(`
document: {dsl: 1.0.3, namespace: ledger, name: %s, version: 1.0.0}
do: [spy: {run: %s}]
`, name, script)
}

func beginAt(t *testing.T, s *session, text, input string, level policies.Level) string {
	t.Helper()
	p := document(t, text, input)
	p.start.Interpreter = contract.Interpreter
	if level != 0 {
		p.start.Sandbox.Level = level.String()
	}
	run, err := s.begin(t.Context(), p, "")
	require.NoError(t, err)
	return run.GetID()
}

// recordedOf waits until the ledger has n violations. A program's end does not wait
// for a Temporal that is slow: then its report goes by the spool, or the ledger's
// word comes later.
func recordedOf(t *testing.T, s *session, name string, n int) contract.Ledger {
	t.Helper()
	var l contract.Ledger
	pollUntil(t, fmt.Sprintf("%d violations of %s are recorded", n, name), func() bool {
		var err error
		l, err = ledger.Store{Client: s.Client}.Ledger(t.Context(), "ledger", name)
		return err == nil && l.Total >= n
	})
	return l
}

// awaitRefusal waits until the shared worker knows that a definition is held.
func awaitRefusal(t *testing.T, namespace, name string) {
	t.Helper()
	gate := sharedTemporal.embedded.worker.ledger.gate
	pollUntil(t, "the worker knows that "+name+" is held", func() bool {
		held, err := gate.Check(t.Context(), contract.TaskID{Namespace: namespace, Name: name}, "")
		return err == nil && held != nil
	})
}

// commit has a definition do what it must not, once. The last time the script would
// go on: the word that it is held comes while it runs, and it is killed.
func commit(t *testing.T, s *session, name string, level policies.Level, last bool) {
	t.Helper()
	input := `{"nap": 0}`
	if last {
		input = `{"nap": 600}`
	}
	id := beginAt(t, s, hostile(name, level), input, level)
	if last && level != policies.Maximum {
		pollUntil(t, id+" holds", func() bool {
			state, err := s.state(t.Context(), id)
			return err == nil && state.Status == contract.HeldState && startedActivities(t, s, id) == 0
		})
		return
	}
	_, err := follow(t.Context(), s.Client, s.GetWorkflow(t.Context(), id, ""), nil)
	if level == policies.Maximum {
		requireFaultOf(t, err, contract.AuthorizationError, "level maximum")
	} else {
		require.NoError(t, err)
	}
}

// TestLedger_Counts: at each level a hostile script leads to exactly the
// documented count, and then the definition is put away (A16, A21, A22).
func TestLedger_Counts(t *testing.T) {
	t.Parallel()
	s := temporalSession(t)
	for level, limit := range map[policies.Level]int{policies.Maximum: 1, policies.Strict: 3, policies.Standard: 5} {
		t.Run(level.String(), func(t *testing.T) {
			t.Parallel()
			name := "counts-" + level.String()
			for n := 1; n <= limit; n++ {
				commit(t, s, name, level, n == limit)
				l := recordedOf(t, s, name, n)
				assert.Equal(t, n, l.Counted)
				assert.Equal(t, n, l.Total)
				assert.Equal(t, limit, l.Limit)
				want := contract.LedgerActive
				if n == limit {
					want = contract.LedgerQuarantined
				}
				assert.Equal(t, want, l.State, "%+v", l)
				if level != policies.Maximum {
					assert.Equal(t, "UnauthorizedFileAccess", l.Violations[n-1].Type)
				}
				assert.Equal(t, "/do/0/spy", l.Violations[n-1].Task)
			}
			// The command line refuses to start it, and so does the worker.
			p := document(t, hostile(name, level), `{"nap": 0}`)
			p.start.Interpreter, p.start.Sandbox.Level = contract.Interpreter, level.String()
			_, err := s.begin(t.Context(), p, "")
			requireFaultOf(t, err, contract.Quarantined, "ledger/"+name+" is in quarantine")
			assert.Equal(t, exitRefused, faultCode(err.(*contract.Fault))) //nolint:errorlint,forcetypeassert // as it was made
			awaitRefusal(t, "ledger", name)
			run, err := s.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{TaskQueue: contract.TaskQueue}, "ledger/"+name, p.start)
			require.NoError(t, err)
			_, err = resultOf(t, s, run)
			requireFaultOf(t, err, contract.Quarantined, "ledger/"+name+" is in quarantine since ")
		})
	}
}

// TestLedger_HoldAndRelease: executions that run hold, with their scripts killed,
// and go on after a release where they stood.
func TestLedger_HoldAndRelease(t *testing.T) {
	t.Parallel()
	s := temporalSession(t)
	text := `
document: {dsl: 1.0.3, namespace: ledger, name: holds, version: 1.0.0}
do:
  - before: {set: {n: 1}, export: {as: '{runs: (($context.runs // 0) + 1)}'}}
  - script: {run: {script: {language: python, code: "import time\ntime.sleep(3)\nprint('slept', end='')"}}}
  - after: {set: {said: '${ . }', runs: '${ $context.runs }'}}
`
	id := beginAt(t, s, text, "{}", 0)
	pollUntil(t, "the script runs", func() bool { return startedActivities(t, s, id) == 1 })
	store := ledger.Store{Client: s.Client}
	began := time.Now()
	summary, err := store.Add(t.Context(), "ledger", "holds", contract.LedgerRequest{Reason: "looks odd", By: "me"})
	require.NoError(t, err)
	assert.Equal(t, contract.LedgerQuarantined, summary.State)
	pollUntil(t, "it holds", func() bool {
		state, err := s.state(t.Context(), id)
		return err == nil && state.Status == "held"
	})
	t.Log("held after", time.Since(began))
	pollUntil(t, "its script is killed", func() bool { return startedActivities(t, s, id) == 0 })
	d, err := s.DescribeWorkflowExecution(t.Context(), id, "")
	require.NoError(t, err)
	assert.Equal(t, "held", attribute(d.GetWorkflowExecutionInfo(), contract.AttributeState))

	_, err = store.Release(t.Context(), "ledger", "holds", contract.LedgerRequest{Reason: "  ", Reviewer: "you"})
	require.ErrorContains(t, err, "a reason is needed")
	_, err = store.Release(t.Context(), "ledger", "holds", contract.LedgerRequest{Reason: "fine"})
	require.ErrorContains(t, err, "a release needs a reviewer")
	summary, err = store.Release(t.Context(), "ledger", "holds", contract.LedgerRequest{Reason: "fine", Reviewer: "you"})
	require.NoError(t, err)
	assert.Equal(t, contract.LedgerReleased, summary.State)
	assert.WithinDuration(t, time.Now().Add(policies.DefaultWatch), summary.WatchUntil, time.Minute)
	pollUntil(t, "it has heard of the release", func() bool {
		state, err := s.state(t.Context(), id)
		return err == nil && state.Status != "held"
	})
	output, err := follow(t.Context(), s.Client, s.GetWorkflow(t.Context(), id, ""), nil)
	require.NoError(t, err)
	assert.JSONEq(t, `{"said": "slept", "runs": 1}`, string(output))
	_, err = store.Release(t.Context(), "ledger", "holds", contract.LedgerRequest{Reason: "fine", Reviewer: "you"})
	require.ErrorContains(t, err, "ledger/holds is released: there is nothing to release")
}
