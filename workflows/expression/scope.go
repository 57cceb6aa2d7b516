package expression

import "slices"

// NewScope returns a Scope with these variable names.
func NewScope(names ...string) Scope { return Scope{}.With(names...) }

// With returns a copy of s that has these names too. A name that is already
// there is shadowed: whoever evaluates gives it its new value.
func (s Scope) With(names ...string) Scope {
	all := slices.Clone(s.names)
	for _, name := range names {
		if !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	return Scope{names: all}
}

// Has says whether an expression in this scope may read the variable.
func (s Scope) Has(name string) bool { return slices.Contains(s.names, name) }
