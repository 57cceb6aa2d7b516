package checker

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/policies"
)

// findingsOf is what the terms leave of the facts on one script.
func findingsOf(t *testing.T, terms Terms, script Script) []Finding {
	t.Helper()
	script.Asked = terms.Asked()
	facts, err := newChecker(t).Facts(t.Context(), []Script{script})
	require.NoError(t, err)
	return terms.Judge(facts[0])
}

// TestMessages holds the words that alerts look for (B42, B43, B44).
func TestMessages(t *testing.T) {
	const function, shell, dunder = "Dangerous function detected in script source: ", "Dangerous shell command detected: ", "Dangerous dunder attribute detected: "
	for source, want := range map[string]string{
		`eval("1")`:                     function + "eval",
		`exec("1")`:                     function + "exec",
		`compile("1", "x", "eval")`:     function + "compile",
		`__import__("json")`:            function + "__import__",
		`open("x")`:                     function + "open",
		`input()`:                       function + "input",
		`eval ("1")`:                    function + "eval",
		"exec\t(\"1\")":                 function + "exec",
		`import os; os.system("ls")`:    shell + "os.system",
		"import subprocess":             shell + "subprocess",
		"import commands":               shell + "commands",
		"x = [].__class__":              dunder + "__class__",
		"print(__builtins__)":           dunder + "__builtins__",
		"def f(): pass\nf.__globals__":  dunder + "__globals__",
		"print(__name__, x.__class__)":  dunder + "__class__", // an allowed one does not hide the other
		"print(x.__globals__.__name__)": dunder + "__globals__",
	} {
		findings := findingsOf(t, Terms{Level: policies.Maximum}, Script{Source: source})
		if assert.NotEmpty(t, findings, source) {
			assert.Equal(t, want, findings[0].Message, source)
			assert.Len(t, findings[0].SnippetHash, 16)
		}
	}
	for _, source := range []string{"print(__name__)", "print(__doc__)", "print(x.__version__)", "print(__file__)"} {
		assert.Empty(t, findingsOf(t, Terms{Level: policies.Maximum}, Script{Source: source}), source)
	}
}

// TestPlaces: line and column are those of what is mentioned, in characters.
func TestPlaces(t *testing.T) {
	for source, want := range map[string][2]int{
		`eval("1")`:                         {1, 1},
		"x = 1\n\n  \nif x:\n    eval('1')": {5, 5},
		"é = 'ß'; eval('1')":                {1, 10},
		"x = (1).__class__":                 {1, 9},
		"x = (\n  1\n).__class__":           {3, 3},
		"x = 1\r\neval('1')":                {2, 1},
		"\ufeffeval('1')":                   {1, 1},
		"if x\n  pass":                      {1, 5},
	} {
		findings := findingsOf(t, Terms{Level: policies.Maximum}, Script{Source: source})
		require.NotEmpty(t, findings, source)
		assert.Equal(t, want, [2]int{findings[0].Line, findings[0].Column}, source)
	}
}

// TestArgumentsHideBuiltins: an argument called input is a value, not a function.
func TestArgumentsHideBuiltins(t *testing.T) {
	script := Script{Source: "print(input['name'])"}
	assert.NotEmpty(t, findingsOf(t, Terms{Level: policies.Maximum}, script))
	script.Arguments = []string{"input", "other"}
	assert.Empty(t, findingsOf(t, Terms{Level: policies.Maximum}, script))
}

// TestGrants: a script uses what it asks for and the operator grants (B62).
func TestGrants(t *testing.T) {
	const run = "import subprocess\nsubprocess.run(['ls'])"
	names := func(list ...string) policies.ScriptNames { return list }
	for name, test := range map[string]struct {
		source string
		terms  Terms
		want   []string // rules that refuse
	}{
		"nothing said":              {run, Terms{}, []string{"script.shell", "script.shell"}},
		"granted and asked":         {run, Terms{Granted: names("subprocess"), Modules: names("subprocess")}, nil},
		"function of it":            {run, Terms{Granted: names("subprocess"), Functions: names("subprocess.run")}, nil},
		"exactly the function":      {run, Terms{Granted: names("subprocess.run"), Functions: names("subprocess.run")}, nil},
		"another function":          {run, Terms{Granted: names("subprocess.call"), Functions: names("subprocess.call")}, []string{"script.shell"}},
		"granted, not asked":        {run, Terms{Granted: names("subprocess")}, []string{"script.shell", "script.shell"}},
		"asked, not granted":        {run, Terms{Modules: names("subprocess")}, []string{"script.grant", "script.shell", "script.shell"}},
		"asked more than granted":   {run, Terms{Granted: names("subprocess.run"), Modules: names("subprocess")}, []string{"script.grant", "script.shell"}},
		"a builtin":                 {"open('x')", Terms{Granted: names("open"), Functions: names("open")}, nil},
		"asked for what is plain":   {"import json", Terms{Modules: names("json")}, nil},
		"asked for what is allowed": {run, Terms{Level: policies.Standard, Modules: names("subprocess")}, nil},
		"narrowed":                  {run, Terms{Level: policies.Standard, Modules: names("requests")}, []string{"script.shell"}},
		"narrowed to nothing":       {run, Terms{Level: policies.Standard, Modules: policies.ScriptNames{}, Functions: policies.ScriptNames{}}, []string{"script.shell", "script.shell"}},
		"no grant for dunders":      {"x.__class__", Terms{Granted: names("__class__"), Functions: names("__class__")}, []string{"script.dunder"}},
		"unheard of":                {"import wheel_of_ours", Terms{}, []string{"script.import"}},
		"from packages":             {"import wheel_of_ours", Terms{Packages: true}, nil},
	} {
		if test.terms.Level == 0 {
			test.terms.Level = policies.Maximum
		}
		var got []string
		for _, f := range Refused(findingsOf(t, test.terms, Script{Source: test.source})) {
			got = append(got, f.Rule)
		}
		assert.Equal(t, test.want, got, name)
	}
}
