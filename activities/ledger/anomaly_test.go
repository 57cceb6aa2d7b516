package ledger

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/activities/audit"
	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/sandbox"
)

// TestJudge_Anomaly: a burst of violations that do not even count is one violation
// that does, recorded and told; a steady load is none (A13).
func TestJudge_Anomaly(t *testing.T) {
	t.Parallel()
	b := newBench(t, policies.Standard, nil)
	var rates contract.Rates
	start, filed := time.Now().Add(-24*time.Hour), 0
	file := func(from time.Time, every time.Duration, n int) (odd []contract.Violation) {
		for i := range n {
			r := report("Low", fmt.Sprint("v", filed))
			r.Violations[0].At = from.Add(time.Duration(i) * every)
			filed++
			j, err := b.Judge(t.Context(), contract.Judging{Summary: summary, Rates: rates, Reports: []contract.Signed{b.signed(t, ForReport, r)}})
			require.NoError(t, err)
			rates = j.Rates
			odd = append(odd, j.Violations[1:]...)
			if len(j.Violations) > 1 {
				assert.Equal(t, "warn", j.Decision)
				assert.Equal(t, 1, j.Counted)
			}
		}
		return odd
	}
	assert.Empty(t, file(start, 2*time.Minute, 200), "a steady load")
	odd := file(start.Add(7*time.Hour), time.Second, 200)
	require.Len(t, odd, 1, "a burst")
	assert.Equal(t, [2]string{contract.MaliciousBehavior, "High"}, [2]string{odd[0].Type, odd[0].Severity})
	assert.Contains(t, odd[0].Subject, "violations within 10m, where 5.0 are usual")
	recorded := 0
	for _, e := range b.audit {
		if e.Kind == audit.Violation {
			recorded++
			assert.Equal(t, contract.MaliciousBehavior, e.Type)
		}
	}
	assert.Equal(t, 1, recorded)
	require.Len(t, b.notices, 1)
	assert.Equal(t, Violated, b.notices[0].Kind)
	assert.Empty(t, file(start.Add(8*time.Hour), 2*time.Minute, 100), "as before")
}

// TestJudgeEndings_Anomaly: likewise of executions that end in an error, where nothing
// is done about it; the errors are kept (A14).
func TestJudgeEndings_Anomaly(t *testing.T) {
	t.Parallel()
	b := newBench(t, policies.Strict, func(e *policies.Effective) { e.Anomaly.Severity = sandbox.Critical })
	rates := contract.Rates{Errors: contract.Baseline{Since: time.Now().Add(-time.Minute), Mean: 1, Seen: 5}}
	var odd []contract.Violation
	for n := range 30 {
		e := contract.Ending{Failed: true, Kept: true, Code: contract.CodeExecution, Execution: fmt.Sprint("e", n), Run: "r"}
		e.Task.Namespace, e.Task.Name, e.Task.Version = "demo", "report", "1.0.0"
		j, err := b.JudgeEndings(t.Context(), contract.EndJudging{Summary: summary, Rates: rates, Endings: []contract.Signed{b.signed(t, ForEnding, e)}})
		require.NoError(t, err)
		require.Len(t, j.Failures, 1)
		assert.Equal(t, [2]string{"EXE_001", "Low"}, [2]string{j.Failures[0].Code, j.Failures[0].Severity})
		assert.Zero(t, j.Consecutive, "nobody tells of successes")
		assert.Empty(t, j.Do)
		rates = j.Rates
		if j.Judged != nil {
			odd = append(odd, j.Judged.Violations...)
			assert.Equal(t, "quarantine", j.Judged.Decision, "the policy calls it critical")
		}
	}
	require.Len(t, odd, 1)
	assert.Contains(t, odd[0].Subject, "10 executions that ended in an error within 10m, where 1.0 are usual")
	assert.Equal(t, audit.Failure, b.audit[0].Kind)
}
