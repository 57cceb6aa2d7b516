package policies

import (
	"fmt"
	"slices"

	"lazaret.dev/lazaret/sandbox/egress"
)

// check looks at the document as a whole, once each part of it is right.
func (r *documentReader) check(p *Policy) {
	for _, x := range slices.Concat(p.bases, p.rules) {
		r.checkSigners(x)
		r.checkLevel(x)
		if x.extends != nil {
			r.checkNarrower(p, x)
		}
	}
	for i, x := range p.rules {
		r.checkLabels(x)
		for _, other := range p.rules[:i] {
			if x.match.rank() == other.match.rank() && x.match.meets(other.match) {
				r.fail(x.match.at, "policy.tie", "name the definitions of one of them more closely",
					"rules %q (line %d) and %q fit the same definitions, and neither is more specific", clip(other.name), other.match.at.line, clip(x.name))
			}
		}
	}
}

// value is what a rule itself gives to a setting.
func (r *rule) value(key string) (assignment, bool) {
	i := slices.IndexFunc(r.given, func(a assignment) bool { return a.setting.key == key })
	if i < 0 {
		return assignment{}, false
	}
	return r.given[i], true
}

func (r *documentReader) checkSigners(x *rule) {
	required, ok := x.value("require.signer")
	if !ok {
		return
	}
	for _, name := range required.value.([]string) {
		if !slices.ContainsFunc(r.signers, func(s signer) bool { return s.name == name }) {
			r.fail(required.at, "policy.signer", "", "there is no signer %q", clip(name))
		}
	}
}

// checkLabels refuses to trust what a workflow says about itself alone (A24).
func (r *documentReader) checkLabels(x *rule) {
	m := x.match
	if len(m.labels) > 0 && patternRank(m.namespace) == 0 && m.digest == "" && m.signer == "" && x.level() != Maximum {
		r.fail(m.at, "policy.labels", "match a namespace, a digest or a signer too",
			"rule %q trusts labels alone, which every author can write", clip(x.name))
	}
}

// checkLevel refuses what the rule's level does not let an operator give.
func (r *documentReader) checkLevel(x *rule) {
	level := x.level()
	for _, key := range []string{"egress", "calls"} {
		given, ok := x.value(key)
		if !ok {
			continue
		}
		for _, rule := range given.value.([]egress.Rule) {
			if remedy := presets[level].network.refusal(rule); remedy != "" {
				r.fail(given.at, "policy.level", remedy, "%s %q: level %s opens %s", key, rule.String(), level, presets[level].network)
			}
		}
	}
	if scratch, ok := x.value("limits.scratch"); ok && presets[level].scratch == 0 && scratch.value.(int64) > 0 {
		r.fail(scratch.at, "policy.level", "use level standard or minimal", "level %s has no work space", level)
	}
	if degraded, ok := x.value("allowDegraded"); ok {
		for _, feature := range degraded.value.(Degradations) {
			if !MayLack(level, feature) {
				r.fail(degraded.at, "policy.level", "", "level %s never runs without %s", level, feature)
			}
		}
	}
}

// checkNarrower holds a rule against what it extends: it may only narrow it.
func (r *documentReader) checkNarrower(p *Policy, x *rule) {
	child, parent := p.effective(x, x.level()), p.effective(x.extends, x.extends.level())
	for _, s := range settings {
		if s.narrows == nil || s.narrows(child, parent) {
			continue
		}
		at := x.extAt
		if own, ok := x.value(s.key); ok {
			at = own.at
		} else if own, ok := x.value(levelKey); ok {
			at = own.at
		}
		r.fail(at, "policy.widens", fmt.Sprintf("%q has %s; give no more, or do not extend it", clip(x.extends.name), shown(s.show(parent))),
			"%q gives %s more than %q, which it extends", clip(x.name), s.key, clip(x.extends.name))
	}
}
