package expression_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"lazaret.dev/lazaret/workflows/expression"
)

// load reads a table of cases.
func load[T any](tb testing.TB, name string) []T {
	tb.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		tb.Fatal(err)
	}
	var cases []T
	if err := yaml.Unmarshal(data, &cases); err != nil {
		tb.Fatalf("%s: %v", name, err)
	}
	return cases
}

func scopeOf(vars map[string]any) expression.Scope {
	scope := expression.Scope{}
	for name := range vars {
		scope = scope.With(name)
	}
	return scope
}

func show(tb testing.TB, v any) string {
	tb.Helper()
	data, err := expression.Encode(v)
	if err != nil {
		tb.Fatal(err)
	}
	return string(data)
}

func normal(tb testing.TB, v any) any {
	tb.Helper()
	n, err := expression.Normalize(v)
	if err != nil {
		tb.Fatal(err)
	}
	return n
}

type evaluateCase struct {
	Name, Expr, Error string
	In, Want          any
	Vars              map[string]any
	Now               int64
}

func (c evaluateCase) env(tb testing.TB) expression.Env {
	tb.Helper()
	vars, _ := normal(tb, c.Vars).(map[string]any)
	return expression.Env{Vars: vars, Now: time.Unix(c.Now, 0)}
}

func TestEvaluate(t *testing.T) {
	for _, c := range load[evaluateCase](t, "evaluate.yaml") {
		t.Run(c.Name, func(t *testing.T) {
			e, err := expression.Compile(c.Expr, scopeOf(c.Vars))
			if err != nil {
				t.Fatal(err)
			}
			in, env := normal(t, c.In), c.env(t)
			before := show(t, []any{in, env.Vars})
			got, err := e.Evaluate(in, env)
			if after := show(t, []any{in, env.Vars}); after != before {
				t.Errorf("input changed from %s to %s", before, after)
			}
			check(t, got, err, c.Want, c.Error)
			_, again := e.Evaluate(in, env)
			if (err == nil) != (again == nil) || err != nil && err.Error() != again.Error() {
				t.Errorf("second evaluation: %v, first: %v", again, err)
			}
		})
	}
}

func check(t *testing.T, got any, err error, want any, wantError string) {
	t.Helper()
	if wantError == "" {
		if err != nil {
			t.Fatal(err)
		}
		if !expression.Equal(got, normal(t, want)) {
			t.Errorf("got %s, want %s", show(t, got), show(t, normal(t, want)))
		}
		return
	}
	if err == nil {
		t.Fatalf("got %s, want error %q", show(t, got), wantError)
	}
	if !strings.Contains(err.Error(), wantError) {
		t.Errorf("error %q, want %q in it", err, wantError)
	}
	if strings.Contains(err.Error(), "hunter2") {
		t.Errorf("error shows data: %v", err)
	}
}

func TestCompile(t *testing.T) {
	type compileCase struct {
		Name, Expr, Reason string
		Scope              []string
	}
	for _, c := range load[compileCase](t, "compile.yaml") {
		t.Run(c.Name, func(t *testing.T) {
			src := strings.Replace(c.Expr, "‸", "", 1)
			_, err := expression.Compile(src, expression.NewScope(c.Scope...))
			var syntax *expression.SyntaxError
			if !errors.As(err, &syntax) {
				t.Fatalf("error %v, want a SyntaxError", err)
			}
			if !strings.Contains(syntax.Reason, c.Reason) {
				t.Errorf("reason %q, want %q in it", syntax.Reason, c.Reason)
			}
			if want := strings.Index(c.Expr, "‸"); syntax.Offset != want {
				t.Errorf("offset %d (%q), want %d (%q)", syntax.Offset, src[syntax.Offset:], want, src[want:])
			}
			if syntax.Source != src {
				t.Errorf("source %q, want %q", syntax.Source, src)
			}
		})
	}
}

type templateCase struct {
	Name, Compile, Error, Path string
	Mode                       expression.Mode
	Tree, In, Want             any
	Vars                       map[string]any
	Constant                   bool
}

func (c templateCase) compile(tree any) (*expression.Template, error) {
	switch c.Compile {
	case "slot":
		return expression.CompileSlot(tree, scopeOf(c.Vars), c.Mode)
	case "text":
		s, _ := tree.(string)
		return expression.CompileText(s, scopeOf(c.Vars))
	}
	return expression.CompileTemplate(tree, scopeOf(c.Vars), c.Mode)
}

func TestTemplate(t *testing.T) {
	for _, c := range load[templateCase](t, "template.yaml") {
		t.Run(c.Name, func(t *testing.T) {
			tree, in := normal(t, c.Tree), normal(t, c.In)
			vars, _ := normal(t, c.Vars).(map[string]any)
			before := show(t, []any{tree, in})
			template, err := c.compile(tree)
			if err != nil {
				var syntax *expression.SyntaxError
				if !errors.As(err, &syntax) || syntax.Path != c.Path {
					t.Errorf("error %#v, want a SyntaxError at %q", err, c.Path)
				}
				check(t, nil, err, c.Want, c.Error)
				return
			}
			if _, constant := template.Constant(); constant != c.Constant {
				t.Errorf("constant is %v, want %v", constant, c.Constant)
			}
			got, err := template.Evaluate(in, expression.Env{Vars: vars})
			check(t, got, err, c.Want, c.Error)
			if after := show(t, []any{tree, in}); after != before {
				t.Errorf("tree or input changed from %s to %s", before, after)
			}
		})
	}
}
