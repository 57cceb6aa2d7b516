package definition

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// checkPlaintext warns about secrets that are written out. Whoever may read a
// definition, its executions or its history reads them too. What was found is
// never quoted.
func (c *checker) checkPlaintext(root cursor) {
	seen := map[Position]bool{} // an alias repeats its anchor
	eachScalar(root, "", func(name string, leaf cursor) {
		at, what := leaf.at, ""
		if form, offset := secretForm(leaf.str()); form != "" {
			what = form
			at = c.source.locate(leaf.node, offset)
		} else if namesSecret(name) && isLiteral(leaf) {
			what = "a value"
			if name != "" {
				what = "the value of " + strings.TrimSpace(preview(name))
			}
		}
		if what == "" || seen[at] {
			return
		}
		seen[at] = true
		leaf.at = at
		c.warn(leaf, "secret.plain", "declare it in use.secrets and write ${ $secrets.NAME }: whoever may read the workflow or its history reads this",
			"a secret in plain text: %s", what)
	})
}

// eachScalar calls visit for every text and number below cur, with the name of
// the property that holds it, or that holds its list.
func eachScalar(cur cursor, name string, visit func(name string, leaf cursor)) {
	if cur.is(stringNode) || cur.is(numberNode) {
		visit(name, cur)
	}
	for i := range cur.members() {
		m := &cur.node.members[i]
		eachScalar(cur.member(m), m.key, visit)
	}
	if cur.is(arrayNode) {
		for _, item := range cur.items() {
			eachScalar(item, name, visit)
		}
	}
}

// secretForms are texts that are secrets wherever they stand: what issues them
// has given them a form by which they are found.
var secretForms = []struct {
	name string
	form *regexp.Regexp
}{
	{"a private key", regexp.MustCompile(`-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----`)},
	{"an AWS access key", regexp.MustCompile(`\b(?:AKIA|ASIA)[0-9A-Z]{16}\b`)},
	{"a GitHub token", regexp.MustCompile(`\b(?:gh[pousr]_[0-9A-Za-z]{36}|github_pat_[0-9A-Za-z_]{22})`)},
	{"a GitLab token", regexp.MustCompile(`\bglpat-[0-9A-Za-z_-]{20}`)},
	{"a Slack token", regexp.MustCompile(`\bxox[abeprs]-[0-9A-Za-z-]{10}`)},
	{"a Stripe key", regexp.MustCompile(`\b[rs]k_live_[0-9A-Za-z]{16}`)},
	{"a Google API key", regexp.MustCompile(`\bAIza[0-9A-Za-z_-]{35}`)},
	{"a JSON Web Token", regexp.MustCompile(`\beyJ[0-9A-Za-z_-]{10,}\.eyJ[0-9A-Za-z_-]{10,}\.[0-9A-Za-z_-]{10,}`)},
	{"a password in a URL", regexp.MustCompile(`\b[a-z][a-z0-9+.-]*://[^\s/:@'"${}]+:[^\s/:@'"${}]+@`)},
	{"an authorization header", regexp.MustCompile(`(?i)\b(?:bearer|basic) +[0-9a-z._~+/-]{16,}=*`)},
}

// secretForm is what secret a text holds, and where in it; "" is none.
func secretForm(text string) (name string, offset int) {
	for _, s := range secretForms {
		if at := s.form.FindStringIndex(text); at != nil {
			return s.name, at[0]
		}
	}
	return "", 0
}

// secretWords end the names of properties whose values are secrets.
var secretWords = []string{
	"password", "passwd", "pwd", "passphrase", "secret", "token", "authorization",
	"apikey", "api key", "private key", "secret key", "access key",
}

// namesSecret reports whether a property of that name holds a secret.
func namesSecret(name string) bool {
	words := strings.Join(words(name), " ")
	return slices.ContainsFunc(secretWords, func(last string) bool {
		return words == last || strings.HasSuffix(words, " "+last)
	})
}

// words are the parts of a name however they are joined: dbPassword,
// DB_PASSWORD, --db-password.
func words(name string) []string {
	var all []string
	word, lower := "", false
	for _, r := range name {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) || lower && unicode.IsUpper(r) {
			all, word = append(all, word), ""
		}
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			word += string(unicode.ToLower(r))
		}
		lower = unicode.IsLower(r)
	}
	return slices.DeleteFunc(append(all, word), func(w string) bool { return w == "" })
}

// isLiteral reports whether a value is the secret itself: not an expression,
// not a place, not a blank to be filled in.
func isLiteral(leaf cursor) bool {
	if leaf.is(numberNode) {
		return true
	}
	text := strings.TrimSpace(leaf.str())
	return strings.Trim(text, "*x-") != "" && !strings.Contains(text, "${") &&
		!strings.HasPrefix(text, "/") && !strings.HasPrefix(text, "<") && !strings.HasPrefix(text, "$") &&
		!strings.Contains(text, "://")
}
