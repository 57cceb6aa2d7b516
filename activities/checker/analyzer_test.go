package checker

import (
	"errors"
	"fmt"
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

// TestSemgrep_Decode reads answers of the documented form of semgrep 1.x; there was no
// semgrep to be had that could have written them.
func TestSemgrep_Decode(t *testing.T) {
	const found = `{"check_id": "lazaret.code-from-text", "path": "/lazaret/script.py", "start": {"line": 2, "col": 3, "offset": 9}, "end": {"line": 2, "col": 9, "offset": 15},
		"extra": {"message": "m", "severity": "%s", "metadata": {}, "fingerprint": "x", "lines": "eval(x)", "engine_kind": "OSS"}}`
	const scanned = `"paths": {"scanned": ["/lazaret/script.py"]}`
	result := func(response policies.Response) Finding {
		return Finding{Rule: "semgrep.code-from-text", Message: "m", Line: 2, Column: 3, Response: response}
	}
	for name, test := range map[string]struct {
		answer string
		want   []Finding
	}{
		"an error":    {`{"version": "1.100.0", "results": [` + fmt.Sprintf(found, "ERROR") + `], "errors": [], ` + scanned + `}`, []Finding{result(policies.Refuse)}},
		"a warning":   {`{"version": "1.100.0", "results": [` + fmt.Sprintf(found, "WARNING") + `], "errors": [], ` + scanned + `}`, []Finding{result(policies.Warn)}},
		"nothing":     {`{"results": [], "errors": [], ` + scanned + `}`, nil},
		"not scanned": {`{"results": [], "errors": [], "paths": {"scanned": []}}`, []Finding{unread("semgrep", "it is not among the files that it scanned")}},
		"not parsed": {
			`{"results": [` + fmt.Sprintf(found, "ERROR") + `], "errors": [{"code": 3, "level": "warn", "type": "Syntax error", "message": "Syntax error at line 1\nx = ("}], ` + scanned + `}`,
			[]Finding{unread("semgrep", "Syntax error at line 1"), result(policies.Refuse)},
		},
	} {
		t.Run(name, func(t *testing.T) {
			findings, err := decodeSemgrep([]byte(test.answer))
			require.NoError(t, err)
			require.Equal(t, test.want, findings)
		})
	}
}

// TestAnalyzer_Rubbish: an answer that is none is an error, never a script without findings.
func TestAnalyzer_Rubbish(t *testing.T) {
	for _, tool := range tools {
		for _, answer := range []string{"", "{", "null", "{}", "[{]", `"results"`, `{"results": null}`, `{"results": {}}`, `{"results": [{"start": {"line": "2"}, "line_number": "2"}]}`} {
			_, err := tool.decode([]byte(answer))
			require.Error(t, err, "%s: %s", tool.name, answer)
		}
	}
}

// TestAnalyzer_Unread: a script that an analyzer cannot read, or that has itself left
// out, has not been found harmless.
func TestAnalyzer_Unread(t *testing.T) {
	const broken = "x = (\neval(name)\n"
	assert.Equal(t, map[string]policies.Response{"bandit.unread": policies.Refuse}, rulesOf(t, "bandit", Script{Source: broken}))
	assert.Equal(t, map[string]policies.Response{"pylint.E0001": policies.Refuse}, rulesOf(t, "pylint", Script{Source: broken}))
	assert.Equal(t, map[string]policies.Response{"pylint.I0013": policies.Refuse}, rulesOf(t, "pylint", Script{Source: "# pylint: skip-file\neval(name)\n"}))
}

func TestAnalyzer_Missing(t *testing.T) {
	a := &analyzer{tool: tool{name: "lint", program: "/nowhere", install: "apt-get install lint"}}
	_, err := a.Analyze(t.Context(), Script{})
	require.EqualError(t, err, "analyzer lint is not installed")
	_, known := NewAnalyzer("another", nil, "")
	require.False(t, known)
}
