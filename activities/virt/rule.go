package virt

import (
	"fmt"
	"strings"
)

// Rule says which of an operation's parameters go with which.
type Rule struct {
	AnyOf    []string `json:"anyOf,omitempty"`    // at least one of these is given
	OneOf    []string `json:"oneOf,omitempty"`    // exactly one of these
	Together []string `json:"together,omitempty"` // all of these or none
}

var (
	aGuest      = []Rule{{AnyOf: []string{"name", "uuid"}}}
	aDevice     = []Rule{aGuest[0], {OneOf: []string{"disk", "interface", "xml"}}}
	aDetachment = []Rule{aGuest[0], {OneOf: []string{"target", "mac"}}}
	aMachine    = []Rule{{OneOf: []string{"name", "xml"}}, {Together: []string{"name", "memory", "vcpus"}}}
	aNetwork    = []Rule{{Together: []string{"dhcpStart", "dhcpEnd"}}}
)

// Check says what is wrong with having just these parameters.
func (r Rule) Check(has func(name string) bool) error {
	count := func(names []string) int {
		n := 0
		for _, name := range names {
			if has(name) {
				n++
			}
		}
		return n
	}
	switch n := count(r.OneOf); {
	case len(r.AnyOf) > 0 && count(r.AnyOf) == 0:
		return fmt.Errorf("give %s", strings.Join(r.AnyOf, " or "))
	case len(r.OneOf) > 0 && n == 0:
		return fmt.Errorf("give one of %s", strings.Join(r.OneOf, ", "))
	case n > 1:
		return fmt.Errorf("give only one of %s", strings.Join(r.OneOf, ", "))
	}
	if n := count(r.Together); n > 0 && n < len(r.Together) {
		return fmt.Errorf("give all of %s, or none", strings.Join(r.Together, ", "))
	}
	return nil
}
