package expression

import (
	"regexp"
	"regexp/syntax"
	"strings"
)

// maxWeights bounds how many patterns a machine remembers the weight of.
const maxWeights = 64

// priceMatch charges for a regular expression: the text times the pattern's
// instructions; and when all matches are wanted, the text once more for each
// match, because gojq counts the characters before every one of them.
func priceMatch(m *meter, x any, args []any) error {
	s, pattern, flags := textOf(x), textOf(args[0]), textOf(args[1])
	weight := m.weight(pattern)
	if err := m.times(1+len(s)/8, weight); err != nil {
		return err
	}
	if args[2] == true || !strings.Contains(flags, "g") {
		return nil
	}
	matches := len(s)
	if len(s) > 2048 {
		re, err := regexp.Compile(pattern)
		if err != nil {
			return nil //nolint:nilerr // gojq says what is wrong with it
		}
		matches = len(re.FindAllStringIndex(s, -1)) * (1 + re.NumSubexp())
	}
	return m.times(matches, (1+len(s)/64)*(1+weight/4))
}

// weight is the number of instructions that a pattern compiles to; an invalid
// one weighs its length.
func (m *meter) weight(pattern string) int {
	if w, ok := m.weights[pattern]; ok {
		return w
	}
	w := 1 + len(pattern)
	if tree, err := syntax.Parse(pattern, syntax.Perl); err == nil {
		if program, err := syntax.Compile(tree.Simplify()); err == nil {
			w = len(program.Inst)
		}
	}
	if m.weights == nil || len(m.weights) == maxWeights {
		m.weights = map[string]int{}
	}
	m.weights[pattern] = w
	return w
}
