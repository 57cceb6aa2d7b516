package expression_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"lazaret.dev/lazaret/workflows/expression"
)

// FuzzExpression wants no panic and no evaluation that goes on for long,
// whatever the program; and the same outcome and steps twice, the second time
// walked where the program is a formula.
func FuzzExpression(f *testing.F) {
	for _, c := range load[evaluateCase](f, "evaluate.yaml") {
		f.Add(c.Expr, show(f, normal(f, c.In)))
	}
	f.Add(`{a: ((.a // .b) == 2 and $v.c), b: (.x + 1 // $item)} | .a or .b * 2`, `{"a":1,"b":2,"c":"d","x":[1]}`)
	f.Add(`reduce range(1e9) as $i (.; [.[], $v])`, `{"a":[1,{"b":"c"}]}`)
	scope := expression.NewScope("v", "item")
	f.Fuzz(func(t *testing.T, src, data string) {
		in, err := expression.Decode([]byte(data))
		if err != nil {
			in = data
		}
		if _, err := expression.CompileText(src, scope); err != nil && len(err.Error()) > 400 {
			t.Errorf("long error: %v", err)
		}
		e, err := expression.Compile(src, scope)
		if err != nil {
			syntax, ok := errors.AsType[*expression.SyntaxError](err)
			if !ok || syntax.Offset < 0 || syntax.Offset > len(src) {
				t.Errorf("error %#v", err)
			}
			return
		}
		var ran, walked int
		env := expression.Env{Vars: map[string]any{"v": in}, Now: time.Unix(1, 0), Steps: &ran}
		v, err := e.Evaluate(in, env)
		env.Steps = &walked
		w, again := e.Evaluate(in, env)
		if ran != walked {
			t.Errorf("first %d steps, then %d", ran, walked)
		}
		if err != nil {
			if again == nil || again.Error() != err.Error() {
				t.Errorf("first %v, then %v", err, again)
			}
			return
		}
		if got := show(t, v); again != nil || got != show(t, w) {
			t.Errorf("first %.80s, then %v", got, again)
		}
	})
}

func FuzzDecode(f *testing.F) {
	for _, seed := range []string{`{"a":[1,2.5,null,"x"]}`, `1e999`, `"\u0000"`, `{"a":1,"a":2}`, strings.Repeat("[", 600)} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := expression.Decode(data)
		if err != nil {
			return
		}
		again, err := expression.Decode([]byte(show(t, v)))
		if err != nil || !expression.Equal(v, again) {
			t.Errorf("%s came back as %v, %v", show(t, v), again, err)
		}
	})
}
