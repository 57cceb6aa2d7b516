package policies

import (
	"net/url"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

var matchKeys = []string{"namespace", "name", "version", "digest", "signer", "labels"}

// match reads which definitions a rule is for.
func (r *documentReader) match(m *match, n *yaml.Node) {
	m.at = placeOf(n)
	entries := r.object(n, "match", matchKeys)
	if n.Kind == yaml.MappingNode && len(n.Content) == 0 {
		r.fail(m.at, "policy.match", `for every definition say namespace: "*"`, "match names nothing")
	}
	m.namespace = r.pattern(entries, "namespace")
	m.name = r.pattern(entries, "name")
	if version := lookup(entries, "version"); version != nil {
		if text, ok := r.text(version, "version"); ok {
			if m.version, ok = parseVersions(text); !ok || m.version.empty() {
				r.wrong(version, `write it as "1.4.2" or ">=1.0.0 <2.0.0"`, "version %q is no version or range of versions", clip(text))
			}
		}
	}
	if digest := lookup(entries, "digest"); digest != nil {
		if text, ok := r.text(digest, "digest"); ok {
			m.digest = strings.TrimPrefix(text, "sha256:")
			if len(m.digest) != 64 || strings.Trim(m.digest, "0123456789abcdef") != "" {
				r.wrong(digest, "lazaret validate and sha256sum print it", "digest %q is no SHA-256 in lower-case hex", clip(text))
			}
		}
	}
	if by := lookup(entries, "signer"); by != nil {
		if text, ok := r.text(by, "signer"); ok {
			m.signer = text
			r.knownSigner(by, text)
		}
	}
	if labels := lookup(entries, "labels"); labels != nil {
		m.labels = map[string]string{}
		for _, e := range r.object(labels, "labels", nil) {
			m.labels[e.key.Value], _ = r.text(e.value, "a label")
		}
	}
}

func (r *documentReader) knownSigner(n *yaml.Node, name string) {
	names := make([]string, len(r.signers))
	for i, s := range r.signers {
		names[i] = s.name
	}
	if !slices.Contains(names, name) {
		r.fail(placeOf(n), "policy.signer", r.nearest(name, names), "there is no signer %q", clip(name))
	}
}

func (r *documentReader) pattern(entries []entry, key string) string {
	n := lookup(entries, key)
	if n == nil {
		return ""
	}
	text, ok := r.text(n, key)
	if _, err := path.Match(text, ""); ok && (err != nil || strings.ContainsAny(text, `[]\/`)) {
		r.wrong(n, "of a pattern's signs there are * and ?", "%s %q is no pattern of a name", key, clip(text))
	}
	return text
}

var targetKeys = []string{"type", "url", "from", "to", "command", "secretFrom", "privateNetworks"}

// targetList reads where notifications go, by name.
func (r *documentReader) targetList(p *Policy, n *yaml.Node) {
	for _, e := range r.object(n, "targets", nil) {
		t := NotifyTarget{Name: e.key.Value}
		entries := r.object(e.value, "target "+clip(t.Name), targetKeys)
		kind := lookup(entries, "type")
		if kind == nil {
			r.fail(placeOf(e.key), "policy.missing", "", "target %q has no type", clip(t.Name))
			continue
		}
		t.Type, _ = r.choice(kind, "type", "webhook", "slack", "smtp", "exec")
		r.targetFields(&t, entries)
		r.completeTarget(t, placeOf(e.key))
		r.targets = append(r.targets, t)
	}
	slices.SortFunc(r.targets, func(a, b NotifyTarget) int { return strings.Compare(a.Name, b.Name) })
	p.Targets = r.targets
}

func (r *documentReader) targetFields(t *NotifyTarget, entries []entry) {
	for key, into := range map[string]*string{"url": &t.URL, "from": &t.From, "secretFrom": &t.SecretFrom} {
		if n := lookup(entries, key); n != nil {
			*into, _ = r.text(n, key)
		}
	}
	for key, into := range map[string]*[]string{"to": &t.To, "command": &t.Command, "privateNetworks": &t.PrivateNetworks} {
		if n := lookup(entries, key); n != nil {
			*into, _, _ = r.texts(n, key)
		}
	}
	if n := lookup(entries, "url"); n != nil && t.URL != "" {
		u, err := url.Parse(t.URL)
		schemes := map[string][]string{"smtp": {"smtp", "smtps"}, "webhook": {"https", "http"}, "slack": {"https", "http"}}[t.Type]
		switch {
		case err != nil || u.Hostname() == "" || !slices.Contains(schemes, u.Scheme):
			r.wrong(n, "its scheme is one of "+strings.Join(schemes, ", "), "url %q is not one of a %s", clip(t.URL), t.Type)
		case u.User != nil:
			r.wrong(n, "use secretFrom", "a URL with a user name or password")
		}
	}
}

// completeTarget says what a target of its type lacks.
func (r *documentReader) completeTarget(t NotifyTarget, at place) {
	lacks := func(missing bool, what string) {
		if missing {
			r.fail(at, "policy.missing", "", "target %q of type %s needs %s", clip(t.Name), t.Type, what)
		}
	}
	switch t.Type {
	case "webhook", "slack":
		lacks(t.URL == "", "url")
	case "smtp":
		lacks(t.URL == "", "url: smtp://HOST:PORT")
		lacks(t.From == "", "from")
		lacks(len(t.To) == 0, "to")
	case "exec":
		lacks(len(t.Command) == 0 || !filepath.IsAbs(t.Command[0]), "command: with the absolute path of a program")
	}
}
