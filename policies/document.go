package policies

import (
	"crypto/ed25519"
	"slices"
	"sync"
	"time"
)

// Policy is a policy document that was read and checked: which rule holds for
// which definition, and what it says. It is immutable and safe for concurrent use.
type Policy struct {
	// File is where it was read, Digest the SHA-256 of its text, in hex.
	File, Digest string
	// Revision orders the versions of a document; 0: it has none.
	Revision int
	// Events are the document's rules for events; nil: it has no such section.
	Events *EventRules
	// Targets are all that notifications may go to, in the order of their names.
	Targets  []NotifyTarget
	Contacts []Contact

	signers     []signer
	suspensions []suspension
	bases       []*rule
	rules       []*rule
	tests       []policyTest
	// eventsAt is where each rule and sink for events stands, by its name in verdicts,
	// and under the empty name the section.
	eventsAt map[string]place
	// otherwise is what holds where no rule fits.
	otherwise func(Level) Effective
	// assumed is the signer that a test says has signed; empty: signatures are verified.
	assumed string
	now     func() time.Time // nil: the machine's clock

	mu     sync.Mutex
	cached map[cacheKey]remembered
}

// Identity is what a policy knows of a definition.
type Identity struct {
	Namespace, Name, Version string
	Digest                   string            // SHA-256 of its document, hex
	Labels                   map[string]string // what its author wrote: document.tags, document.metadata
	Signature                string            // as Sign makes it; empty: unsigned
}

// String is namespace/name:version.
func (id Identity) String() string {
	text := id.Namespace + "/" + id.Name
	if id.Version != "" {
		text += ":" + id.Version
	}
	return text
}

// rule is one entry of the document: rules have a match, bases have none.
type rule struct {
	name    string
	at      place
	match   *match // nil: of a base
	extends *rule
	extAt   place
	given   []assignment // in the order of the table of settings
}

// assignment is a value that a rule gives to a setting.
type assignment struct {
	setting *setting
	value   any
	at      place
}

// place is a position in the document, counted from 1.
type place struct{ line, column int }

type signer struct {
	name string
	key  ed25519.PublicKey
	at   place
}

// chain is the rule with all that it extends, the outermost first.
func (r *rule) chain() []*rule {
	var all []*rule
	for ; r != nil; r = r.extends {
		all = append(all, r)
	}
	slices.Reverse(all)
	return all
}

// level is the one that the rule gives or inherits; Maximum where nothing does.
func (r *rule) level() Level {
	level := Maximum
	for _, r := range r.chain() {
		for _, a := range r.given {
			if l, ok := a.value.(Level); ok && a.setting.key == levelKey {
				level = l
			}
		}
	}
	return level
}

// effective is what a rule says at a level: the level's defaults, and over them
// what the rule and those above it give.
func (p *Policy) effective(r *rule, l Level) Effective {
	e := p.otherwise(l)
	e.Rule = r.name
	for _, r := range r.chain() {
		for _, a := range r.given {
			if a.setting.key != levelKey {
				a.setting.apply(&e, a.value)
			}
		}
	}
	return p.bounded(e)
}

// bounded is what the level lets be, whatever a rule gives.
func (p *Policy) bounded(e Effective) Effective {
	if presets[e.Level].scratch == 0 {
		e.Scratch = 0
	}
	e.Egress = Openable(e.Level, e.Egress)
	e.Calls = Openable(e.Level, e.Calls)
	e.PolicyDigest, e.Contacts = p.Digest, p.Contacts
	e.Libvirt.Signers = p.trusted(e.Libvirt.Signers)
	return e
}

// At is what holds at another level than the policy's own.
func (e Effective) At(l Level) Effective {
	if l == e.Level || e.at == nil {
		return e
	}
	return e.at(l)
}

// Shares are all folders that some rule shares, for a worker to see whether they
// are there.
func (p *Policy) Shares() []string {
	var all []string
	for _, r := range slices.Concat(p.bases, p.rules) {
		if shares, ok := r.value("shares"); ok {
			all = append(all, shares.value.([]string)...)
		}
	}
	return all
}

// WatchedHosts are the libvirt hosts whose events some rule has, or what holds where
// none fits, in alphabetical order.
func (p *Policy) WatchedHosts() []string {
	hosts := slices.Clone(p.otherwise(Maximum).Libvirt.Events)
	for _, r := range p.rules {
		hosts = append(hosts, p.effective(r, r.level()).Libvirt.Events...)
	}
	slices.Sort(hosts)
	return slices.Compact(hosts)
}

// maxCachedIdentities bounds a policy's memory of what it has said.
const maxCachedIdentities = 4096

// remembered is what holds until a signature ends; the zero time: for ever.
type remembered struct {
	effective Effective
	until     time.Time
}

type cacheKey struct{ namespace, name, version, digest, signature, labels string }

// For is what holds for a definition. It is computed once and remembered.
func (p *Policy) For(id Identity) Effective {
	key := cacheKey{id.Namespace, id.Name, id.Version, id.Digest, id.Signature, labelsText(id.Labels)}
	p.mu.Lock()
	known, ok := p.cached[key]
	p.mu.Unlock()
	if ok && (known.until.IsZero() || p.clock().Before(known.until)) {
		return known.effective
	}
	known = remembered{until: signatureEnd(id.Signature)}
	if !p.clock().Before(known.until) {
		known.until = time.Time{} // it has ended, for ever
	}
	known.effective = p.decide(id).effective
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cached == nil || len(p.cached) >= maxCachedIdentities {
		p.cached = map[cacheKey]remembered{}
	}
	p.cached[key] = known
	return known.effective
}

// decision is what was decided, and from what.
type decision struct {
	effective Effective
	rule      *rule   // nil: none
	lost      []*rule // that fit and are less specific
	signers   []string
	expired   error // why signers lacks one; nil: nothing has expired, and nobody is suspended
}

func (p *Policy) decide(id Identity) decision {
	var d decision
	d.signers, d.expired = p.signedBy(id)
	for _, r := range p.rules {
		if !r.match.fits(id, d.signers) {
			continue
		}
		if d.rule == nil || r.match.rank().compare(d.rule.match.rank()) > 0 {
			if d.rule != nil {
				d.lost = append(d.lost, d.rule)
			}
			d.rule = r
		} else {
			d.lost = append(d.lost, r)
		}
	}
	because := ""
	if d.rule != nil {
		because = p.unmet(d.rule, id, d)
	}
	if d.rule == nil || because != "" {
		d.effective = at(Maximum, func(l Level) Effective {
			e := p.bounded(p.otherwise(l))
			e.Because = because
			return e
		})
		return d
	}
	d.effective = at(d.rule.level(), func(l Level) Effective { return p.effective(d.rule, l) })
	return d
}

// at is what holds at a level, with the way to what holds at others.
func at(l Level, make func(Level) Effective) Effective {
	e := make(l)
	e.at = func(l Level) Effective { return at(l, make) }
	return e
}

// Single is a policy of one rule that fits every definition: what an operator
// says with flags. change gives a level's defaults what they say.
func Single(name string, level Level, change func(*Effective)) *Policy {
	p := &Policy{File: name}
	p.otherwise = func(l Level) Effective {
		e, err := LevelDefaults(l)
		if err == nil {
			change(&e)
		}
		return e
	}
	var m match
	p.rules = []*rule{{name: name, match: &m, given: []assignment{{setting: findSetting(levelKey), value: level}}}}
	p.Digest = digestOf(p.otherwise(level).Show())
	return p
}
