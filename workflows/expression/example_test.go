package expression_test

import (
	"errors"
	"fmt"

	"lazaret.dev/lazaret/workflows/expression"
)

func ExampleCompile() {
	e, err := expression.Compile(`${ .orders | map(.total) | add > $context.limit }`, expression.NewScope("context"))
	if err != nil {
		fmt.Println(err)
		return
	}
	in := map[string]any{"orders": []any{map[string]any{"total": 30}, map[string]any{"total": 25}}}
	v, err := e.Evaluate(in, expression.Env{Vars: map[string]any{"context": map[string]any{"limit": 50}}})
	fmt.Println(v, expression.Truthy(v), err)
	// Output: true true <nil>
}

func ExampleSyntaxError() {
	_, err := expression.Compile(`${ .total > $contxt.limit }`, expression.NewScope("context"))
	if syntax, ok := errors.AsType[*expression.SyntaxError](err); ok {
		fmt.Printf("byte %d: %s\n", syntax.Offset, syntax.Reason)
	}
	// Output: byte 12: unknown variable "$contxt", did you mean $context?
}

func ExampleEvaluationError() {
	e, _ := expression.Compile(`.password + 1`, expression.Scope{})
	_, err := e.Evaluate(map[string]any{"password": "hunter2"}, expression.Env{})
	fmt.Println(err)
	// Output: expression ".password + 1": cannot add string and number
}

func ExampleCompileTemplate() {
	tree := map[string]any{"name": "${ .user.name }", "note": "costs ${HOME} nothing", "tags": []any{"new", "${ .user.tags }"}}
	t, err := expression.CompileTemplate(tree, expression.Scope{}, expression.Strict)
	if err != nil {
		fmt.Println(err)
		return
	}
	v, _ := t.Evaluate(map[string]any{"user": map[string]any{"name": "ada", "tags": []any{1}}}, expression.Env{})
	data, _ := expression.Encode(v)
	fmt.Println(string(data))
	// Output: {"name":"ada","note":"costs ${HOME} nothing","tags":["new",[1]]}
}

func ExampleCompileText() {
	t, err := expression.CompileText(`cp "$HOME/${FILE:-x}" ${ .target } # ${ .sizes }`, expression.Scope{})
	if err != nil {
		fmt.Println(err)
		return
	}
	v, _ := t.Evaluate(map[string]any{"target": "/srv", "sizes": []any{1, 2}}, expression.Env{})
	fmt.Println(v)
	// Output: cp "$HOME/${FILE:-x}" /srv # [1,2]
}

func ExampleDecode() {
	v, _ := expression.Decode([]byte(`{"id": 9007199254740993}`))
	data, _ := expression.Encode(v)
	_, err := expression.Decode([]byte(`{"id": 1, "id": 2}`))
	fmt.Println(string(data), err)
	// Output: {"id":9007199254740993} JSON at byte 14: key "id" twice in one object
}
