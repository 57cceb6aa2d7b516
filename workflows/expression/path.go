package expression

import "github.com/itchyny/gojq"

// path is a program that only reads: ".", ".a.b", "$x", "$x.a". Most expressions
// of a definition are one, so they are read without the virtual machine.
// TestPath_AgreesWithGojq holds the two together.
type path struct {
	variable string // without "$"; "" starts at the input
	keys     []string
}

// readsPath returns the path that p is, or nil.
func readsPath(p *program) *path {
	term := p.query.Term
	if term == nil || len(p.query.FuncDefs) > 0 {
		return nil
	}
	var found path
	switch term.Type {
	case gojq.TermTypeIdentity:
	case gojq.TermTypeIndex:
		if !found.append(term.Index) {
			return nil
		}
	case gojq.TermTypeFunc:
		if len(p.names) != 1 || term.Func.Name != "$"+p.names[0] {
			return nil
		}
		found.variable = p.names[0]
	default:
		return nil
	}
	for _, suffix := range term.SuffixList {
		if suffix.Index == nil || !found.append(suffix.Index) {
			return nil
		}
	}
	return &found
}

// append takes one more key, if it is a plain one.
func (p *path) append(index *gojq.Index) bool {
	switch {
	case index.Name != "":
		p.keys = append(p.keys, index.Name)
	case index.Str != nil && index.Str.Queries == nil:
		p.keys = append(p.keys, index.Str.Str)
	default:
		return false
	}
	return true
}

func (p *path) read(in any, env Env) (v any, reason string) {
	if v = in; p.variable != "" {
		v = env.Var(p.variable)
	}
	return readKeys(v, p.keys)
}

func readKeys(v any, keys []string) (_ any, reason string) {
	for _, key := range keys {
		switch object := v.(type) {
		case map[string]any:
			v = object[key]
		case nil:
			return nil, ""
		default:
			return nil, notAnObject(typeName(v))
		}
	}
	return v, ""
}
