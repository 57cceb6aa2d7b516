package policies

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// ReadOptions are what a document is held against besides itself.
type ReadOptions struct {
	// Operations are all that libvirt's broker knows, and CheckURI says why a text is
	// no URI that may be allowed.
	Operations []LibvirtOperation
	CheckURI   func(string) error
	// Suggest gives a hint with the known word nearest to a wrong one; nil: none.
	Suggest func(word string, known []string) string
	// Now is the time by which signatures end; nil: the machine's clock.
	Now func() time.Time
}

// maxDocument bounds a policy document in bytes, and maxRules its rules and bases.
const (
	maxDocument = 1 << 20
	maxRules    = 1000
)

// formatVersion is the one version of the format, which each document names.
const formatVersion = 1

var documentKeys = []string{"policy", "revision", "signers", "suspended", "contacts", "targets", "events", "bases", "rules", "tests"}

// Read reads a policy document (YAML or JSON); file stands in what is said about
// it. It is used as a whole or not at all: the error is a *DocumentError with
// everything that is wrong.
func Read(file string, text []byte, options ReadOptions) (*Policy, error) {
	r := &documentReader{
		file: file, operations: options.Operations, checkURI: options.CheckURI, suggest: options.Suggest, usedTargets: map[string]bool{},
	}
	p := r.document(text)
	if p != nil {
		p.now = options.Now
	}
	if len(r.findings) > 0 {
		slices.SortStableFunc(r.findings, func(a, b Finding) int {
			return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
		})
		return nil, &DocumentError{r.findings}
	}
	sum := sha256.Sum256(text)
	p.Digest = hex.EncodeToString(sum[:])
	return p, nil
}

