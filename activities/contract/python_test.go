package contract

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNewPythonNames(t *testing.T) {
	type metadata = map[string]any
	for name, test := range map[string]struct {
		document, task metadata
		want           []string
	}{
		"nothing":        {nil, metadata{"other": 1}, nil},
		"a text":         {metadata{AllowedModules: "subprocess, requests ,"}, nil, []string{"subprocess", "requests"}},
		"a list":         {nil, metadata{AllowedModules: []any{"subprocess"}}, []string{"subprocess"}},
		"nested":         {metadata{"python": metadata{"allowed_modules": "json"}}, nil, []string{"json"}},
		"empty":          {metadata{AllowedModules: ""}, nil, []string{}},
		"another form":   {metadata{AllowedModules: 1}, nil, []string{}},
		"both":           {metadata{AllowedModules: "a, b.c"}, metadata{AllowedModules: "a.x, b, z"}, []string{"a.x", "b.c"}},
		"both, disjoint": {metadata{AllowedModules: "a"}, metadata{AllowedModules: "b"}, []string{}},
	} {
		require.Equal(t, test.want, NewPythonNames(test.document, test.task).Modules, name)
	}
}

// TestPythonNames_JSON: an empty list is a limit, and must not get lost on the way.
func TestPythonNames_JSON(t *testing.T) {
	for _, names := range []PythonNames{{}, {Modules: []string{}}, {Functions: []string{"open"}}} {
		text, err := json.Marshal(Process{Python: names})
		require.NoError(t, err)
		var back Process
		require.NoError(t, json.Unmarshal(text, &back))
		require.Equal(t, names, back.Python)
	}
}
