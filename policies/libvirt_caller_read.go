package policies

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// identity is the text of an identity, or one that ends.
type identity struct {
	Who      word `yaml:"who"`
	NotAfter word `yaml:"not_after"`
}

func (i *identity) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind != yaml.MappingNode {
		return n.Decode(&i.Who)
	}
	for k := 0; k < len(n.Content); k += 2 {
		into := map[string]*word{"who": &i.Who, "not_after": &i.NotAfter}[n.Content[k].Value]
		if into == nil {
			return fmt.Errorf("line %d: %s is no setting here; an identity has who, not_after", n.Content[k].Line, n.Content[k].Value)
		}
		if err := n.Content[k+1].Decode(into); err != nil {
			return err
		}
	}
	if i.Who.node == nil {
		return fmt.Errorf("line %d: an identity has no who", n.Line)
	}
	return nil
}

// authentication reads who may ask, which nobody says where it is not required.
func (p *policyReader) authentication(s *libvirtSection, l *Libvirt) {
	l.AuthRequired, l.Signers = s.AuthRequired.given, p.signers
	if !l.AuthRequired {
		if len(s.Identities) > 0 {
			p.fail(s.Identities[0].Who.node, "say auth_required: true, or take them out", "identities are listed, and none is required")
		}
		return
	}
	for _, given := range s.Identities {
		l.Identities = append(l.Identities, p.identity(given))
	}
	if s.Identities == nil && len(p.signers) > 0 {
		l.Identities = []LibvirtIdentity{{Kind: BySigner, Name: "*"}}
	}
	if len(l.Identities) == 0 {
		p.fail(s.AuthRequired.node, "list public keys under signers, or somebody under identities", "auth_required is true, and nobody is known")
	}
}

func (p *policyReader) identity(given identity) LibvirtIdentity {
	i, ok := parseIdentity(given.Who.text)
	_, wrong := path.Match(i.Name, "")
	switch {
	case !ok || wrong != nil || strings.ContainsAny(i.Name, `[]\`):
		p.fail(given.Who.node, "write it as signer:release, principal:jwt/ada or user:ops", "%q is no identity", clip(given.Who.text))
	case i.Kind == ByPrincipal && strings.Count(i.Name, "/") != 1:
		p.fail(given.Who.node, "write it as principal:TYPE/NAME", "%q is no principal", clip(given.Who.text))
	case i.Kind == BySigner && !slices.ContainsFunc(p.signers, func(s Signer) bool { return named(i, s.Name) != "" }):
		p.fail(given.Who.node, "its key goes under signers", "there is no signer %q", clip(i.Name))
	}
	if given.NotAfter.node != nil {
		var err error
		if i.NotAfter, err = ParseEnd(given.NotAfter.text); err != nil {
			p.fail(given.NotAfter.node, "", "not_after %v", err)
		}
	}
	return i
}

// ParseEnd reads a time such as 2027-01-31T12:00:00Z, or a day: its first second, in UTC.
func ParseEnd(text string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if at, err := time.Parse(layout, text); err == nil {
			return at, nil
		}
	}
	return time.Time{}, fmt.Errorf("%.40q is neither a day such as 2027-01-31 nor a time such as 2027-01-31T12:00:00Z", text)
}

func showIdentities(l Libvirt) []any {
	all := []any{}
	for _, i := range l.Identities {
		if i.NotAfter.IsZero() {
			all = append(all, i.String())
			continue
		}
		all = append(all, map[string]any{"who": i.String(), "not_after": i.NotAfter.UTC().Format(time.RFC3339)})
	}
	return all
}

// signerWords are the names of a document's signers with their keys.
type signerWords struct{ node *yaml.Node }

func (s *signerWords) UnmarshalYAML(n *yaml.Node) error { s.node = n; return nil }

// keys reads the signers of a document for libvirt alone.
func (p *policyReader) keys(s signerWords) []Signer {
	r := &documentReader{}
	if s.node != nil {
		r.signerList(&Policy{}, s.node)
	}
	if len(r.findings) > 0 {
		f := r.findings[0]
		if p.err == nil {
			p.err = &PolicyError{Line: f.Line, Column: f.Column, Message: f.Message, Hint: f.Hint}
		}
	}
	return exported(r.signers)
}

func exported(signers []signer) []Signer {
	var all []Signer
	for _, s := range signers {
		all = append(all, Signer{s.name, s.key})
	}
	return all
}
