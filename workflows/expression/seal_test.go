package expression_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/workflows/expression"
)

// TestEvaluateSealed: what reads the variable stays out, everything else is
// evaluated (corner case 28).
func TestEvaluateSealed(t *testing.T) {
	t.Parallel()
	tree := map[string]any{
		"open":   "${ .a }",
		"closed": "${ $secrets.pw + .a }",
		"list":   []any{1, "${ {x: $secrets.pw, y: $context.b} }", "${ $context.b }"},
		"a/b":    map[string]any{"c": `${ "\($secrets["p w"])" }`},
		"text":   "$secrets.pw is no expression here",
	}
	template, err := expression.CompileTemplate(tree, expression.NewScope("secrets", "context"), expression.Strict)
	require.NoError(t, err)
	value, sealed, err := template.EvaluateSealed("secrets", map[string]any{"a": "A"}, expression.Env{Vars: map[string]any{
		"context": map[string]any{"b": "B"},
	}})
	require.NoError(t, err)
	assert.Equal(t, map[string]any{
		"open": "A", "closed": nil, "list": []any{1, nil, "B"}, "a/b": map[string]any{"c": nil},
		"text": "$secrets.pw is no expression here",
	}, value)
	assert.Equal(t, []expression.Sealed{
		{Path: "/a~1b/c", Source: `${ "\($secrets["p w"])" }`, Reads: []string{"secrets"}},
		{Path: "/closed", Source: "${ $secrets.pw + .a }", Reads: []string{"secrets"}},
		{Path: "/list/1", Source: "${ {x: $secrets.pw, y: $context.b} }", Reads: []string{"secrets", "context"}},
	}, sealed)
	again, err := template.Evaluate(map[string]any{"a": "A"}, expression.Env{Vars: map[string]any{"secrets": map[string]any{"pw": "S"}}})
	require.NoError(t, err)
	assert.Equal(t, "SA", again.(map[string]any)["closed"], "the template itself is as it was")
}

func TestEvaluateSealed_Whole(t *testing.T) {
	t.Parallel()
	template, err := expression.CompileTemplate("${ $secrets.pw }", expression.NewScope("secrets"), expression.Loose)
	require.NoError(t, err)
	value, sealed, err := template.EvaluateSealed("secrets", nil, expression.Env{})
	require.NoError(t, err)
	assert.Nil(t, value)
	assert.Equal(t, []expression.Sealed{{Source: "${ $secrets.pw }", Loose: true, Reads: []string{"secrets"}}}, sealed)
}

func TestMembers(t *testing.T) {
	t.Parallel()
	for src, want := range map[string][]expression.Member{
		"${ .a }":                                nil,
		"${ $secrets.pw }":                       {{Name: "pw", Offset: 3}},
		`$secrets."p w" + $secrets["x"]`:         {{Name: "p w"}, {Name: "x", Offset: 17}},
		`${ "a \($secrets.b_1.c) $secrets.no" }`: {{Name: "b_1", Offset: 8}},
		"$secrets":                               {{}},
		"$secrets[.x]":                           {{}},
		`$secrets["a\(1)"]`:                      {{}},
		"$secrets | .x":                          {{}},
		"$secrets.[0]":                           {{}},
		"# $secrets.x\n.y":                       nil,
		"$secretsauce.x":                         nil,
	} {
		assert.Equal(t, want, expression.Members(src, "secrets"), src)
	}
}