// root reads the text as one YAML document.
func (r *documentReader) root(text []byte) *yaml.Node {
	if len(text) > maxDocument {
		r.fail(place{}, "policy.size", "", "%d bytes, over the limit of %d", len(text), maxDocument)
		return nil
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	var node, more yaml.Node
	err := decoder.Decode(&node)
	if errors.Is(err, io.EOF) || err == nil && len(node.Content) == 0 {
		r.fail(place{}, "policy.empty", "begin it with policy: 1", "the document is empty")
		return nil
	}
	if err != nil {
		r.syntax(err)
		return nil
	}
	if err := decoder.Decode(&more); !errors.Is(err, io.EOF) {
		r.fail(placeOf(&more), "policy.syntax", "write one document a file", "a second document begins here")
		return nil
	}
	if alias := findAlias(node.Content[0]); alias != nil {
		r.fail(placeOf(alias), "policy.syntax", "use extends, or write it out", "anchors and aliases have no place in a policy")
		return nil
	}
	return node.Content[0]
}

var yamlPlace = regexp.MustCompile(`^line (\d+): (.*)$`)

func (r *documentReader) syntax(err error) {
	message, at := strings.TrimPrefix(err.Error(), "yaml: "), place{}
	if found := yamlPlace.FindStringSubmatch(message); found != nil {
		at.line, _ = strconv.Atoi(found[1])
		message = found[2]
	}
	r.fail(at, "policy.syntax", "", "%s", clip(message))
}

func findAlias(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode || n.Anchor != "" {
		return n
	}
	for _, inner := range n.Content {
		if found := findAlias(inner); found != nil {
			return found
		}
	}
	return nil
}

func (r *documentReader) document(text []byte) *Policy {
	root := r.root(text)
	if root == nil {
		return nil
	}
	p := &Policy{File: r.file}
	p.otherwise = func(l Level) Effective {
		e, _ := LevelDefaults(l) // levels are parsed, so that there is no other
		e.Libvirt = DefaultLibvirt(r.operations)
		return e
	}
	entries := r.object(root, "the policy", documentKeys)
	if version := lookup(entries, "policy"); version == nil {
		r.fail(placeOf(root), "policy.missing", "begin it with policy: 1", "the document does not say of which version its format is")
	} else {
		r.integer(version, "policy", formatVersion, formatVersion)
	}
	for _, section := range []struct {
		key  string
		read func(*Policy, *yaml.Node)
	}{
		{"revision", r.revision},
		{"signers", r.signerList},
		{"suspended", r.suspended},
		{"contacts", r.contacts},
		{"targets", r.targetList},
		{"events", r.events},
		{"bases", r.bases},
		{"rules", r.rules},
		{"tests", r.testList},
	} {
		if n := lookup(entries, section.key); n != nil {
			section.read(p, n)
		}
	}
	if len(r.findings) == 0 {
		r.check(p)
	}
	return p
}

func (r *documentReader) revision(p *Policy, n *yaml.Node) {
	revision, _ := r.integer(n, "revision", 1, 1<<53)
	p.Revision = int(revision)
}

func (r *documentReader) signerList(p *Policy, n *yaml.Node) {
	for _, e := range r.object(n, "signers", nil) {
		text, ok := r.text(e.value, "a signer's key")
		if !ok {
			continue
		}
		key, err := ParsePublicKey(text)
		if err != nil {
			r.wrong(e.value, "lazaret keygen writes it to FILE.pub", "signer %q: %s", clip(e.key.Value), err)
			continue
		}
		if i := slices.IndexFunc(r.signers, func(s signer) bool { return s.key.Equal(key) }); i >= 0 {
			r.fail(placeOf(e.value), "policy.duplicate", "one name a key, so that who signed is not in doubt", "signer %q has the key of %q", clip(e.key.Value), r.signers[i].name)
			continue
		}
		r.signers = append(r.signers, signer{e.key.Value, key, placeOf(e.key)})
	}
	p.signers = r.signers
}

func (r *documentReader) contacts(p *Policy, n *yaml.Node) {
	if n.Kind != yaml.SequenceNode {
		r.fail(placeOf(n), "policy.type", "", "contacts must be a list")
		return
	}
	for _, item := range n.Content {
		entries := r.object(item, "a contact", []string{"name", "email", "phone"})
		var c Contact
		for _, field := range []struct {
			key  string
			into *string
		}{{"name", &c.Name}, {"email", &c.Email}, {"phone", &c.Phone}} {
			if value := lookup(entries, field.key); value != nil {
				*field.into, _ = r.text(value, "a contact's "+field.key)
			}
		}
		if lookup(entries, "name") == nil || c.Email == "" && c.Phone == "" {
			r.fail(placeOf(item), "policy.missing", "", "a contact needs a name, and an e-mail address or a telephone number")
		}
		p.Contacts = append(p.Contacts, c)
	}
}

func (r *documentReader) events(p *Policy, n *yaml.Node) {
	reader := rulesReader{file: r.file, root: n}
	err := reader.validate()
	var d eventDocument
	if err == nil {
		err = n.Decode(&d)
	}
	var rules EventRules
	if err == nil {
		rules, err = reader.rules(d)
	}
	var wrong *RulesError
	switch {
	case errors.As(err, &wrong):
		r.fail(place{wrong.Line, wrong.Column}, "policy.events", "lazaret events schema prints what such a section may hold", "events: %s", wrong.Reason)
	case err != nil:
		r.fail(placeOf(n), "policy.events", "", "events: %s", err)
	}
	p.Events, p.eventsAt = &rules, map[string]place{"": placeOf(n)}
	for i, rule := range rules.Rules {
		p.eventsAt[rule.Name] = placeOf(reader.at("rules", strconv.Itoa(i)))
	}
	for i, sink := range rules.Sinks {
		p.eventsAt[sink.route()] = placeOf(reader.at("sinks", strconv.Itoa(i)))
	}
}

// bases are rules to extend, by name; the rules that they extend stand before them.
func (r *documentReader) bases(p *Policy, n *yaml.Node) {
	for _, e := range r.object(n, "bases", nil) {
		if len(p.bases) == maxRules {
			r.fail(placeOf(e.key), "policy.size", "", "more than %d bases", maxRules)
			return
		}
		base := &rule{name: e.key.Value, at: placeOf(e.key)}
		entries := r.object(e.value, fmt.Sprintf("base %q", clip(base.name)), append([]string{"extends"}, settingNames()...))
		r.fill(p, base, entries)
		p.bases = append(p.bases, base)
	}
}

func (r *documentReader) rules(p *Policy, n *yaml.Node) {
	if n.Kind != yaml.SequenceNode {
		r.fail(placeOf(n), "policy.type", "", "rules must be a list")
		return
	}
	if len(n.Content) > maxRules {
		r.fail(placeOf(n), "policy.size", "", "%d rules, more than %d", len(n.Content), maxRules)
		return
	}
	names := map[string]bool{}
	for i, item := range n.Content {
		x := &rule{name: fmt.Sprintf("rule %d", i+1), at: placeOf(item), match: &match{at: placeOf(item)}}
		entries := r.object(item, x.name, append([]string{"name", "match", "extends"}, settingNames()...))
		if name := lookup(entries, "name"); name != nil {
			if text, ok := r.text(name, "name"); ok {
				x.name, x.at = text, placeOf(name)
			}
		}
		if names[x.name] {
			r.fail(x.at, "policy.duplicate", "", "a second rule is named %q", clip(x.name))
		}
		names[x.name] = true
		if by := lookup(entries, "match"); by != nil {
			r.match(x.match, by)
		} else {
			r.fail(placeOf(item), "policy.missing", "say match: {namespace: …, name: …}, or make it one of bases", "%s does not say what it matches", x.name)
		}
		r.fill(p, x, entries)
		p.rules = append(p.rules, x)
	}
}

// fill reads what a rule or a base extends and gives.
func (r *documentReader) fill(p *Policy, x *rule, entries []entry) {
	if extends := lookup(entries, "extends"); extends != nil {
		if name, ok := r.text(extends, "extends"); ok {
			x.extAt = placeOf(extends)
			i := slices.IndexFunc(p.bases, func(b *rule) bool { return b.name == name })
			if i < 0 {
				known := make([]string, len(p.bases))
				for i, b := range p.bases {
					known[i] = b.name
				}
				r.fail(x.extAt, "policy.extends", r.nearest(name, known), "there is no base %q above", clip(name))
			} else {
				x.extends = p.bases[i]
			}
		}
	}
	values := r.flatten(entries)
	for _, s := range settings {
		n, ok := values[s.key]
		if !ok {
			continue
		}
		if value, ok := s.read(r, n); ok {
			x.given = append(x.given, assignment{s, value, placeOf(n)})
		}
	}
}

// flatten finds the values of settings by their whole keys: groups are objects.
func (r *documentReader) flatten(entries []entry) map[string]*yaml.Node {
	values := map[string]*yaml.Node{}
	for _, e := range entries {
		inner := groupKeys(e.key.Value)
		if inner == nil {
			values[e.key.Value] = e.value
			continue
		}
		for _, m := range r.object(e.value, e.key.Value, inner) {
			values[e.key.Value+"."+m.key.Value] = m.value
		}
	}
	return values
}

// settingNames are the keys of a rule: settings, and groups of them.
func settingNames() []string {
	var names []string
	for _, s := range settings {
		name, _, _ := strings.Cut(s.key, ".")
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// groupKeys are the settings in a group; nil: it is no group.
func groupKeys(group string) []string {
	var keys []string
	for _, s := range settings {
		if name, inner, ok := strings.Cut(s.key, "."); ok && name == group {
			keys = append(keys, inner)
		}
	}
	return keys
}

// digestOf is the SHA-256, in hex, of a value as JSON.
func digestOf(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		return "" // what is shown is always JSON; nothing is said to have this digest
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}
