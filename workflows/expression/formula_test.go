package expression

import (
	"fmt"
	"math"
	"math/big"
	"strings"
	"testing"

	"github.com/itchyny/gojq"
)

// byMachine is what the machine makes of a program that is not walked, and the steps
// it takes.
func byMachine(t *testing.T, text string, in any, env Env) (v any, steps int, err error) {
	t.Helper()
	p, _, reason := parse(text, NewScope("v", "n"))
	if reason != "" {
		t.Fatalf("%s: %s", text, reason)
	}
	p.formula = nil
	env.Steps = &steps
	v, err = p.run(in, env)
	return v, steps, err
}

// agreesWithMachine evaluates one expression on each input, twice, so that what was
// learned is used.
func agreesWithMachine(t *testing.T, text string, inputs []any) {
	t.Helper()
	e, err := Compile(text, NewScope("v", "n"))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	for range 2 {
		for i, in := range inputs {
			env := Env{Vars: map[string]any{"v": inputs[(i+1)%len(inputs)], "n": i}}
			want, wantSteps, wantErr := byMachine(t, text, in, env)
			steps := 0
			env.Steps = &steps
			got, gotErr := e.program.run(in, env)
			if fmt.Sprint(gotErr) != fmt.Sprint(wantErr) || gotErr == nil && gojq.Compare(got, want) != 0 || fmt.Sprintf("%T", got) != fmt.Sprintf("%T", want) {
				t.Errorf("%s on %v: walked %v, %v; the machine says %v, %v", text, in, got, gotErr, want, wantErr)
			}
			if steps != wantSteps {
				t.Errorf("%s on %v: walked in %d steps, run in %d", text, in, steps, wantSteps)
			}
		}
	}
}

var formulaSamples = append([]any{
	math.MaxInt, math.MinInt, math.MaxInt, 1, math.MinInt, -1, // beyond which integers have no end
	false, 0, -3, 2.5, 1e300, "", "a,b", new(big.Int).Lsh(big.NewInt(1), 70), new(big.Int).Lsh(big.NewInt(1), maxBits+1),
	map[string]any{"a": 1, "b": 2},
	map[string]any{"a": false, "b": "x", "c": []any{1}},
	map[string]any{"a": nil, "b": map[string]any{"c": 2}},
	strings.Repeat("long ", 5000),
	map[string]any{"a": strings.Repeat("z", MaxSize/2+1), "b": strings.Repeat("z", MaxSize/2+1)},
	[]any{1, 2, []any{3}},
	[]any{2},
}, samples...)

func TestFormula_AgreesWithTheMachine(t *testing.T) {
	for _, text := range []string{
		"(.a // 0) + $n", ".a + 1", ".a + .b", ". + .", ". - .", ". * 2", ". / 2", ". % 3", ". * .", "1 + 2", "(1 + 2) * $n", "1 + 2 + .a",
		".a == 1 and $v.b == \"x\"", ".a or .b", ".a and .b or $v", "(.a and .b) // 7", ".a // .b // $v.a // 9", "(.a // .b) == 1 // .b",
		"((.a // .b) == 2) // ((.b // 3) == 3)", ". == $v", ". != $v", ". < $v", ". <= $v", ". > $v", ". >= $v", ". + $v", ". - $v", "null // false", "true and false",
		"{a: .a, b: $v.b}", "{a: 1}", "{a: {b: .a}}", "{}", "({a: .a}).a", "(.a | .b) // 1", ". | . + 1", "$v | .a // .b", ".a.b + .b.c",
		"(.a // null) // .b", "{a: (.a // 1), b: (.b // 2), c: (.a and .b)}", "\"text\" + .b", ". * 1000000", "1.50 + .a", "100000000000000000000 + .a",
		"(.a == null) or (.b != null)", "$n * 2 + 1", "$n % 2 == 0", "null", "false", "\"x\"", "1", "1.0", "$v + $v", ".a - .b", "1 / .a", "1 % .a", ". * 1e9",
	} {
		t.Run(text, func(t *testing.T) {
			p, _, reason := parse(text, NewScope("v", "n"))
			if reason != "" {
				t.Fatal(reason)
			}
			if p.formula == nil {
				t.Fatal("is no formula")
			}
			agreesWithMachine(t, text, formulaSamples)
		})
	}
}

func TestFormula_RangesAgree(t *testing.T) {
	inputs := []any{nil, 4, -3, 2.5, "x", map[string]any{"a": 1, "b": 4}, map[string]any{"a": false, "b": nil}, new(big.Int).Lsh(big.NewInt(-1), 70)}
	for _, text := range []string{
		"[range(3)]", "[range(.)]", "[range(1; $n + 1)]", "[range(0 - .; .)]", "[range(.a; .b)]", "[range(.a // 2; .b // 5)]", "{a: [range($n)], b: .a}",
		"[range($n)] + [range(2; $n)]", "[range($n)] // 1", "(.a and .b) // [range($n)]", "[range(0; 1000)]", "[range(5; 2)]", "[range($n)] == [range(2)]",
		"[range(1 + 1; 2 * 3)]", "[range(.a // .b // 3)] | . + .",
	} {
		agreesWithMachine(t, text, inputs)
	}
	for _, text := range []string{"[range(100000000000000000000)]", "[range(0; 10000000)]", "[range(9007199254740993)]", "[range(0 - 9007199254740993; 0)]"} {
		agreesWithMachine(t, text, inputs[:1])
	}
}

func TestFormula_OthersRun(t *testing.T) {
	for _, text := range []string{
		".[]", ".a?", ".[0]", "[.a]", ".a, .b", "-.a", "not", "length", ".a as $x | $x", "def f: 1; .a + f", "if . then 1 else 2 end", "{(.a): 1}", "{a: 1, a: 2}",
		"{a}", "{$v}", "\"a\\(.b)\" + .c", "reduce .a as $x (0; . + 1)", "try .a catch .b", ".a |= 1", ".a = .b", "1, 2 // 3", ". + (.a, .b)",
		"(.a // 1) + (.b // 1) + (.c // 1) + (.d // 1) + (.e // 1) + (.f // 1) + (.g // 1)",
		"range(3)", "[]", "[range(3), 1]", "[range(0; 3; 1)]", "[range(3)][0]", "[range(3)[0]]", "[range(.[])]", "[limit(2; range(9))]",
	} {
		p, _, reason := parse(text, NewScope("v"))
		if reason != "" {
			t.Fatal(reason)
		}
		if p.formula != nil {
			t.Errorf("%s is walked", text)
		}
	}
}
