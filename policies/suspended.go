package policies

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// suspension is somebody who counts for nothing until the line is taken out (B60).
type suspension struct {
	who LibvirtIdentity
	at  place
}

// suspendable are the kinds of those whom a policy can suspend: what else knows a
// person, such as a token of who sends events, is taken from them where it is kept.
var suspendable = []string{BySigner, ByPrincipal}

// ErrSuspended is wrapped where somebody is suspended.
var ErrSuspended = errors.New("suspended by the policy")

func (r *documentReader) suspended(p *Policy, n *yaml.Node) {
	texts, nodes, _ := r.texts(n, "suspended")
	for i, text := range texts {
		who, ok := parseIdentity(text)
		if !ok || !slices.Contains(suspendable, who.Kind) || badPattern(who.Name) {
			r.wrong(nodes[i], "write it as signer:NAME or principal:TYPE/NAME; of a pattern's signs there are * and ?", "suspended: %q is neither", clip(text))
			continue
		}
		if who.Kind == BySigner && !slices.ContainsFunc(r.signers, func(s signer) bool { return named(who, s.name) != "" }) {
			r.wrong(nodes[i], "its key goes under signers", "suspended: there is no signer %q", clip(who.Name))
		}
		p.suspensions = append(p.suspensions, suspension{who, placeOf(nodes[i])})
	}
}

func badPattern(text string) bool {
	_, err := path.Match(text, "")
	return err != nil || strings.ContainsAny(text, `[]\`)
}

// Suspended says that somebody, by a kind of identity and its name, is suspended, and
// where; nil, if not.
func (p *Policy) Suspended(kind, name string) error {
	for _, s := range p.suspensions {
		if s.who.Kind == kind && named(s.who, name) != "" {
			return fmt.Errorf("%s:%s is %w at %s", kind, clip(name), ErrSuspended, p.at(s.at))
		}
	}
	return nil
}

// SuspendsPrincipals says whether it matters whom Temporal let start an execution.
func (p *Policy) SuspendsPrincipals() bool {
	return slices.ContainsFunc(p.suspensions, func(s suspension) bool { return s.who.Kind == ByPrincipal })
}

// trusted are the signers who are not suspended.
func (p *Policy) trusted(all []Signer) []Signer {
	if len(p.suspensions) == 0 {
		return all
	}
	return slices.DeleteFunc(slices.Clone(all), func(s Signer) bool { return p.Suspended(BySigner, s.Name) != nil })
}
