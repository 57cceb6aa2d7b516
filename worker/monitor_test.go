package worker

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/activities/audit"
	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/activities/ledger"
	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/sandbox"
)

// promtool finds it; without it, CI fails.
func promtool(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("promtool")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("promtool is not installed: scripts/install test")
		}
		t.Skip("promtool is not installed: scripts/install test")
	}
	return path
}

// brokenLog is an audit log on a full disk.
type brokenLog struct{}

func (brokenLog) Append(audit.Event) (uint64, error) { return 0, errors.New("no space left on device") }

// TestMonitor_Security counts what the audit log records, with labels that no
// program chooses, in metrics that Prometheus's own linter accepts.
func TestMonitor_Security(t *testing.T) {
	t.Parallel()
	m, err := newMonitor(t.Context(), "127.0.0.1:0")
	require.NoError(t, err)
	defer m.close()
	log, err := audit.Open(t.TempDir()+"/audit", audit.Limits{}, nil)
	require.NoError(t, err)
	defer func() { _ = log.Close() }()
	record := tap{log: log, monitor: m}
	for _, e := range []audit.Event{
		{Kind: audit.Violation, Type: "UnauthorizedFileAccess", Severity: "High", Level: "strict"},
		{Kind: audit.Violation, Type: "hostile-\x00name", Severity: "x", Level: "y"},
		{Kind: audit.Finding, Message: "Dangerous function detected in script source: eval"},
		{Kind: audit.Finding, Message: "whatever"},
		{Kind: audit.Verdict, Outcome: "quarantine"},
		{Kind: audit.Quarantine},
		{Kind: audit.Release},
		{Kind: audit.Denied},
		{Kind: "hostile"},
	} {
		_, err := record.Append(e)
		require.NoError(t, err)
	}
	_, err = tap{log: brokenLog{}, monitor: m}.Append(audit.Event{Kind: audit.Script})
	require.ErrorContains(t, err, "no space left")
	now := time.Now()
	m.noticed(ledger.Notice{At: now, Violations: []contract.Violation{{At: now.Add(-80 * time.Millisecond)}, {At: now}}})
	m.notified("smtp", errors.New("refused"))
	m.notified("hostile", nil)
	m.handler.Counter("temporal_of_the_sdk").Inc(1)
	m.observe(contract.Process{}, policies.Strict, sandbox.Result{Outcome: sandbox.Completed})

	text := scrape(t, m)
	for _, line := range []string{
		`lazaret_violations_total{level="strict",severity="High",type="UnauthorizedFileAccess"} 1`,
		`lazaret_violations_total{level="other",severity="other",type="other"} 1`,
		`lazaret_findings_total{rule="dangerous-function"} 1`,
		`lazaret_findings_total{rule="other"} 1`,
		`lazaret_findings_total{rule="https-only"} 0`,
		`lazaret_verdicts_total{decision="quarantine"} 1`,
		`lazaret_quarantine_changes_total{change="quarantine"} 1`,
		`lazaret_quarantine_changes_total{change="release"} 1`,
		`lazaret_refusals_total{event="operation_denied"} 1`,
		`lazaret_audit_lines_total{event="other"} 1`,
		`lazaret_audit_failures_total 1`,
		`lazaret_violation_verdict_seconds_bucket{le="0.08"} 1`,
		`lazaret_notifications_total{outcome="failed",type="smtp"} 1`,
		`lazaret_notifications_total{outcome="delivered",type="other"} 1`,
		"# HELP temporal_of_the_sdk_total A metric of Temporal's Go SDK.",
	} {
		assert.Contains(t, text, line+"\n")
	}
	assert.NotContains(t, text, "hostile")
	check := exec.CommandContext(t.Context(), promtool(t), "check", "metrics")
	check.Stdin = strings.NewReader(text)
	out, err := check.CombinedOutput()
	require.NoError(t, err, string(out))
	assert.Empty(t, string(out))
}

func scrape(t *testing.T, m *monitor) string {
	t.Helper()
	m.serve(func(context.Context) error { return nil })
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+m.address()+"/metrics", http.NoBody)
	require.NoError(t, err)
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return string(text)
}
