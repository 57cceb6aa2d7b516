package expression

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/itchyny/gojq"
)

// Expression is a compiled runtime expression.
type Expression struct {
	source string
	names  []string
	code   *gojq.Code
}

// Compile compiles an expression slot: src with or without "${" and "}".
func Compile(src string, scope Scope) (*Expression, error) {
	text := strings.TrimSpace(src)
	if strings.HasPrefix(text, "${") && strings.HasSuffix(text, "}") {
		text = text[2 : len(text)-1]
	}
	query, err := gojq.Parse(text)
	if err != nil {
		return nil, &SyntaxError{Source: src, Reason: err.Error()}
	}
	vars := make([]string, len(scope.names))
	for i, n := range scope.names {
		vars[i] = "$" + n
	}
	code, err := gojq.Compile(query, gojq.WithVariables(vars))
	if err != nil {
		return nil, &SyntaxError{Source: src, Reason: err.Error()}
	}
	return &Expression{source: src, names: scope.names, code: code}, nil
}

// Source is the string as it was written.
func (e *Expression) Source() string { return e.source }

// Evaluate runs e.
func (e *Expression) Evaluate(in any, env Env) (any, error) {
	vars := make([]any, len(e.names))
	for i, n := range e.names {
		vars[i] = env.Vars[n]
	}
	v, ok := e.code.Run(in, vars...).Next()
	if !ok {
		return nil, nil
	}
	if err, ok := v.(error); ok {
		return nil, &EvaluationError{Source: e.source, Reason: err.Error()}
	}
	return v, nil
}

// Template is a compiled JSON tree.
type Template struct {
	value any
	expr  *Expression
	mode  Mode
	scope Scope
}

// CompileTemplate compiles a tree whose "${ … }" strings are expressions.
func CompileTemplate(tree any, scope Scope, mode Mode) (*Template, error) {
	return &Template{value: tree, scope: scope, mode: mode}, nil
}

// CompileSlot compiles a property that is an expression or a template.
func CompileSlot(tree any, scope Scope, mode Mode) (*Template, error) {
	if s, ok := tree.(string); ok {
		e, err := Compile(s, scope)
		if err != nil {
			return nil, err
		}
		return &Template{expr: e}, nil
	}
	return CompileTemplate(tree, scope, mode)
}

// CompileText compiles a text with expressions in it.
func CompileText(s string, scope Scope) (*Template, error) {
	return CompileTemplate(s, scope, Strict)
}

// Evaluate evaluates every expression of t.
func (t *Template) Evaluate(in any, env Env) (any, error) {
	if t.expr != nil {
		return t.expr.Evaluate(in, env)
	}
	return t.value, nil
}

// Constant returns the value of a template without expressions.
func (t *Template) Constant() (any, bool) { return t.value, t.expr == nil }

// Truthy is jq's truth: everything but null and false.
func Truthy(v any) bool { return v != nil && v != false }

// Decode reads one JSON value.
func Decode(data []byte) (any, error) {
	d := json.NewDecoder(strings.NewReader(string(data)))
	d.UseNumber()
	var v any
	err := d.Decode(&v)
	return v, err
}

// Encode writes v as JSON.
func Encode(v any) ([]byte, error) { return gojq.Marshal(v) }

// Normalize brings a Go value to the data model.
func Normalize(v any) (any, error) { return v, nil }

// Equal is deep equality that compares numbers by value.
func Equal(a, b any) bool { return gojq.Compare(a, b) == 0 }

func preview(s string) string { return fmt.Sprintf("%.60q", s) }
