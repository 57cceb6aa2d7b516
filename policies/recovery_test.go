package policies_test

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/sandbox"
)

// TestRecoveryTable is the whole table: what is done about each kind of error, as
// section H has it, and what the product made of it (A15, A42).
func TestRecoveryTable(t *testing.T) {
	t.Parallel()
	type row struct {
		code     string
		severity sandbox.Severity
		action   policies.RecoveryAction
		retries  int
		backoff  time.Duration
	}
	want := map[policies.ErrorCategory]row{
		"SecurityViolation":     {"SEC_001", sandbox.Critical, "quarantine", 0, 0},
		"Crash":                 {"CRA_001", sandbox.Critical, "retry", 3, 10 * time.Second},
		"OutOfMemory":           {"MEM_001", sandbox.High, "reset", 1, 0},
		"CpuLimitExceeded":      {"CPU_001", sandbox.Medium, "reset", 1, 0},
		"ResourceLimitExceeded": {"RES_001", sandbox.Medium, "reset", 1, 0},
		"NetworkError":          {"NET_001", sandbox.Low, "retry", 3, 5 * time.Second},
		"Timeout":               {"TIM_001", sandbox.Medium, "retry", 2, 3 * time.Second},
		"InitializationFailed":  {"INI_001", sandbox.High, "shutdown", 0, 0},
		"FileSystemError":       {"FIL_001", sandbox.Medium, "none", 0, 0},
		"PermissionDenied":      {"PER_001", sandbox.Low, "none", 0, 0},
		"ExecutionError":        {"EXE_001", sandbox.Low, "none", 0, 0},
		"CommunicationError":    {"COM_001", sandbox.Low, "none", 0, 0},
		"Unknown":               {"UNK_001", sandbox.Low, "none", 0, 0},
	}
	got := map[policies.ErrorCategory]row{}
	for _, r := range policies.DefaultRecovery().Rules() {
		got[r.Category] = row{r.Code, r.Severity, r.Action, r.Retries, r.Backoff}
		assert.NotEmpty(t, r.About, r.Category)
	}
	assert.Equal(t, want, got)
	assert.Equal(t, policies.Recovery{Consecutive: 5, Critical: 3}, policies.DefaultRecovery())
}

const recoveryPolicy = `
policy: 1
bases:
  plain: {level: standard}
rules:
  - name: jobs
    match: {namespace: jobs}
    extends: plain
    recovery:
      automatic: true
      consecutive: 2
      critical: 1
      backoff: 100ms
      actions: {ExecutionError: rollback, Timeout: none, Crash: reset, Unknown: retry}
`

// TestRecovery_Policy: a policy replaces actions and numbers, but for what the
// kernel ended.
func TestRecovery_Policy(t *testing.T) {
	t.Parallel()
	p, err := policies.Read("policy.yaml", []byte(recoveryPolicy), policies.ReadOptions{})
	require.NoError(t, err)
	r := p.For(policies.Identity{Namespace: "jobs", Name: "nightly"}).Recovery
	assert.True(t, r.Automatic)
	assert.Equal(t, 2, r.Consecutive)
	assert.Equal(t, 1, r.Critical)
	rules := map[policies.ErrorCategory]policies.RecoveryRule{}
	for _, rule := range r.Rules() {
		rule.About = ""
		rules[rule.Category] = rule
	}
	assert.Equal(t, policies.RecoveryRule{Category: "ExecutionError", Code: "EXE_001", Severity: sandbox.Low, Action: "rollback"}, rules["ExecutionError"])
	assert.Equal(t, policies.RecoveryRule{Category: "Timeout", Code: "TIM_001", Severity: sandbox.Medium, Action: "none"}, rules["Timeout"])
	assert.Equal(t, policies.RecoveryRule{Category: "Crash", Code: "CRA_001", Severity: sandbox.Critical, Action: "reset", Retries: 1}, rules["Crash"])
	assert.Equal(t, 3, rules["Unknown"].Retries)
	assert.Equal(t, 100*time.Millisecond, rules["Unknown"].Backoff)
	assert.Equal(t, 100*time.Millisecond, rules["NetworkError"].Backoff)
	assert.Equal(t, policies.RecoverQuarantine, rules["SecurityViolation"].Action)
	assert.False(t, p.For(policies.Identity{Namespace: "other", Name: "nightly"}).Recovery.Automatic, "it is off unless a rule turns it on")
}

// TestRecovery_BadPolicy: what cannot be is named with its place.
func TestRecovery_BadPolicy(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"{actions: {SecurityViolation: none}}": `has no setting "SecurityViolation"`,
		"{actions: {Crash: ignore}}":           `recovery.actions.Crash is "ignore"; it is one of none, retry, reset, rollback, shutdown, quarantine`,
		"{consecutive: 0}":                     "recovery.consecutive",
		"{backoff: 2h}":                        "recovery.backoff",
		"{automatic: maybe}":                   "recovery.automatic",
	} {
		_, err := policies.Read("policy.yaml", []byte("policy: 1\nrules:\n  - name: jobs\n    match: {namespace: jobs}\n    recovery: "+text+"\n"), policies.ReadOptions{})
		require.ErrorContains(t, err, want, text)
		require.ErrorContains(t, err, "policy.yaml:5:", text)
	}
}

// TestJudge_Ended: a program that had to be ended for what it did puts its
// definition away, however few its violations (A42), unless that is left to people.
func TestJudge_Ended(t *testing.T) {
	t.Parallel()
	now := time.Now()
	ended := []policies.Recorded{{Severity: sandbox.Medium, At: now, Ended: true}}
	for level, want := range map[policies.Level]policies.Decision{
		policies.Maximum: policies.DecisionQuarantine, policies.Strict: policies.DecisionQuarantine,
		policies.Standard: policies.DecisionQuarantine, policies.Minimal: policies.DecisionWarn,
	} {
		e, err := policies.LevelDefaults(level)
		require.NoError(t, err)
		v := e.Thresholds.Judge(ended, 0, policies.Standing{}, now)
		assert.Equal(t, want, v.Decision, level)
		assert.Equal(t, level == policies.Minimal, v.Alert, level)
		if level == policies.Strict {
			assert.Equal(t, "a program was ended for its violations (SEC_001)", v.Reason)
			assert.Equal(t, policies.DecisionWarn, e.Thresholds.Judge(ended, 1, policies.Standing{}, now).Decision, "it did so once")
		}
	}
}

// TestDocs_Recovery holds the table in the documentation against the program's.
func TestDocs_Recovery(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../docs/operator/recovery.md")
	require.NoError(t, err)
	for _, r := range policies.RecoveryTable() {
		done := string(r.Action)
		if r.Action == policies.RecoverRetry {
			done = fmt.Sprintf("retry %d times, first after %s", r.Retries, r.Backoff)
		}
		row := fmt.Sprintf("| `%s` | `%s` | %s | %s |\n", r.Category, r.Code, r.Severity, done)
		assert.Contains(t, string(page), row)
	}
}
