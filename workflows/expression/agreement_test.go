package expression

import (
	"testing"

	"github.com/itchyny/gojq"
)

// plain is what gojq itself makes of text, without guards and rewriting.
func plainly(tb testing.TB, text string, in any, vars map[string]any) (any, error) {
	tb.Helper()
	query, err := gojq.Parse(text)
	if err != nil {
		tb.Fatal(err)
	}
	var names []string
	var values []any
	for name, value := range vars {
		names, values = append(names, "$"+name), append(values, value)
	}
	code, err := gojq.Compile(query, gojq.WithVariables(names))
	if err != nil {
		tb.Fatal(err)
	}
	v, _ := code.Run(in, values...).Next()
	if err, ok := v.(error); ok {
		return nil, err
	}
	return v, nil
}

func agree(t *testing.T, text string, in any, vars map[string]any) *Expression {
	t.Helper()
	var scope Scope
	for name := range vars {
		scope = scope.With(name)
	}
	e, err := Compile(text, scope)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	got, gotErr := e.Evaluate(in, Env{Vars: vars})
	want, wantErr := plainly(t, text, in, vars)
	if (gotErr == nil) != (wantErr == nil) || gotErr == nil && gojq.Compare(got, want) != 0 {
		t.Errorf("%s on %v: got %v, %v; gojq says %v, %v", text, in, got, gotErr, want, wantErr)
	}
	return e
}

var samples = []any{
	nil, true, 1, "text",
	[]any{},
	[]any{3, 1, 2},
	map[string]any{},
	map[string]any{"a": map[string]any{"b": []any{1, "x", nil}}, "c": "d", "items": []any{
		map[string]any{"n": 2, "on": true}, map[string]any{"n": 1, "on": false},
	}},
}

func TestPath_AgreesWithGojq(t *testing.T) {
	for _, text := range []string{".", ".a", ".a.b", `."a"."b"`, ".c.x", "$v", "$v.a", "$v.a.b", " . ", "$v.c.d"} {
		for _, in := range samples {
			if e := agree(t, text, in, map[string]any{"v": in}); e.path == nil {
				t.Errorf("%s is not read as a path", text)
			}
		}
	}
	for _, text := range []string{".a?", `.["a"]`, ".[0]", ".a[]?", "-1", "{}", ".a | .b", `."a\(1)"`, "def f: 1; .a", "..", "[$v, $w]"} {
		e, err := Compile(text, NewScope("v", "w"))
		if err != nil {
			t.Fatal(err)
		}
		if e.path != nil {
			t.Errorf("%s is read as a path", text)
		}
	}
}

