package definition

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// specDir holds the specification's schema, examples and conformance features.
// They are not part of this repository: LAZARET_SPEC_DIR says where they are, or
// they lie in the folder spec of a neighbour of the repository.
func specDir(t *testing.T) string {
	t.Helper()
	dirs, _ := filepath.Glob(filepath.Join("..", "..", "..", "*", "spec"))
	if dir := os.Getenv("LAZARET_SPEC_DIR"); dir != "" {
		dirs = []string{dir}
	}
	for _, dir := range dirs {
		if _, err := os.Stat(filepath.Join(dir, "schema", "workflow.yaml")); err == nil {
			return dir
		}
	}
	t.Skip("the specification is not here; set LAZARET_SPEC_DIR to compare with it")
	return ""
}

// specDocuments are the workflow documents of the specification by name.
func specDocuments(t *testing.T, dir string) map[string]string {
	t.Helper()
	documents := map[string]string{}
	examples, _ := filepath.Glob(filepath.Join(dir, "examples", "*.yaml"))
	for _, file := range examples {
		documents[filepath.Base(file)] = readFile(t, file)
	}
	features, _ := filepath.Glob(filepath.Join(dir, "ctk", "features", "*.feature"))
	for _, file := range features {
		for i, text := range featureDocuments(readFile(t, file)) {
			documents[filepath.Base(file)+"#"+string(rune('1'+i))] = text
		}
	}
	if len(documents) < 80 {
		t.Fatalf("%d documents below %s, expected all examples and features", len(documents), dir)
	}
	return documents
}

func readFile(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

var docString = regexp.MustCompile(`(?s)a workflow with definition:\s*\n( *)"""[a-z]*\n(.*?)\n *"""`)

// featureDocuments are the definitions in a feature's doc strings.
func featureDocuments(feature string) []string {
	var documents []string
	for _, match := range docString.FindAllStringSubmatch(strings.ReplaceAll(feature, "\r", ""), -1) {
		lines := strings.Split(match[2], "\n")
		for i := range lines {
			lines[i] = strings.TrimPrefix(lines[i], match[1])
		}
		documents = append(documents, strings.Join(lines, "\n"))
	}
	return documents
}

// specSchema compiles the specification's own schema.
func specSchema(t *testing.T, dir string) *jsonschema.Schema {
	t.Helper()
	_, root, p := read([]byte(readFile(t, filepath.Join(dir, "schema", "workflow.yaml"))))
	if p != nil {
		t.Fatal(p)
	}
	compiler := newSchemaCompiler()
	compiler.UseRegexpEngine(compilePattern)
	if err := compiler.AddResource("spec:workflow", root.value()); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("spec:workflow")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

func TestValidate_VerdictOfSpecification(t *testing.T) {
	dir := specDir(t)
	schema := specSchema(t, dir)
	for name, text := range specDocuments(t, dir) {
		_, root, p := read([]byte(text))
		if p != nil {
			t.Errorf("%s: %s", name, p.message)
			continue
		}
		want := schema.Validate(root.value())
		got := Validate(name, []byte(text))
		if (want == nil) != !got.HasErrors() {
			t.Errorf("%s: the specification says %v, we say %v", name, want, got)
		}
	}
}

// TestValidate_MapArguments holds the one difference from the newest schema:
// arguments by name, as documents up to DSL 1.0.2 write them.
func TestValidate_MapArguments(t *testing.T) {
	const head = "document: {dsl: 1.0.2, namespace: test, name: sample, version: 1.0.0}\ndo:\n"
	for _, task := range []string{
		"  - a: {run: {script: {language: python, code: pass, arguments: {x: 1, y: [2]}}}}\n",
		"  - a: {run: {shell: {command: ls, arguments: {x: 1}}}}\n",
	} {
		if findings := Validate("flow.yaml", []byte(head+task)); findings.HasErrors() {
			t.Errorf("%s: %v", task, findings)
		}
	}
}
