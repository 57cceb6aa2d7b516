package ledger

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"lazaret.dev/lazaret/activities/audit"
	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/policies"
)

// fixed is a policy that is the same for everything.
type fixed policies.Effective

func (f fixed) For(contract.TaskID) (policies.Effective, error) { return policies.Effective(f), nil }

// book is an audit log that is looked into.
type book []audit.Event

func (b *book) Append(e audit.Event) (uint64, error) {
	*b = append(*b, e)
	return uint64(len(*b)), nil
}

// bench are activities whose audit lines and notices are kept.
type bench struct {
	*Activities
	audit   book
	notices []Notice
}

func newBench(t *testing.T, level policies.Level, change func(*policies.Effective)) *bench {
	t.Helper()
	e, err := policies.LevelDefaults(level)
	require.NoError(t, err)
	if change != nil {
		change(&e)
	}
	b := &bench{}
	b.Activities = &Activities{
		Key: Key("key"), Policies: fixed(e), Audit: &b.audit, Gate: &Gate{},
		Observe: func(n Notice) { b.notices = append(b.notices, n) },
	}
	return b
}

func (b *bench) signed(t *testing.T, purpose Purpose, value any) contract.Signed {
	t.Helper()
	s, err := b.Key.Sign(purpose, value)
	require.NoError(t, err)
	return s
}

var summary = contract.LedgerSummary{Namespace: "demo", Name: "report", State: contract.LedgerActive}

func report(severity string, ids ...string) contract.ViolationReport {
	r := contract.ViolationReport{Namespace: "demo", Name: "report"}
	for _, id := range ids {
		r.Violations = append(r.Violations, contract.Violation{ID: id, Type: "UnauthorizedFileAccess", Severity: severity, Level: "strict", At: time.Now()})
	}
	return r
}

// TestKey: a text is worth something with the same key, for the same purpose, and
// unchanged; without a key everything is.
func TestKey(t *testing.T) {
	t.Parallel()
	key := Key("key")
	s, err := key.Sign(ForReport, report("High", "a"))
	require.NoError(t, err)
	var r contract.ViolationReport
	require.NoError(t, key.Open(ForReport, s, &r))
	assert.Equal(t, "a", r.Violations[0].ID)
	for name, open := range map[string]func() error{
		"another key":     func() error { return Key("other").Open(ForReport, s, &r) },
		"another purpose": func() error { return key.Open(ForOrder, s, &r) },
		"another body":    func() error { return key.Open(ForReport, contract.Signed{Body: s.Body + " ", Tag: s.Tag}, &r) },
		"no tag":          func() error { return key.Open(ForReport, contract.Signed{Body: s.Body}, &r) },
		"nothing":         func() error { return key.Open(ForReport, contract.Signed{}, &r) },
		"no JSON":         func() error { return Key(nil).Open(ForReport, contract.Signed{Body: "{"}, &r) },
	} {
		require.ErrorIs(t, open(), ErrForged, name)
	}
	require.NoError(t, Key(nil).Open(ForReport, s, &r))
}

// TestIsAuthor: who published is known however they write themselves, and nobody
// else is taken for them.
func TestIsAuthor(t *testing.T) {
	t.Parallel()
	for reviewer, is := range map[string]bool{
		"ada@vm": true, "ada": true, "Ada": true, "ADA@VM": true, " ada ": true, "ada@vm\n": true,
		"bob": false, "ada@other": false, "ad": false, "vm": false, "": false,
	} {
		assert.Equal(t, is, isAuthor(reviewer, "ada@vm"), "%q", reviewer)
	}
}

// TestJudge_Once: what is known already, comes twice, or has no id is not counted;
// what no worker wrote, or is about another definition, is refused and audited.
func TestJudge_Once(t *testing.T) {
	t.Parallel()
	b := newBench(t, policies.Strict, nil)
	other := report("High", "x")
	other.Name = "another"
	forged := b.signed(t, ForReport, report("Critical", "y"))
	forged.Tag = "AAAA"
	j, err := b.Judge(t.Context(), contract.Judging{
		Summary: summary, Seen: []string{"a"},
		Counting: []contract.Violation{{ID: "a", Severity: "Medium", At: time.Now()}},
		Reports: []contract.Signed{
			b.signed(t, ForReport, report("Medium", "a", "b", "b", "")),
			b.signed(t, ForReport, report("Low", "c")),
			b.signed(t, ForReport, other),
			forged,
			{},
		},
	})
	require.NoError(t, err)
	require.Len(t, j.Violations, 2)
	assert.Equal(t, [3]int{2, 3, 3}, [3]int{j.Counted, j.Limit, j.Refused})
	assert.Equal(t, "warn", j.Decision)
	unauthorized := 0
	for _, e := range b.audit {
		if e.Kind == audit.Unauth {
			unauthorized++
		}
	}
	assert.Equal(t, 3, unauthorized)
}

