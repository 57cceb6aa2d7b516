package activities

import (
	"testing"

	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/activities/checker"
	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/policies"
)

func TestInspect(t *testing.T) {
	r := newRunner(t)
	var found []checker.Finding
	p := &Processes{
		Checker: &checker.Checker{Runner: r, Python: HostInterpreters().Python},
		Found:   func(_ contract.Process, _ policies.Level, f []checker.Finding) { found = f },
	}
	at := func(level policies.Level) policies.Effective {
		e, err := policies.LevelDefaults(level)
		require.NoError(t, err)
		e.Python.Allow = policies.ScriptNames{"socket"}
		return e
	}
	check := func(code string, level policies.Level, names contract.PythonNames) error {
		found = nil
		return p.inspect(t.Context(), contract.Process{Language: "python", Code: code, Python: names}, at(level), recorder{})
	}
	none := contract.PythonNames{}

	require.NoError(t, check("print(1)", policies.Maximum, none))
	require.Empty(t, found)

	requireFault(t, check("x = 1\nprint(eval('1'))", policies.Maximum, none), contract.AuthorizationError,
		"level maximum refuses the script\nError: Dangerous function detected in script source: eval [script.function] at line 2, column 7")
	require.Len(t, found, 1)

	unsigned := at(policies.Maximum)
	unsigned.Because = `rule "tools" requires a signature by release, and the definition has none`
	requireFault(t, p.inspect(t.Context(), contract.Process{Language: "python", Code: "eval('1')"}, unsigned, recorder{}), contract.AuthorizationError,
		`level maximum refuses the script; rule "tools" requires a signature by release, and the definition has none
Error: Dangerous function detected in script source: eval [script.function] at line 1, column 1`)

	log := &kept{}
	require.Error(t, p.inspect(t.Context(), contract.Process{Language: "python", Code: "eval('1'); open('x')"}, at(policies.Maximum), recorder{log: log}))
	require.Len(t, log.events, 2)
	for _, e := range log.events { // each finding with what the whole script rates
		require.Equal(t, "Medium 55", e.Detail["risk"]+" "+e.Detail["score"])
	}

	require.NoError(t, check("print(eval('1'))", policies.Standard, none))
	require.Len(t, found, 1, "a warning is told")

	own, err := p.Supplies.Pythons.Default(HostInterpreters().Python)
	require.NoError(t, err)
	requireFault(t, check("if x\n  pass", policies.Standard, none), contract.RuntimeError,
		"the script cannot be read by Python "+own.Version+": line 1, column 5: SyntaxError: expected ':'")

	require.NoError(t, check("import socket", policies.Maximum, contract.PythonNames{Modules: []string{"socket"}}))
	require.Error(t, check("import socket", policies.Maximum, none))
	require.NoError(t, p.inspect(t.Context(), contract.Process{Language: "js", Code: "eval(1)"}, at(policies.Maximum), recorder{}))
	p.Checker = nil
	require.NoError(t, check("eval('1')", policies.Maximum, none), "switched off, the kernel decides alone")
}
