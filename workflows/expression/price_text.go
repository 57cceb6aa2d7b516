package expression

import (
	"fmt"
	"regexp"
)

func priceString(m *meter, x any, _ []any) error {
	if s, ok := x.(string); ok {
		return m.charge(flat(s))
	}
	return nil
}

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

func priceFormat(m *meter, _ any, args []any) error { return m.charge(8 * len(textOf(args[0]))) }

var zoneDirective = regexp.MustCompile(`(^|[^%])(%%)*%[-_^#0-9:EO]*Z`)

// priceZone refuses %Z: which zone an abbreviation names depends on the host.
func priceZone(m *meter, x any, args []any) error {
	if zoneDirective.MatchString(textOf(args[0])) {
		return limitError("strptime with %Z " + refusedZone)
	}
	return priceFlat(m, x, args)
}
