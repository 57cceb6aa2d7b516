package expression

import (
	"slices"
	"strconv"
	"strings"
)

// Sealed is an expression of a template that was not evaluated: it reads a
// variable whose values are known elsewhere.
type Sealed struct {
	Path   string   // JSON pointer of its place in the template's value, which holds null
	Source string   // the whole string as written
	Loose  bool     // it stays its text where it does not evaluate
	Reads  []string // the variables that it reads, without "$"
}

// EvaluateSealed is Evaluate, but leaves out every expression that reads the
// variable: its place holds null, and sealed lists it, in key order.
// Preconditions: the template is not CompileText's.
func (t *Template) EvaluateSealed(variable string, in any, env Env) (value any, sealed []Sealed, err error) {
	root, sealed := seal(t.root, variable, "")
	if len(sealed) == 0 {
		value, err = t.Evaluate(in, env)
		return value, nil, err
	}
	value, err = (&Template{root: root}).Evaluate(in, env)
	return value, sealed, err
}

// seal is the node with null in place of each expression that reads the variable.
func seal(n node, variable, path string) (node, []Sealed) {
	switch n := n.(type) {
	case leaf:
		if n.expression.reads(variable) {
			return constant{}, []Sealed{n.expression.sealed(path, false)}
		}
	case tried:
		if n.expression.reads(variable) {
			return constant{}, []Sealed{n.expression.sealed(path, true)}
		}
	case list:
		return sealList(n, variable, path)
	case object:
		return sealObject(n, variable, path)
	}
	return n, nil
}

func sealList(items list, variable, path string) (node, []Sealed) {
	var all []Sealed
	open := make(list, len(items))
	for i, item := range items {
		inner, sealed := seal(item, variable, path+"/"+strconv.Itoa(i))
		open[i], all = inner, append(all, sealed...)
	}
	return open, all
}

func sealObject(o object, variable, path string) (node, []Sealed) {
	var all []Sealed
	open := object{keys: o.keys, values: make([]node, len(o.values))}
	for i, value := range o.values {
		inner, sealed := seal(value, variable, path+"/"+escape(o.keys[i]))
		open.values[i], all = inner, append(all, sealed...)
	}
	return open, all
}

func (e *Expression) reads(variable string) bool {
	return slices.Contains(e.program.names, variable)
}

func (e *Expression) sealed(path string, loose bool) Sealed {
	return Sealed{Path: path, Source: e.source, Loose: loose, Reads: e.program.names}
}

// Member is a place where an expression reads a member of a variable.
type Member struct {
	Name   string // "" where the text does not say which
	Offset int    // of the variable, in bytes of the whole string
}

// Members lists where an expression reads the variable, and which of its members:
// $x.name, $x["name"] and $x."name" say it, anything else does not. src is as
// Compile takes it.
func Members(src, variable string) []Member {
	text, base := unwrap(src)
	var all []Member
	tokens(text, func(kind tokenKind, name string, offset int) {
		if kind == variableToken && name == "$"+variable {
			all = append(all, Member{Name: memberAfter(text[offset+len(name):]), Offset: base + offset})
		}
	})
	return all
}

// memberAfter is the constant key that follows a variable.
func memberAfter(rest string) string {
	if quoted, ok := strings.CutPrefix(rest, `."`); ok {
		return constantKey(quoted, "")
	}
	if index, ok := strings.CutPrefix(rest, "["); ok {
		quoted, ok := strings.CutPrefix(strings.TrimLeft(index, " "), `"`)
		if !ok {
			return ""
		}
		return constantKey(quoted, "]")
	}
	name, ok := strings.CutPrefix(rest, ".")
	if !ok || name == "" || !isLetter(name[0]) {
		return ""
	}
	end := 1
	for end < len(name) && (isLetter(name[end]) || isDigit(name[end])) {
		end++
	}
	return name[:end]
}

// constantKey is the text up to the closing quote and what must follow it.
func constantKey(quoted, closing string) string {
	key, rest, ok := strings.Cut(quoted, `"`)
	if !ok || strings.Contains(key, `\`) || !strings.HasPrefix(strings.TrimLeft(rest, " "), closing) {
		return ""
	}
	return key
}