// TestJudge_HostileReport: a severity that is none counts as the worst, and texts are
// bounded.
func TestJudge_HostileReport(t *testing.T) {
	t.Parallel()
	b := newBench(t, policies.Standard, nil)
	r := report("harmless, really", "a")
	r.Violations[0].Subject, r.Violations[0].Command = strings.Repeat("x", 100_000), strings.Repeat("y", 100_000)
	j, err := b.Judge(t.Context(), contract.Judging{Summary: summary, Reports: []contract.Signed{b.signed(t, ForReport, r)}})
	require.NoError(t, err)
	assert.Equal(t, "quarantine", j.Decision)
	assert.Len(t, j.Violations[0].Subject, 300)
	assert.Len(t, j.Violations[0].Command, 300)
}

func ending(n string, failed bool, severity, action string) contract.Ending {
	return contract.Ending{
		Task: contract.TaskID{Namespace: "demo", Name: "report"}, Execution: "e" + n, Run: "r", Failed: failed,
		Code: "TIM_001", Severity: severity, Action: action,
	}
}

// TestJudgeEndings: errors in a row, critical ones, and what sets the counts back.
func TestJudgeEndings(t *testing.T) {
	t.Parallel()
	on := func(e *policies.Effective) { e.Recovery.Automatic = true }
	fail, critical, success := ending("", true, "Medium", ""), ending("", true, "Critical", ""), ending("", false, "", "")
	security := ending("", true, "Critical", contract.RecoverQuarantine)
	for name, test := range map[string]struct {
		level    policies.Level
		change   func(*policies.Effective)
		endings  []contract.Ending
		row, bad int
		do       string
	}{
		"four in a row":             {policies.Strict, on, []contract.Ending{fail, fail, fail, fail}, 4, 0, ""},
		"five in a row":             {policies.Strict, on, []contract.Ending{fail, fail, fail, fail, fail}, 5, 0, contract.RecoverQuarantine},
		"a success between":         {policies.Strict, on, []contract.Ending{fail, fail, critical, success, fail, fail}, 2, 0, ""},
		"three critical ones":       {policies.Strict, on, []contract.Ending{critical, fail, critical, critical}, 4, 3, contract.RecoverShutdown},
		"one that is put away":      {policies.Strict, on, []contract.Ending{security}, 1, 1, contract.RecoverQuarantine},
		"left to people (A23)":      {policies.Minimal, on, []contract.Ending{security}, 1, 1, ""},
		"recovery turned off since": {policies.Strict, nil, []contract.Ending{fail, fail, fail, fail, fail, security}, 6, 1, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, test.level, test.change)
			j := contract.EndJudging{Summary: summary}
			for i, e := range test.endings {
				e.Execution += string(rune('a' + i))
				j.Endings = append(j.Endings, b.signed(t, ForEnding, e), b.signed(t, ForEnding, e)) // told twice
			}
			r, err := b.JudgeEndings(t.Context(), j)
			require.NoError(t, err)
			assert.Equal(t, [2]int{test.row, test.bad}, [2]int{r.Consecutive, r.Critical})
			assert.Equal(t, test.do, r.Do)
			if test.level == policies.Minimal {
				require.Len(t, b.notices, 1)
				assert.Equal(t, Alerted, b.notices[0].Kind)
			}
		})
	}
}

