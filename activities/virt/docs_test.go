package virt_test

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/activities/virt"
)

// UPDATE_DOCS=1 writes what is generated of the operations.
func hold(t *testing.T, file, want string) {
	t.Helper()
	if os.Getenv("UPDATE_DOCS") != "" {
		require.NoError(t, os.WriteFile(file, []byte(want), 0o644))
		return
	}
	have, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Empty(t, cmp.Diff(string(have), want), "%s is not current: run UPDATE_DOCS=1 go test ./activities/virt -run Docs", file)
}

// The page has every operation, its parameters and the fields of its result.
func TestDocs_Operations(t *testing.T) {
	const file = "../../docs/author/libvirt-operations.md"
	page, err := os.ReadFile(file)
	require.NoError(t, err)
	begin, end := "<!-- operations: generated -->\n", "<!-- end of operations -->"
	before, rest, ok := strings.Cut(string(page), begin)
	_, after, ok2 := strings.Cut(rest, end)
	require.True(t, ok && ok2, "markers")
	var b strings.Builder
	for _, o := range virt.Listings() {
		describe(&b, o)
	}
	hold(t, file, before+begin+b.String()+end+after)
}

func describe(b *strings.Builder, o virt.Listing) {
	does := "reads"
	if o.Changes {
		does = "changes"
	}
	fmt.Fprintf(b, "\n### %s\n\n%s *%s, %s", o.Name, o.Text, does, o.Danger)
	if o.Default {
		b.WriteString(", allowed without a policy")
	}
	b.WriteString(".*\n\n")
	if len(o.Parameters) > 0 {
		b.WriteString("| with | kind | |\n|---|---|---|\n")
		parameters(b, "", o.Parameters)
		b.WriteString("\n")
	}
	for _, rule := range o.Rules {
		switch {
		case rule.AnyOf != nil:
			fmt.Fprintf(b, "Give %s.\n", strings.Join(rule.AnyOf, " or "))
		case rule.OneOf != nil:
			fmt.Fprintf(b, "Give exactly one of %s.\n", strings.Join(rule.OneOf, ", "))
		default:
			fmt.Fprintf(b, "Give all of %s, or none.\n", strings.Join(rule.Together, ", "))
		}
	}
	fmt.Fprintf(b, "\nResult: %s.\n", strings.Join(fields(o.Result), ", "))
}

func parameters(b *strings.Builder, path string, all []virt.ListingParameter) {
	for _, p := range all {
		kind := string(p.Kind)
		switch p.Kind {
		case virt.Integer:
			kind += fmt.Sprintf(" %d…%d", p.Min, p.Max)
		case virt.Choice:
			kind = strings.Join(p.Values, ", ")
		default:
		}
		text := p.Text
		if p.Required {
			text += "; required"
		}
		if p.Default != nil {
			text += fmt.Sprintf(" (%v)", p.Default)
		}
		fmt.Fprintf(b, "| `%s` | %s | %s |\n", path+p.Name, kind, text)
		if p.Items != nil {
			parameters(b, path+p.Name+"[].", p.Items.Fields)
		}
		parameters(b, path+p.Name+".", p.Fields)
	}
}

func fields(all []virt.ListingField) []string {
	var texts []string
	for _, f := range all {
		text := "`" + f.Name + "`"
		if f.Text != "" {
			text += " (" + f.Text + ")"
		}
		if f.Fields != nil {
			text += " each with " + strings.Join(fields(f.Fields), ", ")
		}
		texts = append(texts, text)
	}
	return texts
}

// Definitions are checked by the same data: package definition knows no other of
// our packages, so it has a copy.
func TestDocs_Definition(t *testing.T) {
	text, err := json.MarshalIndent(virt.Listings(), "", " ")
	require.NoError(t, err)
	hold(t, "../../workflows/definition/libvirt.json", string(text)+"\n")
}
