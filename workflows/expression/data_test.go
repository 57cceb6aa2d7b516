package expression_test

import (
	"encoding/json"
	"math"
	"math/big"
	"strings"
	"testing"
	"time"

	"lazaret.dev/lazaret/workflows/expression"
)

func TestDecode(t *testing.T) {
	for text, want := range map[string]string{
		`{"b":[1,2.50,1e400,9007199254740993],"a":null}`: `{"a":null,"b":[1,2.50,1e400,9007199254740993]}`,
		` "x" `: `"x"`, `[]`: `[]`, `{}`: `{}`, `-0`: `-0`, `"\ud800"`: `"�"`,
		strings.Repeat("[", 512) + strings.Repeat("]", 512): strings.Repeat("[", 512) + strings.Repeat("]", 512),
	} {
		v, err := expression.Decode([]byte(text))
		if err != nil {
			t.Errorf("%.40s: %v", text, err)
			continue
		}
		if got := show(t, v); got != want {
			t.Errorf("%.40s: got %s", text, got)
		}
	}
	for text, want := range map[string]string{
		`{"a":1,"a":2}`:                `key "a" twice in one object`,
		`1 2`:                          "text behind the value",
		`{} x`:                         "text behind the value",
		``:                             "ends too early",
		`{"a":`:                        "ends too early",
		`[1,]`:                         "invalid character",
		`{"a" 1}`:                      "invalid character",
		`]`:                            "invalid character",
		`hunter2`:                      "invalid character",
		`nul`:                          "ends too early",
		strings.Repeat("[", 513):       "nested deeper than 512",
		strings.Repeat(`{"a":`, 1<<20): "nested deeper than 512",
		strings.Repeat("9", 5000):      "number longer than 4096 digits",
	} {
		v, err := expression.Decode([]byte(text))
		if err == nil {
			t.Errorf("%.40s: got %v, want error %q", text, v, want)
		} else if !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter") {
			t.Errorf("%.40s: error %q, want %q", text, err, want)
		}
	}
}

func TestEncode(t *testing.T) {
	huge, _ := new(big.Int).SetString("123456789012345678901234567890", 10)
	for _, c := range []struct {
		v    any
		want string
	}{
		{math.NaN(), "null"},
		{math.Inf(1), "1.7976931348623157e+308"},
		{math.Inf(-1), "-1.7976931348623157e+308"},
		{huge, "123456789012345678901234567890"},
		{json.Number("1.0"), "1.0"},
		{map[string]any{"b": 1, "a": "<&>\u2028é"}, "{\"a\":\"<&>\u2028é\",\"b\":1}"},
		{[]any{nil, true, 1.5, 1e21}, "[null,true,1.5,1e+21]"},
		{"\xff", `"\ufffd"`},
	} {
		if got := show(t, c.v); got != c.want {
			t.Errorf("%v: got %s, want %s", c.v, got, c.want)
		}
	}
	cycle := map[string]any{}
	cycle["self"] = cycle
	for _, v := range []any{int64(1), []string{"a"}, struct{}{}, json.Number("x"), json.Number(""), json.Number(" 1"), cycle, (*big.Int)(nil)} {
		if data, err := expression.Encode(v); err == nil {
			t.Errorf("%T: got %s, want an error", v, data)
		}
	}
}

func TestNormalize(t *testing.T) {
	type name string
	number := 7
	for _, c := range []struct {
		v    any
		want string
	}{
		{int64(1), "1"},
		{uint64(math.MaxUint64), "18446744073709551615"},
		{float32(0.5), "0.5"},
		{name("x"), `"x"`},
		{&number, "7"},
		{(*int)(nil), "null"},
		{[]string{"a"}, `["a"]`},
		{[2]int8{1, 2}, "[1,2]"},
		{map[string]string{"b": "c", "a": "b"}, `{"a":"b","b":"c"}`},
		{map[name][]map[string]int{"a": {{"b": 1}}}, `{"a":[{"b":1}]}`},
		{[]any{map[string]any{"a": []int{1}}}, `[{"a":[1]}]`},
		{json.Number("9007199254740993"), "9007199254740993"},
	} {
		if got := show(t, normal(t, c.v)); got != c.want {
			t.Errorf("%T: got %s, want %s", c.v, got, c.want)
		}
	}
	cycle := []any{nil}
	cycle[0] = cycle
	for _, v := range []any{
		time.Time{},
		struct{ A int }{1},
		[]byte("x"),
		map[int]string{1: "a"},
		func() {}, make(chan int), complex(1, 1),
		json.Number("0x1"), json.Number("NaN"), cycle,
		[]any{map[string]any{"a": time.Second, "b": time.Time{}}},
	} {
		if got, err := expression.Normalize(v); err == nil {
			t.Errorf("%T: got %v, want an error", v, got)
		}
	}
}

func TestEqual(t *testing.T) {
	huge, _ := new(big.Int).SetString("9007199254740993", 10)
	for _, c := range []struct {
		a, b any
		want bool
	}{
		{1, 1.0, true},
		{1, json.Number("1.0"), true},
		{json.Number("1e2"), 100, true},
		{huge, json.Number("9007199254740993"), true},
		{huge, 9007199254740992.0, false},
		{0.1, json.Number("0.1"), true},
		{0.0, math.Copysign(0, -1), true},
		{math.NaN(), math.NaN(), false},
		{math.Inf(1), json.Number("1e999"), true},
		{1, "1", false},
		{nil, nil, true},
		{nil, false, false},
		{nil, 0, false},
		{true, true, true},
		{[]any{1, "a"}, []any{1.0, "a"}, true},
		{[]any{1}, []any{1, 2}, false},
		{[]any{}, nil, false},
		{map[string]any{"a": 1}, map[string]any{"a": 1.0}, true},
		{map[string]any{"a": nil}, map[string]any{"b": nil}, false},
		{map[string]any{}, []any{}, false},
		{int64(1), int64(1), false},
	} {
		if got := expression.Equal(c.a, c.b); got != c.want {
			t.Errorf("Equal(%v, %v) is %v", c.a, c.b, got)
		}
		if got := expression.Equal(c.b, c.a); got != c.want {
			t.Errorf("Equal(%v, %v) is %v", c.b, c.a, got)
		}
	}
}

func TestTruthy(t *testing.T) {
	for _, v := range []any{nil, false} {
		if expression.Truthy(v) {
			t.Errorf("%v is true", v)
		}
	}
	for _, v := range []any{true, 0, "", []any{}, map[string]any{}, math.NaN()} {
		if !expression.Truthy(v) {
			t.Errorf("%v is false", v)
		}
	}
}