// TestJudgeEndings_Forged: nobody but a worker ends, or excuses, anything.
func TestJudgeEndings_Forged(t *testing.T) {
	t.Parallel()
	b := newBench(t, policies.Strict, func(e *policies.Effective) { e.Recovery.Automatic = true })
	counted := summary
	counted.Consecutive = 4
	foreign := ending("", false, "", "")
	foreign.Task.Name = "another"
	r, err := b.JudgeEndings(t.Context(), contract.EndJudging{Summary: counted, Endings: []contract.Signed{
		{Body: `{"failed": false}`}, b.signed(t, ForReport, ending("", false, "", "")), b.signed(t, ForEnding, foreign),
	}})
	require.NoError(t, err)
	assert.Equal(t, [2]int{3, 4}, [2]int{r.Refused, r.Consecutive}, "%+v", r)
	require.Len(t, b.notices, 3)
	assert.Equal(t, Forged, b.notices[0].Kind)
}

// TestSpool: reports are handed on in their order, and once; a damaged one is put
// aside; what is not taken stays.
func TestSpool(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "spool")
	s, err := OpenSpool(dir)
	require.NoError(t, err)
	for _, id := range []string{"a", "b", "c"} {
		require.NoError(t, s.Keep(report("High", id)))
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "00000000000000000000-bad.report"), []byte(`{"name"`), 0o600))
	var taken, damaged []string
	away := errors.New("Temporal is away")
	drain := func(until string) error {
		return s.Drain(func(r contract.ViolationReport) error {
			if r.Violations[0].ID == until {
				return away
			}
			taken = append(taken, r.Violations[0].ID)
			return nil
		}, func(path string, _ error) { damaged = append(damaged, filepath.Base(path)) })
	}
	require.ErrorIs(t, drain("b"), away)
	assert.Equal(t, []string{"a"}, taken)
	assert.Equal(t, []string{"00000000000000000000-bad.report"}, damaged)
	again, err := OpenSpool(dir) // another process, after a crash
	require.NoError(t, err)
	s = again
	require.NoError(t, drain(""))
	assert.Equal(t, []string{"a", "b", "c"}, taken)
	require.NoError(t, drain(""))
	assert.Len(t, taken, 3)
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, left, 1)
	info, err := left[0].Info()
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())
}

// TestGate: what is held is found by its name, its documents and its scripts; what
// runs of it is ended; and a gate that has heard nothing lets nothing pass.
func TestGate(t *testing.T) {
	t.Parallel()
	g := &Gate{}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := g.Check(ctx, contract.TaskID{Namespace: "demo", Name: "report"}, "")
	var unknown *temporal.ApplicationError
	require.ErrorAs(t, err, &unknown)
	assert.Equal(t, "RegisterUnknown", unknown.Type())
	assert.False(t, unknown.NonRetryable())

	g.set(nil)
	g.heard(time.Now())
	own := contract.TaskID{Namespace: "demo", Name: "report", Digest: "d9"}
	running, leave, err := g.pass(t.Context(), own, "s9")
	require.NoError(t, err)
	defer leave()
	stranger, leaveToo, err := g.pass(t.Context(), contract.TaskID{Namespace: "demo", Name: "other"}, "s8")
	require.NoError(t, err)
	defer leaveToo()
	h := contract.Held{Namespace: "demo", Name: "report", State: contract.LedgerQuarantined, Revision: 7, Digests: []string{"d1"}, Scripts: []string{"s1"}}
	g.set([]contract.Held{h})
	require.Error(t, running.Err())
	assert.True(t, isHeld(context.Cause(running)))
	require.NoError(t, stranger.Err())
	for name, test := range map[string]struct {
		task   contract.TaskID
		script string
		do     string
	}{
		"by name":     {own, "", contract.HoldExecution},
		"by document": {contract.TaskID{Namespace: "x", Name: "y", Digest: "d1"}, "", contract.HoldExecution},
		"by script":   {contract.TaskID{Namespace: "x", Name: "y", Digest: "d2"}, "s1", contract.FaultExecution},
	} {
		_, _, err := g.pass(t.Context(), test.task, test.script)
		var refused *temporal.ApplicationError
		require.ErrorAs(t, err, &refused, name)
		var fault *contract.Fault // as they were made
		var order contract.Order
		require.NoError(t, refused.Details(&fault, &order))
		assert.Equal(t, contract.Quarantined, fault.Type, name)
		assert.Equal(t, [2]any{test.do, int64(7)}, [2]any{order.Do, order.Revision}, name)
	}
	g.set(nil)
	held, err := g.Check(t.Context(), own, "s1")
	require.NoError(t, err)
	assert.Nil(t, held)
}
