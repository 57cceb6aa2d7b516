package expression

import (
	"fmt"
	"math/bits"

	"github.com/itchyny/gojq"
)

// priceEach is for .[], which copies the container and sorts an object's keys.
func priceEach(m *meter, x any, _ []any) error {
	if object, ok := x.(map[string]any); ok {
		return m.charge(6 * len(object))
	}
	return m.charge(2 * flat(x))
}

func priceDeep(m *meter, x any, _ []any) error { return m.deep(x, 0) }

// product charges for comparing everything in a with everything in b.
func product(m *meter, a, b any) error {
	before := m.left
	if err := m.deep(a, 0); err != nil {
		return err
	}
	between := m.left
	if err := m.deep(b, 0); err != nil {
		return err
	}
	return m.times(before-between, (between-m.left)/2)
}

func priceProduct(m *meter, x any, args []any) error {
	if s, ok := x.(string); ok {
		return m.charge(flat(s) + flat(args[0]))
	}
	return product(m, x, args[0])
}

func priceIndex(m *meter, _ any, args []any) error {
	switch v := args[0].(type) {
	case string:
		return m.charge(flat(v))
	case []any:
		if search, ok := args[1].([]any); ok {
			return product(m, v, search)
		}
	}
	return nil
}

func priceSearch(m *meter, x any, args []any) error {
	s, ok := x.(string)
	if !ok {
		return product(m, x, args[0])
	}
	if err := m.charge(len(s) / 2); err != nil {
		return err
	}
	return m.times(len(s)/8+1, len(textOf(args[0])))
}

// priceSetpath is for setpath itself, which copies every container on its path.
func priceSetpath(m *meter, x any, args []any) error { return along(m, x, args[0], 1) }

// priceUpdate is for the step of = and |=, which updates in place where it can.
func priceUpdate(m *meter, x any, args []any) error { return along(m, x, args[0], 256) }

// along follows a path and charges for copying each container (shared among
// share updates) and for the nulls that an index beyond the end makes.
func along(m *meter, x, path any, share int) error {
	keys, _ := path.([]any)
	if len(keys) > maxWalk { // gojq recurses once a key
		return limitError(fmt.Sprintf("path longer than %d", maxWalk))
	}
	for _, key := range keys {
		if err := m.charge(1 + flat(x)/share); err != nil {
			return err
		}
		switch k := key.(type) {
		case string:
			object, _ := x.(map[string]any)
			x = object[k]
		case map[string]any:
			// A slice: what it holds is copied with it.
		default:
			i, _ := gojq.ToInt(key)
			array, _ := x.([]any)
			if x = nil; i >= len(array) {
				if err := m.charge((i - len(array)) / 4); err != nil {
					return err
				}
			} else if i >= -len(array) {
				x = array[(i+len(array))%len(array)]
			}
		}
	}
	return nil
}

func priceDelete(m *meter, x any, args []any) error {
	paths, ok := args[0].([]any)
	if !ok || len(paths) == 0 {
		return nil
	}
	before := m.left
	if err := m.deep(x, 0); err != nil {
		return err
	}
	if err := m.charge(before - m.left); err != nil { // the copy
		return err
	}
	return m.deep(paths, 0)
}

func size(x any) int {
	switch x := x.(type) {
	case []any:
		return len(x)
	case map[string]any:
		return len(x)
	}
	return 0
}

// priceSort is for what orders the items of x, by the keys in args if there are any.
func priceSort(m *meter, x any, args []any) error {
	before := m.left
	if err := m.deep(x, 0); err != nil {
		return err
	}
	for _, a := range args {
		if err := m.deep(a, 0); err != nil {
			return err
		}
	}
	return m.times((before-m.left)/4, bits.Len(uint(size(x))))
}

func priceTranspose(m *meter, x any, _ []any) error {
	rows, _ := x.([]any)
	widest := 0
	for _, row := range rows {
		widest = max(widest, size(row))
	}
	return m.times(len(rows), widest/4+1)
}
