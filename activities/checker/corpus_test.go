package checker

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/sandbox"
)

const corpora = "../../testdata/checker"

// sample is one script of a corpus.
type sample struct{ name, source string }

func readCorpus(t *testing.T, name string) []sample {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(corpora, name, "*.py"))
	require.NoError(t, err)
	samples := make([]sample, len(files))
	for i, file := range files {
		source, err := os.ReadFile(file)
		require.NoError(t, err)
		samples[i] = sample{strings.TrimSuffix(filepath.Base(file), ".py"), string(source)}
	}
	return samples
}

// judgeAll checks a corpus at a level, without any grant.
func judgeAll(t *testing.T, samples []sample, level policies.Level) [][]Finding {
	t.Helper()
	scripts := make([]Script, len(samples))
	for i, s := range samples {
		scripts[i].Source = s.source
	}
	facts, err := newChecker(t).Facts(t.Context(), scripts)
	require.NoError(t, err)
	judged := make([][]Finding, len(facts))
	for i, f := range facts {
		judged[i] = Terms{Level: level}.Judge(f)
	}
	return judged
}

// want is what a comment in the script's first lines expects: a rule, or "contained".
func (s sample) want() string {
	for line := range strings.Lines(s.source) {
		if word, _ := strings.CutPrefix(strings.TrimSpace(line), "# "); strings.HasPrefix(word, "script.") || word == "contained" {
			return word
		}
	}
	return ""
}

// TestEvasive: every hidden spelling is found at level maximum, by the rule that
// it breaks, and refused unless it harms nobody; the ones that the checker cannot see do no harm when they run.
func TestEvasive(t *testing.T) {
	samples := readCorpus(t, "evasive")
	require.GreaterOrEqual(t, len(samples), 60)
	found := 0
	for i, judged := range judgeAll(t, samples, policies.Maximum) {
		s := samples[i]
		t.Run(s.name, func(t *testing.T) {
			want := s.want()
			require.NotEmpty(t, want, "the script does not say which rule it breaks")
			if want == "contained" {
				assert.NotContains(t, string(runContained(t, s.source).Stdout), "ESCAPED")
				return
			}
			found++
			if want == "script.control" {
				require.Equal(t, policies.Warn, judged[0].Response)
				return
			}
			assert.True(t, slices.ContainsFunc(Refused(judged), func(f Finding) bool { return f.Rule == want }), "%s: %v", want, judged)
		})
	}
	t.Logf("%d of %d found by the checker, the others contained by the kernel", found, len(samples))
}

// runContained runs a script at level maximum, as if there were no checker.
func runContained(t *testing.T, source string) sandbox.Result {
	t.Helper()
	c := newChecker(t)
	spec, err := c.specFor(nil)
	require.NoError(t, err)
	spec.Argv = []string{c.Python, "-I", "-S", "-B", "/script.py"}
	spec.Files = append(spec.Files, sandbox.File{Path: "/script.py", Content: []byte(source)})
	result, err := newRunner(t).Run(t.Context(), spec)
	require.NoError(t, err)
	return result
}

// TestInnocent: what only looks like harm passes without a word, at every level.
func TestInnocent(t *testing.T) {
	samples := readCorpus(t, "innocent")
	require.GreaterOrEqual(t, len(samples), 40)
	for _, level := range policies.Levels() {
		for i, judged := range judgeAll(t, samples, level) {
			assert.Empty(t, judged, "%s at level %s", samples[i].name, level)
		}
	}
}

// TestLevels: what maximum refuses, each weaker level refuses or lets pass with
// less ado, never the other way round.
func TestLevels(t *testing.T) {
	for _, rule := range policies.ScriptRules() {
		before := policies.Refuse
		for _, level := range policies.Levels() {
			assert.GreaterOrEqual(t, rule.At(level), before, "%s at %s", rule.ID, level)
			before = rule.At(level)
		}
	}
}
