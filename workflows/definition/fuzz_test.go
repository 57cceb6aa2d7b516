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
