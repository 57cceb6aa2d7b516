package expression

import (
	"encoding/json"
	"math"
	"math/big"
	"strings"
)

// Equal is deep equality of two values of the data model. Numbers are compared
// by value, whatever Go type holds them: 1, 1.0 and json.Number("1e0") are
// equal. Unlike jq's ==, it does not round a large integer to compare it with a
// float. NaN equals nothing.
func Equal(a, b any) bool {
	switch x := a.(type) {
	case nil:
		return b == nil
	case bool, string:
		return a == b
	case []any:
		y, ok := b.([]any)
		if !ok || len(x) != len(y) {
			return false
		}
		for i := range x {
			if !Equal(x[i], y[i]) {
				return false
			}
		}
		return true
	case map[string]any:
		y, ok := b.(map[string]any)
		if !ok || len(x) != len(y) {
			return false
		}
		//workflowcheck:ignore any member decides
		for key, item := range x {
			if other, ok := y[key]; !ok || !Equal(item, other) {
				return false
			}
		}
		return true
	}
	return equalNumbers(number(a), number(b))
}

// number brings a number to *big.Int or float64, as jq would read it, and
// anything else to nil. A float that is whole becomes an integer.
func number(v any) any {
	switch n := v.(type) {
	case int:
		return big.NewInt(int64(n))
	case *big.Int:
		return n
	case float64:
		return whole(n)
	case json.Number:
		if len(n) > MaxDigits {
			return nil
		}
		if !strings.ContainsAny(string(n), ".eE") {
			if i, ok := new(big.Int).SetString(string(n), 10); ok {
				return i
			}
		}
		f, err := n.Float64()
		if err != nil && !math.IsInf(f, 0) {
			return nil
		}
		return whole(f)
	}
	return nil
}

func whole(f float64) any {
	if f != math.Trunc(f) || math.IsInf(f, 0) {
		return f
	}
	i, _ := big.NewFloat(f).Int(nil)
	return i
}

func equalNumbers(a, b any) bool {
	switch x := a.(type) {
	case *big.Int:
		y, ok := b.(*big.Int)
		return ok && x.Cmp(y) == 0
	case float64:
		y, ok := b.(float64)
		return ok && x == y
	}
	return false
}
