package expression

import (
	"encoding/json"
	"fmt"
	"math/big"

	"github.com/itchyny/gojq"
)

// priceNumbers bounds the width of big integers.
func priceNumbers(m *meter, _ any, args []any) error {
	for _, a := range args {
		switch n := a.(type) {
		case *big.Int:
			if n.BitLen() > maxBits {
				return limitError(fmt.Sprintf("integer wider than %d bits", maxBits))
			}
			if err := m.charge(n.BitLen() / 64); err != nil {
				return err
			}
		case json.Number:
			if err := m.charge(len(n)); err != nil {
				return err
			}
		}
	}
	return nil
}

func priceAdd(m *meter, x any, args []any) error {
	switch l := args[0].(type) {
	case string:
		if r, ok := args[1].(string); ok {
			if err := fits(len(l) + len(r)); err != nil {
				return err
			}
			return m.charge(flat(l) + flat(r))
		}
	case []any, map[string]any:
		if args[1] != nil {
			return m.charge(flat(l) + flat(args[1]))
		}
	case int, float64:
		if _, ok := args[1].(int); ok {
			return nil
		}
	}
	return priceNumbers(m, x, args)
}

func priceMultiply(m *meter, x any, args []any) error {
	l, r := args[0], args[1]
	if s, ok := r.(string); ok {
		l, r = s, l
	}
	switch l := l.(type) {
	case string:
		n, ok := gojq.ToFloat64(r)
		if !ok || !(n > 0) || len(l) == 0 {
			return nil
		}
		if n*float64(len(l)) > MaxSize {
			return fits(MaxSize + 1)
		}
		return m.charge(1 + int(n)*len(l)/64)
	case map[string]any:
		if err := m.deep(l, 0); err != nil {
			return err
		}
		return m.deep(r, 0)
	}
	return priceNumbers(m, x, args)
}

func priceDivide(m *meter, x any, args []any) error {
	if s, ok := args[0].(string); ok {
		return m.charge(len(s) / 4)
	}
	return priceNumbers(m, x, args)
}

func priceSubtract(m *meter, x any, args []any) error {
	l, ok := args[0].([]any)
	if !ok {
		return priceNumbers(m, x, args)
	}
	return product(m, l, args[1])
}

func priceCompare(m *meter, x any, args []any) error {
	for i, a := range args {
		switch a.(type) {
		case []any, map[string]any:
			// A comparison ends at the first difference, so only two containers cost.
			switch args[1-i].(type) {
			case []any, map[string]any:
				if err := m.deep(a, 0); err != nil {
					return err
				}
			}
		}
	}
	return priceNumbers(m, x, args)
}

// priceBessel bounds an order that gojq's jn and yn count up to.
func priceBessel(m *meter, _ any, args []any) error {
	n, _ := gojq.ToInt(args[0])
	if n < 0 {
		n = -n
	}
	return m.charge(n / 4)
}
