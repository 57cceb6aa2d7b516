package expression_test

import (
	"testing"

	"lazaret.dev/lazaret/workflows/expression"
)

func TestScope(t *testing.T) {
	outer := expression.NewScope("context", "input")
	inner := outer.With("item", "input")
	other := outer.With("index")
	for _, name := range []string{"context", "input", "item"} {
		if !inner.Has(name) {
			t.Errorf("inner scope lacks %s", name)
		}
	}
	if outer.Has("item") || inner.Has("index") || !other.Has("index") || other.Has("item") {
		t.Error("With changed the scope it copies")
	}
	if (expression.Scope{}).Has("") {
		t.Error("the zero scope has a name")
	}
}

func TestScope_ShadowedNameHasItsNewValue(t *testing.T) {
	e, err := expression.Compile("$item", expression.NewScope("item").With("item"))
	if err != nil {
		t.Fatal(err)
	}
	got, err := e.Evaluate(nil, expression.Env{Vars: map[string]any{"item": "inner"}})
	if err != nil || got != "inner" {
		t.Errorf("got %v, %v", got, err)
	}
}
