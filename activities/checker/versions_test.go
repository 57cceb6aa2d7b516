package checker

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/policies"
)

// otherPythons are this machine's further interpreters, by version: pyenv's.
func otherPythons(t *testing.T) map[string]Interpreter {
	t.Helper()
	found := map[string]Interpreter{}
	for _, version := range []string{"3.10", "3.11", "3.12", "3.13"} {
		paths, err := filepath.Glob(os.ExpandEnv("$HOME/.pyenv/versions/" + version + ".*/bin/python" + version))
		require.NoError(t, err)
		if len(paths) > 0 {
			found[version] = Interpreter{Path: paths[0], Prefix: filepath.Dir(filepath.Dir(paths[0]))}
		}
	}
	return found
}

// TestInterpreter: a script is parsed by the Python that will run it, whose version
// a syntax error names.
func TestInterpreter(t *testing.T) {
	newer := map[string]string{ // the first version that reads it
		"3.11": "try: pass\nexcept* ValueError: pass",
		"3.12": "type Pair[T] = tuple[T, T]",
		"3.13": "type Pair[T = int] = tuple[T, T]",
	}
	order := []string{"3.10", "3.11", "3.12", "3.13"}
	pythons := otherPythons(t)
	if len(pythons) == 0 {
		t.Skip("no other Python; pyenv install 3.10 3.11 3.12 3.13")
	}
	c := newChecker(t)
	for i, version := range order {
		python, ok := pythons[version]
		if !ok {
			continue
		}
		t.Run(version, func(t *testing.T) {
			var scripts []Script
			for _, first := range order[1:] {
				scripts = append(scripts, Script{Source: newer[first], Interpreter: python})
			}
			scripts = append(scripts, Script{Source: "eval('1')"}) // of another interpreter, in the same call
			facts, err := c.Facts(t.Context(), scripts)
			require.NoError(t, err)
			for j, f := range facts[:len(order)-1] {
				if j+1 <= i {
					assert.Empty(t, f.Findings, scripts[j].Source)
					continue
				}
				require.Len(t, f.Findings, 1, scripts[j].Source)
				assert.Equal(t, "script.syntax", f.Findings[0].Rule)
				assert.Contains(t, f.Findings[0].Message, "Python "+version+": ")
			}
			assert.Equal(t, "script.function", facts[len(order)-1].Findings[0].Rule)
		})
	}
}

// TestInterpreter_Rules: the rules hold in the syntax trees of the oldest version
// and of the newest.
func TestInterpreter_Rules(t *testing.T) {
	c, pythons := newChecker(t), otherPythons(t)
	evasive, innocent := readCorpus(t, "evasive"), readCorpus(t, "innocent")
	for _, version := range []string{"3.10", "3.13"} {
		python, ok := pythons[version]
		if !ok {
			continue
		}
		t.Run(version, func(t *testing.T) {
			var scripts []Script
			for _, s := range append(evasive, innocent...) {
				scripts = append(scripts, Script{Source: s.source, Interpreter: python})
			}
			facts, err := c.Facts(t.Context(), scripts)
			require.NoError(t, err)
			for i, f := range facts {
				judged := Terms{Level: policies.Maximum}.Judge(f)
				if len(judged) == 1 && judged[0].Rule == "script.syntax" {
					continue // newer than this version
				}
				if i >= len(evasive) {
					assert.Empty(t, Refused(judged), innocent[i-len(evasive)].name)
				} else if want := evasive[i].want(); want != "contained" {
					assert.True(t, slices.ContainsFunc(judged, func(f Finding) bool { return f.Rule == want }), "%s: %s: %v", evasive[i].name, want, judged)
				}
			}
		})
	}
}
