package expression_test

import (
	"testing"
	"time"

	"lazaret.dev/lazaret/workflows/expression"
)

func BenchmarkEvaluate(b *testing.B) {
	in := map[string]any{
		"a": 1, "b": map[string]any{"c": "text"},
		"items": []any{map[string]any{"n": 1, "on": true}, map[string]any{"n": 2, "on": false}, map[string]any{"n": 3, "on": true}},
	}
	env := expression.Env{Vars: map[string]any{"context": in, "input": in}, Now: time.Unix(1_700_000_000, 0)}
	for _, src := range []string{
		`.`, `.b.c`, `$context.b.c`, `.a + 1`, `.a == 1 and $input.b.c == "text"`,
		`{a: .a, b: $context.b}`, `[.items[] | select(.on) | .n] | add`, `.items | map(.n) | sort_by(-.)`, `now`,
	} {
		e, err := expression.Compile(src, expression.NewScope("context", "input"))
		if err != nil {
			b.Fatal(err)
		}
		b.Run(src, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := e.Evaluate(in, env); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkCompile(b *testing.B) {
	scope := expression.NewScope("context", "input")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := expression.Compile(`${ [.items[] | select(.on) | .n] | add }`, scope); err != nil {
			b.Fatal(err)
		}
	}
}
