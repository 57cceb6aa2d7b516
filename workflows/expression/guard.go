package expression

import (
	"encoding/json"
	"fmt"
	"math/big"
	"math/bits"
	"regexp"

	"github.com/itchyny/gojq"
)

// price charges the meter for a call before it is made, or refuses the call.
type price func(m *meter, x any, args []any) error

// free are natives whose work does not grow with their data.
var free = map[string]bool{
	"type": true, "has": true, "error": true, "_alternative": true, "_allocator": true, "_break": true, "_range": true,
}

// prices are the natives that do more in one instruction than look at their
// operands once. Whatever is in neither table pays for its operands flat.
var prices = map[string]price{
	"_add": priceAdd, "_multiply": priceMultiply, "_divide": priceDivide, "_subtract": priceSubtract, "_modulo": priceNumbers,
	"_equal": priceCompare, "_notequal": priceCompare,
	"_greater": priceCompare, "_less": priceCompare, "_greatereq": priceCompare, "_lesseq": priceCompare,

	"_index": priceIndex, "_slice": priceIndex, "length": priceString,
	"getpath": priceArgs, "setpath": priceSetpath, "_setpath": priceUpdate,
	"delpaths": priceDelete, "_delpaths": priceDelete,

	"tojson": priceText, "tostring": priceText, "format": priceText, "_tohtml": priceText, "_touri": priceText,
	"_tourid": priceText, "_tocsv": priceText, "_totsv": priceText, "_tosh": priceText, "_tobase64": priceText, "_tobase64d": priceText,

	"add": priceSum, "join": priceJoin, "split": priceSplit, "explode": priceSplit, "fromjson": priceParse, "tonumber": priceParse,
	"contains": priceProduct, "inside": priceProduct, "indices": priceSearch, "index": priceSearch, "rindex": priceSearch,

	"sort": priceSort, "_sort_by": priceSort, "_group_by": priceSort, "unique": priceSort, "_unique_by": priceSort,
	"min": priceSort, "max": priceSort, "_min_by": priceSort, "_max_by": priceSort, "bsearch": priceSort,
	"flatten": priceDeep, "transpose": priceTranspose,

	eachName: priceEach,
	"_match": priceMatch, "strftime": priceFormat, "strptime": priceZone, "jn": priceBessel, "yn": priceBessel,
}

// guard returns f as the machine calls it: paid for, and with the clock of m.
func guard(m *meter, name string, f native) native {
	if name == "now" {
		return func(any, []any) any { return m.now }
	}
	if free[name] {
		return f
	}
	cost := prices[name]
	if cost == nil {
		cost = priceFlat
	}
	isolate := name == "delpaths" || name == "_delpaths"
	return func(x any, args []any) any {
		if err := cost(m, x, args); err != nil {
			return err
		}
		// Deleting writes through the whole tree, even where nothing changes, and
		// so into values that other executions read at the same time.
		if paths, ok := args0(args).([]any); isolate && ok && len(paths) > 0 {
			x = clone(x)
		}
		return f(x, args)
	}
}

func args0(args []any) any {
	if len(args) == 0 {
		return nil
	}
	return args[0]
}

func priceFlat(m *meter, x any, args []any) error {
	cost := flat(x)
	for _, a := range args {
		cost += flat(a)
	}
	return m.charge(cost)
}

func priceArgs(m *meter, _ any, args []any) error { return m.charge(flat(args[0])) }

func priceString(m *meter, x any, _ []any) error {
	if s, ok := x.(string); ok {
		return m.charge(flat(s))
	}
	return nil
}

// priceEach is for .[], which copies the container and sorts an object's keys.
func priceEach(m *meter, x any, _ []any) error {
	if object, ok := x.(map[string]any); ok {
		return m.charge(6 * len(object))
	}
	return m.charge(2 * flat(x))
}

func priceDeep(m *meter, x any, _ []any) error { return m.deep(x, 0) }

// priceText is for what turns a whole value into text.
func priceText(m *meter, x any, _ []any) error {
	if err := m.deep(x, 0); err != nil {
		return err
	}
	return fits(len(textOf(x)))
}

func textOf(x any) string {
	s, _ := x.(string)
	return s
}

// fits refuses a string that would be longer than MaxSize.
func fits(n int) error {
	if n > MaxSize {
		return limitError(fmt.Sprintf("string longer than %d bytes", MaxSize))
	}
	return nil
}

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

func priceSum(m *meter, x any, _ []any) error {
	text, err := sum(m, x)
	if err != nil {
		return err
	}
	return fits(text)
}

// sum charges for the items of x put together and returns their text's length.
func sum(m *meter, x any) (text int, err error) {
	add := func(item any) error {
		s := textOf(item)
		text += len(s)
		return m.charge(1 + flat(item))
	}
	switch x := x.(type) {
	case []any:
		for _, item := range x {
			if err := add(item); err != nil {
				return 0, err
			}
		}
	case map[string]any:
		for _, item := range x {
			if err := add(item); err != nil {
				return 0, err
			}
		}
	}
	return text, nil
}

func priceJoin(m *meter, x any, args []any) error {
	text, err := sum(m, x)
	if err != nil {
		return err
	}
	separator, n := len(textOf(args[0])), size(x)
	if err := m.times(n, separator/64); err != nil {
		return err
	}
	return fits(text + n*separator)
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

func priceSplit(m *meter, x any, _ []any) error { return m.charge(len(textOf(x)) / 3) }

// priceParse refuses numbers that would take quadratic time to read.
func priceParse(m *meter, x any, _ []any) error {
	s, ok := x.(string)
	if !ok {
		return nil
	}
	digits := 0
	for i := range len(s) {
		if digits++; s[i] < '0' || s[i] > '9' {
			digits = 0
		}
		if digits > MaxDigits {
			return limitError(fmt.Sprintf("number longer than %d digits", MaxDigits))
		}
	}
	return m.charge(len(s) / 2)
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

func priceFormat(m *meter, _ any, args []any) error { return m.charge(8 * len(textOf(args[0]))) }

var zoneDirective = regexp.MustCompile(`(^|[^%])(%%)*%[-_^#0-9:EO]*Z`)

// priceZone refuses %Z: which zone an abbreviation names depends on the host.
func priceZone(m *meter, x any, args []any) error {
	if zoneDirective.MatchString(textOf(args[0])) {
		return limitError("strptime with %Z " + refusedZone)
	}
	return priceFlat(m, x, args)
}

// priceBessel bounds an order that gojq's jn and yn count up to.
func priceBessel(m *meter, _ any, args []any) error {
	n, _ := gojq.ToInt(args[0])
	if n < 0 {
		n = -n
	}
	return m.charge(n / 4)
}
