package activities

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/sandbox"
)

// run runs a request in a real sandbox and gives what it printed.
func run(t *testing.T, r *sandbox.Runner, level policies.Level, request contract.Process) string {
	t.Helper()
	spec, err := HostInterpreters().Spec(request, level)
	require.NoError(t, err)
	result, err := r.Run(t.Context(), spec)
	require.NoError(t, err)
	require.Equal(t, sandbox.Completed, result.Outcome, "%s%s", result.Stdout, result.Stderr)
	return string(result.Stdout)
}

// TestRunners_Arguments: a map comes as globals and --name value, a list as
// plain words, to every language alike.
func TestRunners_Arguments(t *testing.T) {
	r := newRunner(t)
	const python = "import sys\nfor word in sys.argv[1:]: print(word)"
	const node = "for (const word of process.argv.slice(2)) console.log(word)"
	const shell = `for word in "$@"; do printf '%s\n' "$word"; done`
	for name, test := range map[string]struct{ arguments, want string }{
		"none":  {``, ""},
		"list":  {`["a b", "$(id)", 3, true, null, {"x": "é<"}]`, "a b\n$(id)\n3\ntrue\nnull\n" + `{"x":"é<"}` + "\n"},
		"map":   {`{"name": "Ada", "quiet": true, "skip": false, "none": null}`, "--name\nAda\n--quiet\n"},
		"exact": {`[9007199254740993]`, "9007199254740993\n"},
	} {
		t.Run(name, func(t *testing.T) {
			for language, code := range map[string]string{"python": python, "js": node, "shell": shell} {
				if name == "exact" && language == "js" {
					continue // all numbers of JavaScript are floats
				}
				request := contract.Process{Language: language, Code: code, Arguments: json.RawMessage(test.arguments)}
				got := run(t, r, policies.Standard, request)
				require.Equal(t, test.want, strings.ReplaceAll(got, `{"x": "`, `{"x":"`), language)
			}
		})
	}
}

func TestPythonRunner(t *testing.T) {
	r := newRunner(t)
	arguments := json.RawMessage(`{"name": "Ada", "count": 123456789012345678901234567890, "tags": ["a", "é"], "print_it": null}`)
	for name, test := range map[string]struct{ code, want string }{
		"globals":        {`print(name, count + 1, tags, print_it)`, "Ada 123456789012345678901234567891 ['a', 'é'] None\n"},
		"main":           {`print(__name__, __file__, __doc__)`, "__main__ /lazaret/script.py None\n"},
		"exit":           {`print(1); exit()`, "1\n"},
		"no traces":      {`print(sorted(n for n in globals() if not n.startswith("__")))`, "['count', 'name', 'print_it', 'tags']\n"},
		"functions":      {"def f():\n    return name\nprint(f())", "Ada\n"},
		"encoding":       {`import sys; print("é", sys.stdout.encoding)`, "é utf-8\n"},
		"the descriptor": {`import os; print(len(os.environ["LAZARET_ARGS_BASE64"]) > 100)`, "True\n"},
		"environment":    {`import os; print(os.environ["GREETING"], os.environ["HOME"], "TEMPORAL_ADDRESS" in os.environ)`, "hello / False\n"},
		"stdin":          {`import sys; print(sys.stdin.read())`, "line 1\nline 2\n"},
		"no input":       {`import sys; sys.stdout.write("exact")`, "exact"},
	} {
		t.Run(name, func(t *testing.T) {
			got := run(t, r, policies.Maximum, contract.Process{
				Language: "python", Code: test.code, Arguments: arguments, Stdin: "line 1\nline 2",
				Environment: map[string]string{"GREETING": "hello"},
			})
			require.Equal(t, test.want, got)
		})
	}
}

// TestPythonRunner_Libraries: what people import most runs clean where threads are
// allowed, as Debian packages it.
func TestPythonRunner_Libraries(t *testing.T) {
	r := newRunner(t)
	for name, test := range map[string]struct{ code, want string }{
		"numpy":    {"import numpy; print(numpy.arange(10).sum())", "45\n"},
		"pandas":   {"import pandas; print(pandas.Series([1, 2, 3]).sum())", "6\n"},
		"platform": {"import platform; print(repr(platform.processor()), platform.system())", "'' Linux\n"},
	} {
		for _, level := range []policies.Level{policies.Strict, policies.Standard} {
			t.Run(name+" at "+level.String(), func(t *testing.T) {
				code := "import sys; sys.path.append('/usr/lib/python3/dist-packages')\n" + test.code
				spec, err := HostInterpreters().Spec(contract.Process{Language: "python", Code: code}, level)
				require.NoError(t, err)
				result, err := r.Run(t.Context(), spec)
				require.NoError(t, err)
				require.Equal(t, test.want, string(result.Stdout), "%s", result.Stderr)
				for _, v := range result.Violations {
					require.Equal(t, sandbox.Low, v.Severity, "%+v", v)
				}
			})
		}
	}
}

// TestPythonRunner_Traceback: errors name the script's own file and lines, and
// nothing of the runner.
func TestPythonRunner_Traceback(t *testing.T) {
	r := newRunner(t)
	for name, test := range map[string]struct{ code, want string }{
		"exception": {
			"\ndef f():\n    raise ValueError('no')\nf()",
			"Traceback (most recent call last):\n  File \"/lazaret/script.py\", line 4, in <module>\n    f()\n",
		},
		"syntax": {"x = 1\ny = (", "  File \"/lazaret/script.py\", line 2\n"},
	} {
		t.Run(name, func(t *testing.T) {
			spec, err := HostInterpreters().Spec(contract.Process{Language: "python", Code: test.code}, policies.Maximum)
			require.NoError(t, err)
			result, err := r.Run(t.Context(), spec)
			require.NoError(t, err)
			require.Equal(t, sandbox.Failed, result.Outcome)
			require.Equal(t, 1, result.Code)
			require.True(t, strings.HasPrefix(string(result.Stderr), test.want), "%s", result.Stderr)
			require.NotContains(t, string(result.Stderr), "run.py")
		})
	}
}
