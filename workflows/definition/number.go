package definition

import (
	"fmt"
	"math/big"
	"regexp"
	"strconv"
	"strings"
)

// The forms of a number in the core schema of YAML 1.2.
var (
	decimalForm = regexp.MustCompile(`^[-+]?[0-9]+$`)
	radixForm   = regexp.MustCompile(`^0(?:o[0-7]+|x[0-9a-fA-F]+)$`)
	floatForm   = regexp.MustCompile(`^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$`)
	nonFinite   = regexp.MustCompile(`^(?:[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$`)
)

// The bounds of a number: arithmetic on it stays cheap, and a float64 can hold
// its magnitude.
const (
	maxDigits   = 400
	maxExponent = 308
)

// coreNumber rewrites a YAML number as JSON writes it, without losing a digit.
// It is an error where the number is beyond the bounds.
func coreNumber(s string) (string, bool, error) {
	switch {
	case decimalForm.MatchString(s), floatForm.MatchString(s):
		number, err := canonical(s)
		return number, true, err
	case radixForm.MatchString(s):
		number, err := fromRadix(s)
		return number, true, err
	default:
		return "", false, nil
	}
}

func fromRadix(s string) (string, error) {
	if len(s) > maxDigits {
		return "", fmt.Errorf("a number of more than %d digits", maxDigits)
	}
	base := map[byte]int{'o': 8, 'x': 16}[s[1]]
	n, _ := new(big.Int).SetString(s[2:], base)
	return n.String(), nil
}

// canonical drops what JSON does not know: a plus sign, leading zeros, a bare point.
func canonical(s string) (string, error) {
	sign := ""
	switch s[0] {
	case '-':
		sign, s = "-", s[1:]
	case '+':
		s = s[1:]
	}
	mantissa, exponent := s, ""
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		mantissa, exponent = s[:i], s[i+1:]
	}
	if len(mantissa) > maxDigits {
		return "", fmt.Errorf("a number of more than %d digits", maxDigits)
	}
	whole, fraction, hasPoint := strings.Cut(mantissa, ".")
	whole = strings.TrimLeft(whole, "0")
	if whole == "" {
		whole = "0"
	}
	if hasPoint {
		if fraction == "" {
			fraction = "0"
		}
		whole += "." + fraction
	}
	if exponent == "" {
		return sign + whole, nil
	}
	n, err := strconv.Atoi(exponent)
	if err != nil || n > maxExponent || n < -maxExponent {
		return "", fmt.Errorf("a number whose exponent is beyond ±%d", maxExponent)
	}
	return sign + whole + "e" + strconv.Itoa(n), nil
}
