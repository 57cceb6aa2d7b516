package expression

import (
	"errors"
	"fmt"
	"strings"

	"github.com/itchyny/gojq"
)

// parse turns text into a program, or says what is wrong and where in text.
func parse(text string, scope Scope) (p *program, place int, reason string) {
	if len(text) > MaxSource {
		return nil, 0, fmt.Sprintf("expression longer than %d bytes", MaxSource)
	}
	query, err := gojq.Parse(text)
	if err != nil {
		place, reason = parseFault(text, err)
		return nil, place, reason
	}
	if query.Term == nil && query.Right == nil && len(query.Imports) == 0 {
		return nil, 0, "expression is empty"
	}
	if len(query.Imports) > 0 || query.Meta != nil {
		return nil, 0, "import, include and module are refused: an expression stands alone"
	}
	charged(query, text)
	p = &program{query: query, names: reads(text, scope)}
	m, refused, err := p.newMachine()
	if err != nil {
		place, reason = compileFault(text, err, scope)
		return nil, place, reason
	}
	if refused != "" {
		place, reason = refusal(text, refused)
		return nil, place, reason
	}
	if err := p.learn(m.code); err != nil {
		return nil, 0, err.Error()
	}
	p.formula = asFormula(p, m.natives)
	p.idle.Put(m)
	return p, 0, ""
}

// reads lists the variables of scope that text mentions.
func reads(text string, scope Scope) []string {
	var names []string
	var seen Scope
	tokens(text, func(kind tokenKind, name string, _ int) {
		if name = strings.TrimPrefix(name, "$"); kind == variableToken && scope.Has(name) && !seen.Has(name) {
			names, seen = append(names, name), seen.With(name)
		}
	})
	return names
}

func parseFault(text string, err error) (place int, reason string) {
	var fault *gojq.ParseError
	if !errors.As(err, &fault) {
		return 0, err.Error()
	}
	place = min(max(fault.Offset-len(fault.Token), 0), len(text))
	if fault.Token == "}" && strings.Contains(text[place:], "${") {
		return place, "text after the expression's closing brace: one string holds one expression; join texts inside it, \"a \\(.b) c\""
	}
	reason = err.Error()
	if reason == "unexpected EOF" {
		return place, "expression ends too early"
	}
	if kind, _, quotes := strings.Cut(reason, " token "); quotes {
		return place, kind + " token " + preview(fault.Token)
	}
	return place, reason
}

// compileFault explains an error of gojq.Compile. Their types are not exported,
// so their texts are taken apart; TestCompile holds one of each.
func compileFault(text string, err error, scope Scope) (place int, reason string) {
	message := err.Error()
	if name, ok := strings.CutPrefix(message, "variable not defined: "); ok {
		return find(text, variableToken, name), unknownVariable(name, scope)
	}
	if signature, ok := strings.CutPrefix(message, "function not defined: "); ok {
		name, arity, _ := strings.Cut(signature, "/")
		if _, refused := refusals[name]; refused {
			return refusal(text, name)
		}
		return find(text, nameToken, name), unknownFunction(name, arity, scope)
	}
	if strings.HasPrefix(message, "input(s)/0 ") {
		return refusal(text, "input")
	}
	if label, ok := strings.CutPrefix(message, "label not defined: "); ok {
		return find(text, variableToken, label), "unknown label " + preview(label)
	}
	return 0, message
}

// refusal explains a refused built-in. It stands in the text itself, as another
// spelling, or behind a built-in that calls it.
func refusal(text, name string) (place int, reason string) {
	for _, spelling := range []string{name, "$ENV", "inputs"} {
		kind := nameToken
		if spelling[0] == '$' {
			kind = variableToken
		}
		if refusals[spelling] != refusals[name] {
			continue
		}
		if at := find(text, kind, spelling); strings.HasPrefix(text[at:], spelling) {
			return at, spelling + " is refused: it " + refusals[spelling]
		}
	}
	return 0, name + " is refused: it " + refusals[name]
}

func unknownVariable(name string, scope Scope) string {
	reason := "unknown variable " + preview(name)
	if near := closest(strings.TrimPrefix(name, "$"), scope.names); near != "" {
		reason += ", did you mean $" + near + "?"
	}
	return reason
}

func unknownFunction(name, arity string, scope Scope) string {
	known := scope.Has(name)
	name = clip(name)
	reason := "unknown function " + name + "/" + arity
	if arity != "0" {
		return reason
	}
	if known {
		return reason + ", did you mean $" + name + "?"
	}
	return reason + ", did you mean ." + name + " or \"" + name + "\"?"
}
