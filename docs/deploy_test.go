package docs_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var metricName = regexp.MustCompile(`\b(?:lazaret|temporal|process|go)_[a-z_]+`)

// TestAlerts runs the unit tests of the shipped alert rules (B56, B57, B58).
func TestAlerts(t *testing.T) {
	t.Parallel()
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("promtool is not installed: scripts/install test")
		}
		t.Skip("promtool is not installed: scripts/install test")
	}
	for _, args := range [][]string{{"check", "rules", "lazaret.rules.yml"}, {"test", "rules", "lazaret.rules_test.yml"}} {
		command := exec.CommandContext(t.Context(), promtool, args...)
		command.Dir = filepath.Join(root, "deploy/prometheus")
		out, err := command.CombinedOutput()
		require.NoError(t, err, string(out))
	}
	requireMetrics(t, read(t, "deploy/prometheus/lazaret.rules.yml"))
	rules, tests := read(t, "deploy/prometheus/lazaret.rules.yml"), read(t, "deploy/prometheus/lazaret.rules_test.yml")
	for _, match := range regexp.MustCompile(`alert: (\w+)`).FindAllStringSubmatch(rules, -1) {
		assert.Contains(t, tests, "alertname: "+match[1], "an alert without a test")
	}
}

// TestDashboard: every metric that the dashboard draws exists, and each panel draws one.
func TestDashboard(t *testing.T) {
	t.Parallel()
	var dashboard struct {
		Panels []struct {
			Title   string `json:"title"`
			Targets []struct {
				Expr string `json:"expr"`
			} `json:"targets"`
		} `json:"panels"`
	}
	text := read(t, "deploy/grafana/lazaret.json")
	require.NoError(t, json.Unmarshal([]byte(text), &dashboard))
	require.NotEmpty(t, dashboard.Panels)
	for _, panel := range dashboard.Panels {
		require.NotEmpty(t, panel.Targets, panel.Title)
		for _, target := range panel.Targets {
			assert.NotEmpty(t, metricName.FindString(target.Expr), panel.Title)
			requireMetrics(t, target.Expr)
		}
	}
}

// requireMetrics looks each metric up where it is defined: in our code, or in the
// SDK's, which adds no suffixes of its own.
func requireMetrics(t *testing.T, text string) {
	t.Helper()
	code, sdk := source(t), sdkMetrics(t)
	for _, name := range metricName.FindAllString(text, -1) {
		for _, suffix := range []string{"_bucket", "_count", "_sum"} {
			name = strings.TrimSuffix(name, suffix)
		}
		if strings.HasPrefix(name, "temporal_") {
			name = strings.TrimSuffix(strings.TrimSuffix(name, "_total"), "_seconds")
			has(t, sdk, `"`+strings.TrimPrefix(name, "temporal_")+`"`, "the SDK's metrics")
			continue
		}
		has(t, code, `"`+name+`"`, "the code")
	}
}

func sdkMetrics(t *testing.T) string {
	t.Helper()
	list := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "go.temporal.io/sdk")
	list.Dir = root
	dir, err := list.Output()
	require.NoError(t, err)
	text, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(dir)), "internal/common/metrics/constants.go"))
	require.NoError(t, err)
	return string(text)
}
