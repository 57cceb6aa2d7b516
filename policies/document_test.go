package policies_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"lazaret.dev/lazaret/policies"
)

// readOptions are those of the documents here: a few operations of libvirt stand
// for all.
var readOptions = policies.ReadOptions{
	Operations: []policies.LibvirtOperation{
		{Name: "domain.list", Default: true},
		{Name: "domain.info", Default: true},
		{Name: "domain.start", Changes: true},
		{Name: "domain.delete", Changes: true, Dangerous: true},
	},
	CheckURI: func(text string) error {
		if !strings.HasPrefix(text, "qemu:///") && !strings.HasPrefix(text, "test:///") {
			return errors.New("is none of this test")
		}
		return nil
	},
}

func readPolicy(t *testing.T, text string) *policies.Policy {
	t.Helper()
	p, err := policies.Read("policy.yaml", []byte(text), readOptions)
	require.NoError(t, err)
	return p
}

// TestRead_Findings holds what is said of bad documents against the files below
// testdata/findings: a sentence, the document, what is said. UPDATE_DOCS=1 writes
// the last anew.
func TestRead_Findings(t *testing.T) {
	files, err := filepath.Glob("testdata/findings/*.txtar")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			require.NoError(t, err)
			_, err = policies.Read(archive.Files[0].Name, archive.Files[0].Data, readOptions)
			var wrong *policies.DocumentError
			require.ErrorAs(t, err, &wrong)
			got := wrong.Error() + "\n"
			if os.Getenv("UPDATE_DOCS") != "" {
				archive.Files[1].Data = []byte(got)
				require.NoError(t, os.WriteFile(file, txtar.Format(archive), 0o644))
				return
			}
			require.Empty(t, cmp.Diff(string(archive.Files[1].Data), got))
		})
	}
}

// TestRead_Examples: the example policies are right, in the eyes of the reader and
// of the schema, and so is each test in them; lint has nothing to say.
func TestRead_Examples(t *testing.T) {
	files, err := filepath.Glob("../testdata/policies/documents/*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	schema := compileSchema(t)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		p, err := policies.Read(file, text, readOptions)
		require.NoError(t, err)
		require.NoError(t, schema.Validate(asJSON(t, text)), file)
		for _, result := range p.Test() {
			require.Empty(t, result.Failures, "%s: %s", file, result.Name)
		}
		require.Empty(t, p.Lint(nil), file)
	}
}

// TestSchema_Refuses: what is not in the table of settings is not in the schema.
func TestSchema_Refuses(t *testing.T) {
	schema := compileSchema(t)
	for _, text := range []string{
		"rules: []", "policy: 2", "policy: 1\nrulez: []", "policy: 1\nrules: [{name: x}]",
		"policy: 1\nrules: [{match: {name: a}, level: weak}]", "policy: 1\nrules: [{match: {name: a}, limits: {ram: 1GiB}}]",
		"policy: 1\nevents: {rules: [{source: a/b}]}",
	} {
		require.Error(t, schema.Validate(asJSON(t, []byte(text))), text)
		_, err := policies.Read("p.yaml", []byte(text), readOptions)
		require.Error(t, err, text)
	}
}

func compileSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	return compiled(t, policies.Schema())
}

func compiled(t *testing.T, text []byte) *jsonschema.Schema {
	t.Helper()
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	require.NoError(t, err)
	compiler := jsonschema.NewCompiler()
	require.NoError(t, compiler.AddResource("policy.schema.json", document))
	schema, err := compiler.Compile("policy.schema.json")
	require.NoError(t, err)
	return schema
}

func asJSON(t *testing.T, text []byte) any {
	t.Helper()
	var value any
	require.NoError(t, yaml.Unmarshal(text, &value))
	encoded, err := json.Marshal(value)
	require.NoError(t, err)
	instance, err := jsonschema.UnmarshalJSON(bytes.NewReader(encoded))
	require.NoError(t, err)
	return instance
}

