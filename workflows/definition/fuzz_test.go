package definition

import (
	"errors"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

// FuzzParse holds that no text makes Parse panic, run away, or give both or
// neither of a definition and an error; and that findings have a place in it.
func FuzzParse(f *testing.F) {
	files, _ := filepath.Glob("testdata/findings/*.txtar")
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(archive.Files[0].Data)
	}
	f.Add([]byte(head + "do: [{a: {run: {script: {language: python, code: '${ .x }'}}, then: end}}]\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		d, err := Parse("fuzz.yaml", text)
		if (d == nil) == (err == nil) {
			t.Errorf("definition %v, error %v", d, err)
		}
		if err == nil {
			return
		}
		findings, ok := errors.AsType[Findings](err)
		if !ok {
			t.Fatalf("error %#v", err)
		}
		for _, finding := range findings {
			if finding.Line < 1 || finding.Column < 1 || finding.Message == "" || finding.Rule == "" {
				t.Errorf("finding %+v", finding)
			}
		}
	})
}

// FuzzParseFunction: what a host gives for a function is anything.
func FuzzParseFunction(f *testing.F) {
	for _, text := range []string{"", "{}", "set: {x: 1}", "do: [{a: {call: b}}]", "[1]", "call: http\nset: {}", "run: {script: {language: python, code: x}}", "if: 1\nthen: x"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		task, err := ParseFunction("f.yaml", text)
		if (task == nil) == (err == nil) {
			t.Fatalf("%v beside %v", task, err)
		}
		if task != nil {
			TaskList{task}.walk(func(inner *Task) { _ = inner.Kind() })
		}
	})
}
