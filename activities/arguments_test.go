package activities

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/activities/contract"
)

// TestCheckArguments_Depth: ten lists and maps may nest in one argument's value,
// eleven may not (B22).
func TestCheckArguments_Depth(t *testing.T) {
	nested := func(opening, closing string, n int) string {
		return strings.Repeat(opening, n) + "1" + strings.Repeat(closing, n)
	}
	for name, test := range map[string]struct {
		arguments string
		ok        bool
	}{
		"maps, ten":             {`{"x": ` + nested(`{"k":`, "}", 10) + "}", true},
		"maps, eleven":          {`{"x": ` + nested(`{"k":`, "}", 11) + "}", false},
		"lists, ten":            {`{"x": ` + nested("[", "]", 10) + "}", true},
		"lists, eleven":         {`{"x": ` + nested("[", "]", 11) + "}", false},
		"in a list, ten":        {"[" + nested("[", "]", 10) + "]", true},
		"in a list, eleven":     {"[" + nested("[", "]", 11) + "]", false},
		"mixed, eleven":         {`[1, {"a": ` + nested(`[{"k":`, "}]", 5) + "}]", false},
		"fifteen":               {`{"x": ` + nested(`{"k":`, "}", 15) + "}", false},
		"a hundred thousand":    {nested("[", "]", 100_000), false},
		"wide":                  {"[" + strings.Repeat("[],", 10_000) + "[]]", true},
		"brackets in texts":     {`{"x": "[[[[[[[[[[[[[[[[[[[[["}`, true},
		"none":                  {"", true},
		"code in a value (B45)": {`{"x": {"y": ["__import__('os').system('id')", "'''"]}}`, true},
	} {
		for _, language := range []string{"python", "js"} {
			err := CheckArguments(language, json.RawMessage(test.arguments))
			if test.ok {
				require.NoError(t, err, name)
			} else {
				requireFault(t, err, contract.ConfigurationError, "Maximum nesting depth exceeded: arguments may nest 10 deep")
			}
		}
	}
}

// TestCheckArguments_Names: only the names of a map become variables (B47).
func TestCheckArguments_Names(t *testing.T) {
	for arguments, problem := range map[string]string{
		`{"name": 1, "_x": 2, "x1": 3, "名前": 4, "größe": 5}`:       "",
		`{"match": 1, "case": 2, "type": 3, "_": 4}`:               "", // soft keywords
		`{"json": 1, "base64": 2, "print": 3, "eval": 4}`:          "", // hidden, by values
		`{"__": 1, "____": 2, "__x": 3, "x__": 4, "_y_": 5}`:       "",
		`{"headers": {"Content-Type": 1, "class": 2, "__a__": 3}}`: "", // data
		`["1invalid", "class", {"a-b": 1}]`:                        "", // words
		`{"1invalid": 1}`:                                          `"1invalid" cannot be a Python variable: it is no identifier`,
		`{"": 1}`:                                                  `"" cannot be a Python variable: it is empty`,
		`{"a-b": 1}`:                                               `"a-b" cannot be a Python variable: it is no identifier`,
		`{"a b": 1}`:                                               `"a b" cannot be a Python variable: it is no identifier`,
		`{"x\u0000": 1}`:                                           `"x\x00" cannot be a Python variable: it is no identifier`,
		`{"class": 1}`:                                             `"class" cannot be a Python variable: it is a keyword`,
		`{"None": 1}`:                                              `"None" cannot be a Python variable: it is a keyword`,
		`{"__a__": 1}`:                                             `"__a__" cannot be a Python variable: it belongs to the interpreter`,
		`{"__builtins__":1}`:                                       `"__builtins__" cannot be a Python variable: it belongs to the interpreter`,
		`{"ﬁ": 1}`:                                                 `"ﬁ" cannot be a Python variable: it is read as "fi" by Python; write it so`,
		`{"ﬁ": 1, "fi": 2}`:                                        `"ﬁ" cannot be a Python variable: it is the same as "fi" to Python`,
	} {
		err := CheckArguments("python", json.RawMessage(arguments))
		if problem == "" {
			require.NoError(t, err, arguments)
		} else {
			requireFault(t, err, contract.ConfigurationError, "argument "+problem)
		}
	}
	require.NoError(t, CheckArguments("js", json.RawMessage(`{"class": 1}`)))
}

// TestIsIdentifier asks Python about every character that both know.
func TestIsIdentifier(t *testing.T) {
	const ask = `
import unicodedata
for c in map(chr, range(0x110000)):
    if unicodedata.category(c) not in ("Cn", "Cs"):
        print(ord(c), int(c.isidentifier()), int(("a" + c).isidentifier()))`
	output, err := exec.CommandContext(t.Context(), HostInterpreters().Python, "-I", "-c", ask).Output()
	if err != nil && os.Getenv("CI") == "" {
		t.Skip(err)
	}
	require.NoError(t, err)
	var differ []string
	for line := range strings.Lines(string(output)) {
		var r rune
		var first, later int
		_, err := fmt.Sscan(line, &r, &first, &later)
		require.NoError(t, err)
		if isIdentifier(string(r)) != (first == 1) || isIdentifier("a"+string(r)) != (later == 1) {
			differ = append(differ, fmt.Sprintf("%U", r))
		}
	}
	assert.Empty(t, differ)
}
