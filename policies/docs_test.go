package policies_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/sandbox"
)

const levelsPage = "../docs/security/levels.md"

// TestDocs_Levels compares the tables in the documentation with the data.
// UPDATE_DOCS=1 writes them.
func TestDocs_Levels(t *testing.T) {
	b, err := os.ReadFile(levelsPage)
	require.NoError(t, err)
	page := string(b)
	for name, table := range map[string]string{"levels": levelsTable(t), "violations": violationsTable()} {
		begin, end := "<!-- "+name+": generated -->\n", "<!-- end of "+name+" -->"
		before, rest, ok := strings.Cut(page, begin)
		_, after, ok2 := strings.Cut(rest, end)
		require.True(t, ok && ok2, "markers of %s", name)
		page = before + begin + table + end + after
	}
	if os.Getenv("UPDATE_DOCS") != "" {
		require.NoError(t, os.WriteFile(levelsPage, []byte(page), 0o644))
		return
	}
	require.Empty(t, cmp.Diff(string(b), page), "the tables are not current: run UPDATE_DOCS=1 go test ./policies -run Docs")
}

func levelsTable(t *testing.T) string {
	t.Helper()
	var ds []policies.Description
	header, rule := "|", "|---|"
	for _, l := range policies.Levels() {
		d, err := policies.Describe(l)
		require.NoError(t, err)
		ds = append(ds, d)
		header, rule = header+" | "+d.Level, rule+"---|"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s |\n%s\n", header, rule)
	for _, row := range policies.Table(ds) {
		fmt.Fprintf(&b, "| %s | %s |\n", row.Property, strings.Join(row.Values, " | "))
	}
	return b.String()
}

func violationsTable() string {
	var b strings.Builder
	b.WriteString("| class | type | severity | what |\n|---|---|---|---|\n")
	for _, c := range sandbox.Classes() {
		severity := "not reported"
		if c.Severity > 0 {
			severity = c.Severity.String()
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", c.Name, c.Type, severity, strings.ReplaceAll(c.String(), "|", "\\|"))
	}
	return b.String()
}
