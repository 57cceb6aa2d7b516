package policies_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/policies"
)

const policyPage = "../docs/operator/policy.md"

// TestDocs_Policy compares the tables in the documentation with the settings.
// UPDATE_DOCS=1 writes them.
func TestDocs_Policy(t *testing.T) {
	b, err := os.ReadFile(policyPage)
	require.NoError(t, err)
	page := string(b)
	for name, table := range map[string]string{"settings": settingsTable(), "lint": lintTable()} {
		begin, end := "<!-- "+name+": generated -->\n", "<!-- end of "+name+" -->"
		before, rest, ok := strings.Cut(page, begin)
		_, after, ok2 := strings.Cut(rest, end)
		require.True(t, ok && ok2, "markers of %s", name)
		page = before + begin + table + end + after
	}
	if os.Getenv("UPDATE_DOCS") != "" {
		require.NoError(t, os.WriteFile(policyPage, []byte(page), 0o644))
		return
	}
	require.Empty(t, cmp.Diff(string(b), page), "the tables are not current: run UPDATE_DOCS=1 go test ./policies -run Docs")
}

func settingsTable() string {
	var b strings.Builder
	b.WriteString("| setting | what | maximum, strict, standard, minimal, unless said |\n|---|---|---|\n")
	for _, d := range policies.SettingDocs() {
		values := d.Defaults
		if allSame(values) {
			values = values[:1]
		}
		if d.Key == "level" || d.Key == "libvirt" {
			values = []string{"see there"}
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", d.Key, strings.ReplaceAll(d.About, "|", "\\|"), strings.ReplaceAll(strings.Join(values, ", "), "|", "\\|"))
	}
	return b.String()
}

func allSame(values []string) bool {
	for _, v := range values {
		if v != values[0] {
			return false
		}
	}
	return true
}

func lintTable() string {
	var b strings.Builder
	b.WriteString("| rule | finds |\n|---|---|\n")
	for _, rule := range policies.LintRules() {
		fmt.Fprintf(&b, "| `%s` | %s |\n", rule.ID, rule.About)
	}
	return b.String()
}
