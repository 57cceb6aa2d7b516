package activities

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// keywords are Python's reserved words. Soft keywords (match, case, type, _) are
// names like any other.
var keywords = []string{
	"False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue", "def", "del",
	"elif", "else", "except", "finally", "for", "from", "global", "if", "import", "in", "is", "lambda", "nonlocal",
	"not", "or", "pass", "raise", "return", "try", "while", "with", "yield",
}

// isDunder tells __names__ of this form, which the interpreter keeps to itself,
// from a mere row of underscores.
func isDunder(name string) bool {
	return strings.HasPrefix(name, "__") && strings.HasSuffix(name, "__") && strings.Trim(name, "_") != ""
}

// isIdentifier is Python's str.isidentifier: Unicode's XID_Start and
// XID_Continue, with the underscore.
func isIdentifier(name string) bool {
	if name == "" {
		return false
	}
	for i, r := range name {
		if i == 0 && r != '_' && !xidStart(r) || i > 0 && !xidContinue(r) {
			return false
		}
	}
	return true
}

func idStart(r rune) bool {
	return unicode.In(r, unicode.L, unicode.Nl, unicode.Other_ID_Start) && !unicode.In(r, unicode.Pattern_Syntax, unicode.Pattern_White_Space)
}

func idContinue(r rune) bool {
	return idStart(r) || r == '_' ||
		unicode.In(r, unicode.Mn, unicode.Mc, unicode.Nd, unicode.Pc, unicode.Other_ID_Continue) &&
			!unicode.In(r, unicode.Pattern_Syntax, unicode.Pattern_White_Space)
}

// The X of XID: what a rune becomes under NFKC must be as good as the rune.

func xidStart(r rune) bool {
	normal := []rune(norm.NFKC.String(string(r)))
	return idStart(r) && idStart(normal[0]) && !slices.ContainsFunc(normal[1:], notContinue)
}

func xidContinue(r rune) bool {
	return idContinue(r) && !slices.ContainsFunc([]rune(norm.NFKC.String(string(r))), notContinue)
}

func notContinue(r rune) bool { return !idContinue(r) }
