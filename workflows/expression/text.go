package expression

import (
	"strings"
	"unicode/utf8"
)

// CompileText compiles a text for people or for a shell: run.shell's command, a
// mail's body. An expression in it is
//
//	${ .name }    ${.name}    ${$context.name}
//
// that is, "${" followed by white space, by "." or by "$" and a letter, up to the
// brace that closes it (jq's strings, comments and braces are understood). No
// other "${" is touched, so a shell's own ${HOME}, ${x:-y}, ${#a[@]}, ${!p} and
// ${$} stay as they are. Where a text needs "${ " itself, write ${ "${ " }.
//
// A text that is one expression as a whole, with space around it, yields that
// expression's result with its type. In any other text the results are put in
// place: a string as it is, anything else as JSON. What begins as an expression
// and does not compile is a *SyntaxError, never silently text.
func CompileText(s string, scope Scope) (*Template, error) {
	parts, err := splitText(s, scope)
	if err != nil {
		return nil, err
	}
	if e := only(parts); e != nil {
		return &Template{root: leaf{expression: e}}, nil
	}
	for _, part := range parts {
		if part.expression != nil {
			return &Template{root: text(parts)}, nil
		}
	}
	return &Template{root: constant{s}}, nil
}

// part is a piece of a text: an expression, or else literal.
type part struct {
	literal    string
	expression *Expression
}

func splitText(s string, scope Scope) ([]part, error) {
	var parts []part
	for from := 0; from < len(s); {
		start := nextExpression(s, from)
		if start < 0 {
			return append(parts, part{literal: s[from:]}), nil
		}
		if start > from {
			parts = append(parts, part{literal: s[from:start]})
		}
		inner := scanner{src: s, pos: start + len("${")}
		if !inner.until('{', '}') {
			return nil, &SyntaxError{Source: s, Offset: start, Reason: "expression has no closing brace"}
		}
		base := start + len("${")
		e, err := compileAt(s, s[base:inner.pos], base, scope)
		if err != nil {
			return nil, err
		}
		parts = append(parts, part{expression: e})
		from = inner.pos + 1
	}
	return parts, nil
}

// nextExpression is where the next expression's "${" stands, -1 if there is none.
func nextExpression(s string, from int) int {
	for {
		i := strings.Index(s[from:], "${")
		if i < 0 {
			return -1
		}
		if from += i; startsExpression(s[from+len("${"):]) {
			return from
		}
		from += len("${")
	}
}

func startsExpression(rest string) bool {
	switch r, _ := utf8.DecodeRuneInString(rest); r {
	case ' ', '\t', '\r', '\n', '.':
		return true
	case '$':
		return len(rest) > 1 && isLetter(rest[1])
	}
	return false
}

// only returns the expression that is all of a text but the space around it.
func only(parts []part) *Expression {
	var found *Expression
	for _, p := range parts {
		switch {
		case p.expression == nil && strings.TrimSpace(p.literal) == "":
		case p.expression == nil || found != nil:
			return nil
		default:
			found = p.expression
		}
	}
	return found
}

// text is literals and expressions to be joined.
type text []part

func (t text) evaluate(in any, env Env) (any, error) {
	var b strings.Builder
	for _, p := range t {
		if p.expression == nil {
			b.WriteString(p.literal)
			continue
		}
		v, err := p.expression.Evaluate(in, env)
		if err != nil {
			return nil, err
		}
		if err := writeText(&b, v); err != nil {
			return nil, p.expression.failed(err.Error())
		}
	}
	if err := fits(b.Len()); err != nil {
		return nil, &EvaluationError{Reason: err.Error()}
	}
	return b.String(), nil
}

func writeText(b *strings.Builder, v any) error {
	if s, ok := v.(string); ok {
		b.WriteString(s)
		return nil
	}
	data, err := Encode(v)
	b.Write(data)
	return err
}
