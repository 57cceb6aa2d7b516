package activities

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/policies"
)

func TestInstalled(t *testing.T) {
	in := Interpreters{Python: "/bin/sh", Node: "/nowhere/node"}
	path, err := in.Installed("python")
	require.NoError(t, err)
	require.Equal(t, "/bin/sh", path)
	for language, detail := range map[string]string{
		"js":    "the interpreter for js is missing: stat /nowhere/node: no such file or directory; install it (apt-get install nodejs) on the worker's machine",
		"cobol": `scripts in "cobol" are not supported; use python or js`,
		"":      `scripts in "" are not supported; use python or js`,
	} {
		_, err := in.Installed(language)
		requireFault(t, err, contract.ConfigurationError, detail)
	}
}

func TestSpec_Refusals(t *testing.T) {
	in := HostInterpreters()
	for name, test := range map[string]struct {
		request      contract.Process
		level        policies.Level
		kind, detail string
	}{
		"long script": {
			contract.Process{Language: "python", Code: strings.Repeat("#", maxCode+1)},
			policies.Maximum,
			contract.ConfigurationError, "the script is 1048577 bytes, over the limit of 1048576",
		},
		"js at maximum": {
			contract.Process{Language: "js"},
			policies.Maximum, contract.Refused,
			"js needs threads and executable memory, which level maximum forbids; use python, or a level that the operator grants",
		},
		"shell arguments": {
			contract.Process{Language: "shell", Arguments: json.RawMessage(`"word"`)},
			policies.Standard,
			contract.ConfigurationError, "arguments are neither an object nor an array",
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := in.Spec(test.request, test.level)
			requireFault(t, err, test.kind, test.detail)
		})
	}
}

func TestEnvironment(t *testing.T) {
	always := []string{"PATH=/usr/bin:/bin", "HOME=/", "LANG=C.UTF-8"}
	env, err := environment(contract.Process{})
	require.NoError(t, err)
	require.Equal(t, always, env)

	arguments := json.RawMessage(`{"a":1}`)
	encoded := base64.StdEncoding.EncodeToString(arguments)
	env, err = environment(contract.Process{Arguments: arguments, Environment: map[string]string{"B": "2 = two", "A": ""}})
	require.NoError(t, err)
	require.Equal(t, append(always, "LAZARET_ARGS_BASE64="+encoded, "JOBWORKERP_ARGS_BASE64="+encoded, "A=", "B=2 = two"), env)

	env, err = environment(contract.Process{Arguments: json.RawMessage(`"` + strings.Repeat("x", maxVariable) + `"`)})
	require.NoError(t, err)
	require.Equal(t, always, env, "long arguments travel by descriptor alone")

	for name, test := range map[string]struct {
		environment map[string]string
		detail      string
	}{
		"no name":      {map[string]string{"": "x"}, `environment variable "": a name has no = and neither has a NUL`},
		"= in a name":  {map[string]string{"A=B": "x"}, `environment variable "A=B": a name has no = and neither has a NUL`},
		"NUL":          {map[string]string{"A": "x\x00LD_PRELOAD=y"}, `environment variable "A": a name has no = and neither has a NUL`},
		"a long value": {map[string]string{"A": strings.Repeat("x", maxVariable)}, `environment variable "A" is 65537 bytes, over the limit of 65536; use stdin or arguments`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := environment(contract.Process{Environment: test.environment})
			requireFault(t, err, contract.ConfigurationError, test.detail)
		})
	}
}

func TestShellWords(t *testing.T) {
	for name, test := range map[string]struct {
		arguments string
		want      []string
	}{
		"none":        {``, nil},
		"empty list":  {`[]`, []string{}},
		"list":        {`["a b", "", "$(id)", 1, true, null]`, []string{"a b", "", "$(id)", "1", "true", "null"}},
		"nested":      {`[{"a": [1, "<b>"]}]`, []string{`{"a":[1,"<b>"]}`}},
		"numbers":     {`[9007199254740993, 1.50, 123456789012345678901234567890]`, []string{"9007199254740993", "1.50", "123456789012345678901234567890"}},
		"map":         {`{"name": "Ada", "limit": 9007199254740993}`, []string{"--limit", "9007199254740993", "--name", "Ada"}},
		"flags":       {`{"quiet": true, "loud": false, "other": null}`, []string{"--quiet"}},
		"list of map": {`{"tags": ["a", "b"]}`, []string{"--tags", `["a","b"]`}},
	} {
		t.Run(name, func(t *testing.T) {
			words, err := shellWords(json.RawMessage(test.arguments))
			require.NoError(t, err)
			require.Equal(t, test.want, words)
		})
	}
	_, err := shellWords(json.RawMessage(`{"half`))
	require.ErrorContains(t, err, "Configuration error: arguments: ")
}
