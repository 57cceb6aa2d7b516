package expression_test

import (
	"sync"
	"testing"

	"lazaret.dev/lazaret/workflows/expression"
)

func deep() map[string]any {
	return map[string]any{
		"a": []any{1, 2, map[string]any{"b": "c"}},
		"m": map[string]any{"x": map[string]any{"y": []any{1}}},
		"s": "text",
	}
}

// TestEvaluate_Shared evaluates on one input from many goroutines: the race
// detector fails it when a program writes to what it reads, as gojq's own del does.
func TestEvaluate_Shared(t *testing.T) {
	in := deep()
	before := show(t, in)
	scope := expression.NewScope("v")
	for _, src := range []string{
		`del(.s)`, `del($v.m)`, `.a[2].b = 1`, `.a |= reverse`, `.a += [1]`, `[.a[0:2], .a] | add`, `.m | with_entries(.value = 1)`,
		`.a | sort_by(tostring)`, `delpaths([["m", "x", "y"]])`, `$v * {m: {z: 1}}`, `.. |= .`, `{c: {d: 1}, v: $v}`, `.a[1:] = []`, `to_entries`,
		`[.[] | tojson | test("x")]`, `map_values(length)`, `now`,
	} {
		e, err := expression.Compile(src, scope)
		if err != nil {
			t.Fatal(err)
		}
		want, err := e.Evaluate(in, expression.Env{Vars: map[string]any{"v": in}})
		if err != nil {
			t.Fatalf("%s: %v", src, err)
		}
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for range 20 {
					got, err := e.Evaluate(in, expression.Env{Vars: map[string]any{"v": in}})
					if err != nil || !expression.Equal(got, want) {
						t.Errorf("%s: got %v, %v", src, got, err)
						return
					}
				}
			})
		}
		wg.Wait()
		if after := show(t, in); after != before {
			t.Fatalf("%s changed its input to %s", src, after)
		}
	}
}

// scribble writes into every container it reaches.
func scribble(v any) {
	switch v := v.(type) {
	case []any:
		for i := range v {
			scribble(v[i])
			v[i] = "scribbled"
		}
	case map[string]any:
		for key := range v {
			scribble(v[key])
		}
		v["scribbled"] = true
	}
}

func TestResult_SharesNothingWithTheProgram(t *testing.T) {
	env := expression.Env{Vars: map[string]any{"v": 1}}
	for _, tree := range []any{
		`${ {a: {b: 1}} }`, `${ {} }`, `${ [] }`, `${ [1, [2]] }`, `${ {a: [1]} | .a }`, `${ [{}][0] }`, `${ {x: $v, y: {z: 1}} }`, `${ [1, 2] | .[:1] }`,
		map[string]any{"a": []any{1}, "b": "${ $v }", "c": map[string]any{"d": []any{map[string]any{}}}},
		map[string]any{"a": []any{1}},
		[]any{"${ {} }", []any{}},
	} {
		template, err := expression.CompileTemplate(tree, expression.NewScope("v"), expression.Strict)
		if err != nil {
			t.Fatal(err)
		}
		first, err := template.Evaluate(nil, env)
		if err != nil {
			t.Fatal(err)
		}
		want := show(t, first)
		scribble(first)
		if c, ok := template.Constant(); ok {
			scribble(c)
		}
		if second, err := template.Evaluate(nil, env); err != nil || show(t, second) != want {
			t.Errorf("%v: second result %v, %v; want %s", tree, second, err, want)
		}
	}
}

func TestTemplate_CopiesItsTree(t *testing.T) {
	tree := map[string]any{"a": []any{1, "${ . }"}}
	template, err := expression.CompileTemplate(tree, expression.Scope{}, expression.Strict)
	if err != nil {
		t.Fatal(err)
	}
	scribble(tree)
	got, err := template.Evaluate(2, expression.Env{})
	if err != nil || show(t, got) != `{"a":[1,2]}` {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestEvaluate_RefusesForeignTypesWithoutPanic(t *testing.T) {
	e, err := expression.Compile(". + 1", expression.Scope{})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if v, err := e.Evaluate(int64(1), expression.Env{}); err == nil {
			t.Errorf("got %v, want an error", v)
		}
	}
	if v, err := e.Evaluate(1, expression.Env{}); err != nil || v != 2 {
		t.Errorf("got %v, %v after a foreign type", v, err)
	}
}
