package definition

import (
	"regexp"
	"strings"
)

// otherLanguages are signs that other languages have, with what jq writes: what an
// expression holds where it does not compile, and the token that jq refuses there.
var otherLanguages = []struct{ sign, token, hint string }{
	{"&&", "&", `jq writes "and"`},
	{"||", "|", `jq writes "or"; .x // 1 is 1 where .x is missing, null or false`},
	{"===", "=", `jq writes ==`},
	{"!", "!", `jq writes (.x | not)`},
	{"'", "'", `jq's texts stand in double quotes: "x"`},
	{"$.", "$", `the data is ".": write .x, and not $.x`},
	{"$[", "$", `the data is ".": write .[0], and not $[0]`},
}

// ternary is a choice as other languages write it.
var ternary = regexp.MustCompile(`\?[^?:]+:`)

// expressionHint is the remedy for an expression that does not compile, where it is one
// that another language would have. rest is its text from the error on.
func expressionHint(text, rest, reason string) string {
	if strings.HasPrefix(strings.TrimSpace(text), "${{") && strings.HasSuffix(strings.TrimSpace(text), "}}") {
		return "an expression has one brace: ${ .x }"
	}
	for _, other := range otherLanguages {
		if reason != `unexpected token "`+other.token+`"` {
			continue
		}
		// Of several signs the last may be the one that is refused.
		if strings.HasPrefix(rest, other.sign) || len(other.sign) > 1 && strings.Contains(text, other.sign) {
			return other.hint
		}
	}
	if strings.HasPrefix(reason, "unexpected token") && ternary.MatchString(text) {
		return "jq writes if .x then 1 else 2 end"
	}
	return ""
}
