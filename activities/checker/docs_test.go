package checker

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/policies"
)

const page = "../../docs/security/checker.md"

// TestDocs_Rules compares the tables in the documentation with the data.
// UPDATE_DOCS=1 writes it.
func TestDocs_Rules(t *testing.T) {
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	want := string(text)
	for name, table := range map[string]string{"rules": rulesTable(), "risks": risksTable()} {
		begin, end := "<!-- "+name+": generated -->\n", "<!-- end of "+name+" -->"
		before, rest, ok := strings.Cut(want, begin)
		_, after, ok2 := strings.Cut(rest, end)
		require.True(t, ok && ok2, name)
		want = before + begin + table + end + after
	}
	if os.Getenv("UPDATE_DOCS") != "" {
		require.NoError(t, os.WriteFile(page, []byte(want), 0o644))
		return
	}
	require.Equal(t, want, string(text), "run UPDATE_DOCS=1 go test ./activities/checker -run Docs")
}

func rulesTable() string {
	var b strings.Builder
	b.WriteString("| rule | finds |")
	for _, level := range policies.Levels() {
		fmt.Fprintf(&b, " %s |", level)
	}
	b.WriteString(" may be granted |\n|---|---|---|---|---|---|---|\n")
	for _, rule := range policies.ScriptRules() {
		fmt.Fprintf(&b, "| `%s` | %s |", rule.ID, strings.ReplaceAll(rule.About, "_", `\_`))
		for _, level := range policies.Levels() {
			fmt.Fprintf(&b, " %s |", rule.At(level))
		}
		fmt.Fprintf(&b, " %s |\n", map[bool]string{true: "yes"}[rule.Grantable])
	}
	return b.String()
}

func risksTable() string {
	var b strings.Builder
	b.WriteString("| rule | costs | since |\n|---|---|---|\n")
	for _, rule := range policies.RiskRules() {
		fmt.Fprintf(&b, "| `%s` | %d | %s |\n", rule.Rule, rule.Points(), rule.Why)
	}
	return b.String()
}

// TestRules_Known: the program's rules are those of the table of levels.
func TestRules_Known(t *testing.T) {
	report, err := program.ReadFile("program/report.py")
	require.NoError(t, err)
	for _, rule := range policies.ScriptRules() {
		ours := rule.ID == "script.size" || rule.ID == "script.checker" || rule.ID == "script.grant"
		require.Equal(t, !ours, strings.Contains(string(report), fmt.Sprintf("%q:", rule.ID)), rule.ID)
	}
}
