package expression

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestTemplate_Written: what is computed is null, all else stays, at any depth.
func TestTemplate_Written(t *testing.T) {
	for _, test := range []struct {
		mode       Mode
		tree, want string
	}{
		{Strict, `{"a": "${ .x }", "b": ["text", "${ 1 }", {"c": 2}], "d": ".x"}`, `{"a": null, "b": ["text", null, {"c": 2}], "d": ".x"}`},
		{Loose, `{"a": ".x", "b": "api.example.com"}`, `{"a": null, "b": "api.example.com"}`},
		{Strict, `"${ .x }"`, `null`},
		{Strict, `"plain"`, `"plain"`},
	} {
		var tree any
		require.NoError(t, json.Unmarshal([]byte(test.tree), &tree))
		template, err := CompileTemplate(tree, NewScope(), test.mode)
		require.NoError(t, err)
		got, err := json.Marshal(template.Written())
		require.NoError(t, err)
		require.JSONEq(t, test.want, string(got))
	}
	require.Nil(t, (*Template)(nil).Written())
}
