package expression

import (
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Template is a compiled JSON tree with expressions in it. It is immutable and
// safe for concurrent use.
type Template struct{ root node }

// node is one place of a template.
type node interface {
	evaluate(in any, env Env) (any, error)
}

// CompileTemplate compiles a tree of the data model. A string that is "${ … }"
// as a whole, space around it allowed, is an expression and is replaced by its
// result, whatever type that has. In loose mode every string is tried as an
// expression and stays itself when it does not compile or does not evaluate.
// Object keys are never expressions. Results are never looked at again: syntax
// found in data is data.
// The error is a *SyntaxError with the Path of the string, or says which Go type
// does not belong in a tree. The tree is copied.
func CompileTemplate(tree any, scope Scope, mode Mode) (*Template, error) {
	tree, err := Normalize(tree)
	if err != nil {
		return nil, err
	}
	root, err := compileNode(tree, scope, mode, "")
	if err != nil {
		return nil, err
	}
	return &Template{root: root}, nil
}

// CompileSlot compiles a property that is itself an expression (input.from,
// output.as, export.as, for.in): a string is an expression with or without "${"
// and "}", in both modes; anything else is a template.
func CompileSlot(tree any, scope Scope, mode Mode) (*Template, error) {
	s, ok := tree.(string)
	if !ok {
		return CompileTemplate(tree, scope, mode)
	}
	e, err := Compile(s, scope)
	if err != nil {
		return nil, err
	}
	return &Template{root: leaf{expression: e}}, nil
}

// Evaluate returns the tree with every expression replaced by its result on in.
// The result shares nothing with the template; like a single expression's it may
// share structure with in and env. The error is an *EvaluationError with the
// Path of the expression that failed; the first in key order, so always the same.
func (t *Template) Evaluate(in any, env Env) (any, error) {
	v, _, err := t.EvaluateAgain(in, env, nil)
	return v, err
}

// EvaluateAgain is Evaluate for what is evaluated over and over. It tells of a result
// that it is alone: an object that this call made, and that holds no other. Once nobody
// holds such a result any more, a later call may be given it as worn, and then fills and
// returns it. worn is nil where there is none.
func (t *Template) EvaluateAgain(in any, env Env, worn map[string]any) (v any, alone bool, err error) {
	switch root := t.root.(type) {
	case object:
		members, err := root.fill(worn, in, env)
		if err != nil {
			return nil, false, err
		}
		if root.flat(members) {
			return members, true, nil
		}
		v = members
	case list:
		if v, err = root.evaluate(in, env); err != nil {
			return nil, false, err
		}
	default:
		v, err = root.evaluate(in, env)
		return v, false, err
	}
	if err := measure(v); err != nil {
		return nil, false, &EvaluationError{Reason: "template's result: " + err.Error()}
	}
	return v, false, nil
}

// Constant returns the value of a template without expressions: a copy.
func (t *Template) Constant() (any, bool) {
	c, ok := t.root.(constant)
	if !ok {
		return nil, false
	}
	return clone(c.value), true
}

func compileNode(tree any, scope Scope, mode Mode, path string) (node, error) {
	switch v := tree.(type) {
	case string:
		return compileLeaf(v, scope, mode, path)
	case []any:
		return compileList(v, scope, mode, path)
	case map[string]any:
		return compileObject(v, scope, mode, path)
	}
	return constant{tree}, nil
}

func compileLeaf(s string, scope Scope, mode Mode, path string) (node, error) {
	if mode != Loose && !isExpression(s) {
		return constant{s}, nil
	}
	e, err := Compile(s, scope)
	if err != nil && mode == Loose {
		return constant{s}, nil
	}
	if err != nil {
		return nil, at(path, err)
	}
	if mode == Loose {
		return tried{expression: e}, nil
	}
	return leaf{expression: e, path: path}, nil
}

func compileList(items []any, scope Scope, mode Mode, path string) (node, error) {
	nodes, fixed := make(list, len(items)), true
	for i, item := range items {
		n, err := compileNode(item, scope, mode, path+"/"+strconv.Itoa(i))
		if err != nil {
			return nil, err
		}
		nodes[i], fixed = n, fixed && isConstant(n)
	}
	if fixed {
		return constant{items}, nil
	}
	return nodes, nil
}

func compileObject(members map[string]any, scope Scope, mode Mode, path string) (node, error) {
	keys, fixed := slices.Sorted(maps.Keys(members)), true //workflowcheck:ignore sorted at once
	o := object{keys: keys, values: make([]node, len(keys)), size: 8 + 8*len(keys)}
	for i, key := range keys {
		o.size += len(key)
		n, err := compileNode(members[key], scope, mode, path+"/"+escape(key))
		if err != nil {
			return nil, err
		}
		o.values[i], fixed = n, fixed && isConstant(n)
	}
	if fixed {
		return constant{members}, nil
	}
	return o, nil
}

// escape makes a key a segment of a JSON pointer.
func escape(key string) string {
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(key)
}

// at gives an error of this package its place in a template.
func at(path string, err error) error {
	var syntax *SyntaxError
	var evaluation *EvaluationError
	switch {
	case errors.As(err, &syntax):
		syntax.Path = path
	case errors.As(err, &evaluation):
		evaluation.Path = path
	}
	return err
}

func isConstant(n node) bool { _, ok := n.(constant); return ok }

// constant is a subtree without expressions. Its value is copied out.
type constant struct{ value any }

func (c constant) evaluate(any, Env) (any, error) { return clone(c.value), nil }

// leaf is a string that is an expression.
type leaf struct {
	expression *Expression
	path       string
}

func (l leaf) evaluate(in any, env Env) (any, error) {
	v, err := l.expression.Evaluate(in, env)
	if err != nil {
		return nil, at(l.path, err)
	}
	return v, nil
}

// tried is a string of loose mode that compiles as an expression.
type tried struct{ expression *Expression }

func (t tried) evaluate(in any, env Env) (any, error) {
	v, err := t.expression.Evaluate(in, env)
	if err != nil {
		return t.expression.Source(), nil //nolint:nilerr // loose mode: what does not evaluate is a text
	}
	return v, nil
}

type list []node

func (l list) evaluate(in any, env Env) (any, error) {
	items := make([]any, len(l))
	for i, n := range l {
		item, err := n.evaluate(in, env)
		if err != nil {
			return nil, err
		}
		items[i] = item
	}
	return items, nil
}

type object struct {
	keys   []string // sorted
	values []node
	size   int // as measure counts, while no member is more than eight bytes
}

// flat says that what the object evaluated to is no larger than itself, and small: what
// a loop makes again and again.
func (o object) flat(members map[string]any) bool {
	if o.size > MaxSize {
		return false
	}
	for _, key := range o.keys {
		switch members[key].(type) {
		case nil, bool, int, float64:
		default:
			return false
		}
	}
	return true
}

func (o object) evaluate(in any, env Env) (any, error) { return o.fill(nil, in, env) }

// fill evaluates the members into an object that it made before, or into a new one.
func (o object) fill(members map[string]any, in any, env Env) (map[string]any, error) {
	if members == nil {
		members = make(map[string]any, len(o.keys))
	}
	for i, n := range o.values {
		value, err := n.evaluate(in, env)
		if err != nil {
			return nil, err
		}
		members[o.keys[i]] = value
	}
	return members, nil
}