// TestPolicy_Specific: the most specific rule decides, in the documented order,
// whatever the order of the rules is.
func TestPolicy_Specific(t *testing.T) {
	digest := strings.Repeat("ab", 32)
	order := []string{
		"{digest: " + digest + "}", "{name: report}", "{name: repo*}", "{name: r*}",
		"{namespace: ops, version: 1.0.0}", `{namespace: ops, version: ">=1.0.0"}`, "{namespace: ops, labels: {team: a, site: b}}",
		"{namespace: ops, labels: {team: a}}", "{namespace: ops}", "{namespace: o*}", `{namespace: "*"}`,
	}
	id := policies.Identity{Namespace: "ops", Name: "report", Version: "1.0.0", Digest: digest, Labels: map[string]string{"team": "a", "site": "b"}}
	for i := range order {
		for _, reversed := range []bool{false, true} {
			text := "policy: 1\nrules:\n"
			for j := i; j < len(order); j++ {
				k := j
				if reversed {
					k = len(order) - 1 - (j - i)
				}
				text += fmt.Sprintf("  - {name: r%d, match: %s}\n", k, order[k])
			}
			require.Equal(t, fmt.Sprintf("r%d", i), readPolicy(t, text).For(id).Rule, text)
		}
	}
	require.Empty(t, readPolicy(t, "policy: 1").For(id).Rule)
}

// TestPolicy_Unlisted (A24): what no rule fits has level maximum, its documented
// thresholds, and nothing opened.
func TestPolicy_Unlisted(t *testing.T) {
	e := readPolicy(t, "policy: 1\nrules: [{match: {namespace: a}, level: minimal, secrets: ['*']}]").For(policies.Identity{Namespace: "b", Name: "x"})
	require.Equal(t, policies.Maximum, e.Level)
	require.Empty(t, e.Secrets)
	require.Empty(t, e.Egress)
	require.Equal(t, policies.Quarantine{After: 1, Automatic: true}, e.Thresholds.Quarantine)
	require.NotEmpty(t, e.PolicyDigest)
}

// TestPolicy_LevelDefaults (A16, A21–A23): a rule that says its level alone has the
// level's documented values.
func TestPolicy_LevelDefaults(t *testing.T) {
	for level, want := range map[policies.Level]policies.Quarantine{
		policies.Maximum: {After: 1, Automatic: true}, policies.Strict: {After: 3, Automatic: true},
		policies.Standard: {After: 5, Automatic: true}, policies.Minimal: {After: 10},
	} {
		e := readPolicy(t, "policy: 1\nrules: [{match: {namespace: a}, level: "+level.String()+"}]").For(policies.Identity{Namespace: "a"})
		spec, err := policies.SpecFor(level)
		require.NoError(t, err)
		require.Equal(t, want, e.Thresholds.Quarantine)
		require.Equal(t, spec.Limits, e.Limits)
		require.Equal(t, spec.Scratch, e.Scratch)
	}
}

// TestEffective_At: another level has its own defaults, and what the rule gives as
// far as that level lets it be.
func TestEffective_At(t *testing.T) {
	e := readPolicy(t, `
policy: 1
rules:
  - match: {namespace: a}
    level: minimal
    egress: ["*", api.example.com]
    limits: {memory: 4GiB, scratch: 1GiB}`).For(policies.Identity{Namespace: "a"})
	require.Len(t, e.Egress, 2)
	strict := e.At(policies.Strict)
	require.Equal(t, policies.Strict, strict.Level)
	require.Len(t, strict.Egress, 1, "strict takes no wildcard")
	require.Zero(t, strict.Scratch)
	require.EqualValues(t, 4<<30, strict.Limits.Memory)
	require.Equal(t, 3, strict.Thresholds.After)
	require.Empty(t, e.At(policies.Maximum).Egress)
	require.Equal(t, policies.Minimal, strict.At(policies.Minimal).Level)
}
