package worker

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/workflows/definition"
)

// TestDefinitionsPassTheirLevel: no script of our own definitions is refused at
// level maximum, nor one of the cases at standard, where they run.
func TestDefinitionsPassTheirLevel(t *testing.T) {
	a := &app{}
	checked := 0
	check := func(file string, text []byte, level policies.Level) {
		def, _ := definition.Check(file, text)
		if def == nil {
			return
		}
		checked += len(pythonScripts(def))
		terms := scriptTerms{level: level}
		if filepath.Base(file) == "nightly.yaml" { // its guide says to grant these
			terms.granted = policies.ScriptNames{"open", "os.listdir"}
		}
		findings := a.scriptFindings(t.Context(), file, def, terms)
		if level == policies.Maximum {
			require.Empty(t, findings)
		}
		require.Empty(t, findings.Errors())
	}
	require.NoError(t, filepath.WalkDir("../testdata/definitions", func(file string, _ fs.DirEntry, err error) error {
		if err == nil && filepath.Ext(file) == ".yaml" {
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			check(file, text, policies.Maximum)
		}
		return err
	}))
	cases, err := filepath.Glob(filepath.Join(caseFolder, "*.txtar"))
	require.NoError(t, err)
	for _, file := range cases {
		archive, err := txtar.ParseFile(file)
		require.NoError(t, err)
		for _, f := range archive.Files {
			if strings.HasSuffix(f.Name, ".yaml") {
				check(file, f.Data, policies.Standard)
			}
		}
	}
	require.Greater(t, checked, 10)
}
