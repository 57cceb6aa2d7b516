package checker

import (
	"errors"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/policies"
)

// rulesOf runs an analyzer and gives its rules by response; it skips the test
// where the analyzer is not installed, but never in CI.
func rulesOf(t *testing.T, name string, script Script) map[string]policies.Response {
	t.Helper()
	a, known := NewAnalyzer(name, newRunner(t), "/usr/bin/python3")
	require.True(t, known)
	findings, err := a.Analyze(t.Context(), script)
	if missing, ok := errors.AsType[*MissingError](err); ok && os.Getenv("CI") == "" {
		t.Skip(err, "; ", missing.Install)
	}
	require.NoError(t, err)
	rules := map[string]policies.Response{}
	for _, f := range findings {
		rules[f.Rule] = f.Response
		assert.Positive(t, f.Line)
	}
	return rules
}

const analyzed = "import subprocess\nexec('x = 1')  # nosec\nprint(eval(name))\n"

func TestBandit(t *testing.T) {
	assert.Equal(t, map[string]policies.Response{
		"bandit.B102": policies.Refuse, "bandit.B307": policies.Refuse, "bandit.B404": policies.Warn,
	}, rulesOf(t, "bandit", Script{Source: analyzed}))
	assert.Empty(t, rulesOf(t, "bandit", Script{Source: "print(1)"}))
}

func TestPylint(t *testing.T) {
	assert.Equal(t, map[string]policies.Response{"pylint.W0122": policies.Refuse, "pylint.W0123": policies.Refuse},
		rulesOf(t, "pylint", Script{Source: analyzed, Arguments: []string{"name"}}))
	assert.Equal(t, map[string]policies.Response{"pylint.E0602": policies.Refuse}, rulesOf(t, "pylint", Script{Source: "print(nowhere)"}))
	assert.Empty(t, rulesOf(t, "pylint", Script{Source: "print(1)"}))
}

func TestSemgrep_Decode(t *testing.T) {
	findings, err := decodeSemgrep([]byte(`{"results": [{"check_id": "lazaret.code-from-text", "start": {"line": 2, "col": 3}, "extra": {"message": "m", "severity": "ERROR"}}]}`))
	require.NoError(t, err)
	require.Equal(t, []Finding{{Rule: "semgrep.code-from-text", Message: "m", Line: 2, Column: 3}}, findings)
}

func TestAnalyzer_Missing(t *testing.T) {
	a := &analyzer{tool: tool{name: "lint", program: "/nowhere", install: "apt-get install lint"}}
	_, err := a.Analyze(t.Context(), Script{})
	require.EqualError(t, err, "analyzer lint is not installed")
	_, known := NewAnalyzer("another", nil, "")
	require.False(t, known)
}