func TestRewriting_AgreesWithGojq(t *testing.T) {
	for _, text := range []string{
		".[]", ".[]?", "[.[]?]", "[..]", "[paths]", "[paths(type == \"string\")]", "[path(..)]", "[path(.[]?)]", "[path(.a[]?)]",
		"[recurse | scalars]", "[any, all]", "[any(. != null), all(. != null)]", "[any(.[]?; . == 1)]", "[tostream]", "[leaf_paths?]",
		"[.items[].n]?", "[.items[]? | select(.on) | .n]", "(.items[]?.n) |= 5", ".items[]? += {z: 1}", "del(.items[]? | select(.on))",
		"del(.[]?)", "del(..?)", "to_entries?", "with_entries(.value |= tostring)?", "map_values(tojson)?", "map(tojson)?", "walk(.)",
		"[limit(2; .[]?)]", "[first(.[]?)]", "reduce .[]? as $x (0; . + 1)", "[foreach .[]? as $x (0; . + 1)]", "[.[]?[]?]", "[.[]? | [.[]?]]",
		".items[]?.n as $n | $n", "[.a[]?[]?]", "\"\\([.[]?] | length)\"", "{a: [.[]?]}", "{(\"k\"): .[]?}", "if any then 1 else 2 end?",
		"try (.[] | error) catch 7", "[.[]?, .[]?] | length", "[splits(\", \")?]", "input_line_number? // 1", "sort?", "group_by(.)?", "unique?",
		"[combinations?]", "[[1, 2], [3, 4]] | [combinations]", "[1, 2] | [combinations(2)]", "[1,[2,[3]]] | [getpath([1,1,0], [0])]",
		"def any: 9; any", "def f(g): [g[]?]; f(.)", "label $l | .[]? | break $l", "[.[]? as [$a] ?// $a | $a]", "-(.a.b[]?)?", "[.[1:][]?]?", ".. |= .",
		"to_entries? | map(.key)", "tojson", "[.[]? | numbers] | add", "@json", "@text", "[.[]? | strings | ascii_upcase, explode, ltrimstr(\"d\")]",
		"[.[]? | strings | test(\"d\"), [match(\"d\"; \"g\").offset], sub(\"d\"; \"e\")]", "contains({c: \"d\"})?", "inside({c: \"d\"})?", "indices(1)?", "index(1)?",
		"flatten?", "transpose?", "min?", "max?", "min_by(.)?", "add?", "join(\",\")?", "reverse?", "tojson | fromjson", ". == .", ". < {}", ". - [1]?", ". + .?", ". * .?",
		"setpath([\"a\"]; 1)?", "delpaths([[\"a\", \"b\"], [\"c\"]])?", "getpath([\"a\", \"b\"])?", "pick(.a)?", "[.[-1:][]?]?", ".[1:] = [9]?", "has(\"a\")?", "[.[]? | type]",
		"now | type", "0 | gmtime | mktime", "0 | strftime(\"%Y\")", "\"2020\" | strptime(\"%Y\") | mktime", "[jn(2; 1), yn(2; 1)]", "ascii?", "tojson | @base64 | @base64d", "$v | length?",
		"[limit(3; repeat(1))]", "[range(0; 10; 3)]", "isvalid(1)?", "bsearch(1)?", "env? // 1", "10 / 4 % 3", "\"a,b\" / \",\"", "splits(\"a\")?", "getpath([\"a\", 0])?",
	} {
		if _, _, reason := parse(text, NewScope("v")); reason != "" {
			continue // a name this gojq does not have, or one that is refused
		}
		for _, in := range samples {
			agree(t, text, in, map[string]any{"v": in})
		}
	}
}

func TestHook_Layout(t *testing.T) {
	query, err := gojq.Parse("1 + length")
	if err != nil {
		t.Fatal(err)
	}
	code, err := gojq.Compile(query)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	if err := operands(code, func(operand *any) {
		if _, name, ok := asCall(*operand); ok {
			seen[name] = true
		}
	}); err != nil {
		t.Fatal(err)
	}
	if !seen["_add"] || !seen["length"] {
		t.Errorf("calls seen: %v, want _add and length", seen)
	}
	for name := range prices {
		if free[name] {
			t.Errorf("%s is both free and priced", name)
		}
	}
}

// TestBudget_Deterministic takes the same program twice, on maps whose order
// differs each time, and wants the same number of steps.
func TestBudget_Deterministic(t *testing.T) {
	in := map[string]any{}
	for _, key := range []string{"a", "b", "c", "d", "e", "f", "g"} {
		in[key] = map[string]any{key: []any{key, 1, nil}}
	}
	for _, text := range []string{`[..] | length`, `tojson | length`, `[.[]] | sort | group_by(.) | map(.[0])`, `del(.a) | . == .`, `to_entries | map(.key) | join(",")`} {
		p, _, reason := parse(text, Scope{})
		if reason != "" {
			t.Fatal(reason)
		}
		steps := map[int]bool{}
		for range 20 {
			m, _, err := p.newMachine()
			if err != nil {
				t.Fatal(err)
			}
			m.meter.left = StepBudget
			if _, err := m.first(in, nil); err != nil {
				t.Fatal(err)
			}
			steps[StepBudget-m.meter.left] = true
		}
		if len(steps) != 1 {
			t.Errorf("%s took %v steps", text, steps)
		}
	}
}
