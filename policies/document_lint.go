package policies

import (
	"fmt"
	"slices"

	"lazaret.dev/lazaret/sandbox/egress"
)

// LintRule is what lint looks for in a policy document.
type LintRule struct{ ID, About string }

// LintRules are all, in the order of their documentation.
func LintRules() []LintRule {
	return []LintRule{
		{"policy.broad.match", "a rule weaker than maximum for every definition"},
		{"policy.broad.level", "level minimal for a pattern of definitions, unsigned"},
		{"policy.broad.hosts", "every host, or a range of addresses of 65,536 or more"},
		{"policy.broad.secrets", "every secret"},
		{"policy.broad.python", "a module that runs other programs, as a whole"},
		{"policy.broad.libvirt", "dangerous operations for a pattern of definitions without anybody's approval"},
		{"policy.broad.events", "an event rule for many types, or for every namespace"},
		{"policy.unused.base", "a base that no rule extends"},
		{"policy.unused.signer", "a signer that no rule names"},
		{"policy.unused.target", "a target that no rule notifies"},
		{"policy.unused.rule", "a rule that fits none of the definitions given, or is never the most specific of those that fit one"},
		{"policy.unused.value", "a value that changes nothing"},
		{"policy.silent", "a rule weaker than maximum whose violations nobody is told of, though there are targets"},
		{"policy.untested", "a rule that no test is about"},
	}
}

// linter collects what is found about a document.
type linter struct {
	p     *Policy
	found []Finding
}

func (l *linter) say(at place, rule, hint, format string, args ...any) {
	l.found = append(l.found, Finding{
		File: l.p.File, Line: max(at.line, 1), Column: max(at.column, 1), Rule: rule, Warning: true, Hint: hint, Message: fmt.Sprintf(format, args...),
	})
}

// Lint says what in the document permits more than most installations need, and
// what in it has no effect (A32, A37). known are the definitions that there are,
// as far as the caller knows; none: what depends on them is left out.
func (p *Policy) Lint(known []Identity) []Finding {
	l := &linter{p: p}
	for _, r := range p.rules {
		l.match(r)
	}
	for _, r := range slices.Concat(p.bases, p.rules) {
		l.hosts(r)
		l.access(r)
		l.values(r)
	}
	l.events()
	l.unused()
	if len(known) > 0 {
		l.fits(known)
	}
	l.tested()
	return l.found
}

// LintOf says of one rule, and of what it extends, what permits more than most
// need or has no effect; of a name that is no rule's, nothing.
func (p *Policy) LintOf(name string) []Finding {
	l := &linter{p: p}
	for _, r := range p.rules {
		if r.name != name || name == "" {
			continue
		}
		l.match(r)
		for _, part := range r.chain() {
			l.hosts(part)
			l.access(part)
			l.values(part)
		}
	}
	return l.found
}

func wide(m *match) bool {
	return m.digest == "" && (patternRank(m.name) < exactRank || patternRank(m.namespace) < exactRank)
}

func (l *linter) match(r *rule) {
	e := l.p.effective(r, r.level())
	m := r.match
	signed := m.signer != "" || len(e.Signers) > 0
	everything := patternRank(m.name) == 0 && patternRank(m.namespace) == 0 && m.digest == "" && m.signer == ""
	if everything && e.Level != Maximum {
		l.say(m.at, "policy.broad.match", "what no rule names is best left at level maximum", "rule %q gives level %s to every definition", r.name, e.Level)
	}
	if e.Level == Minimal && wide(m) && !signed {
		l.say(m.at, "policy.broad.level", "name one definition, or require a signer", "rule %q gives level minimal to whatever is named so", r.name)
	}
	if wide(m) && len(e.Libvirt.Dangerous.Allow) > 0 {
		for _, operation := range e.Libvirt.Dangerous.Allow {
			if !slices.Contains(e.Libvirt.Approval, operation) {
				l.say(r.at, "policy.broad.libvirt", "list it in libvirt.approval", "rule %q allows %s to a pattern of definitions without approval", r.name, operation)
			}
		}
	}
	if e.Level != Maximum && len(l.p.Targets) > 0 && len(e.Notify) == 0 {
		l.say(r.at, "policy.silent", "say notify: [{target: "+l.p.Targets[0].Name+"}]", "nobody is told of violations under rule %q", r.name)
	}
}

func (l *linter) hosts(r *rule) {
	for _, key := range []string{"egress", "calls", "sources"} {
		given, ok := r.value(key)
		if !ok {
			continue
		}
		for _, rule := range given.value.([]egress.Rule) {
			if rule.IsAny() || rule.Addresses() >= 1<<16 {
				l.say(given.at, "policy.broad.hosts", "list the hosts that are needed", "%q opens %s to %s", r.name, key, rule.String())
			}
		}
	}
}

// runsPrograms are modules that give a script other programs, or native code.
var runsPrograms = []string{"subprocess", "os", "pty", "ctypes", "importlib", "multiprocessing"}

func (l *linter) access(r *rule) {
	if secrets, ok := r.value("secrets"); ok && slices.Contains(secrets.value.(Patterns), "*") {
		l.say(secrets.at, "policy.broad.secrets", "list the secrets that are needed", "%q opens every secret", r.name)
	}
	if allow, ok := r.value("python.allow"); ok {
		for _, name := range allow.value.(ScriptNames) {
			if slices.Contains(runsPrograms, name) {
				l.say(allow.at, "policy.broad.python", "name the functions that are needed, such as subprocess.run", "%q allows all of module %s", r.name, name)
			}
		}
	}
}

// values are those that are the same without being given.
func (l *linter) values(r *rule) {
	for i, a := range r.given {
		without := *r
		without.given = slices.Delete(slices.Clone(r.given), i, i+1)
		if a.setting.key == "notify" || without.level() != r.level() {
			continue
		}
		with, without2 := l.p.effective(r, r.level()), l.p.effective(&without, r.level())
		if a.setting.key == levelKey && r.extends == nil && r.level() != Maximum {
			continue
		}
		if r.match != nil && slices.Contains(carriedSettings, a.setting.key) && len(with.Egress) == 0 {
			l.say(a.at, "policy.unused.value", "list hosts under egress, or leave it out", "%q opens no host, so that %s bounds nothing", r.name, a.setting.key)
			continue
		}
		if shown(a.setting.show(with)) == shown(a.setting.show(without2)) {
			l.say(a.at, "policy.unused.value", "leave it out", "%q would have the same %s anyhow", r.name, a.setting.key)
		}
	}
}

// carriedSettings bound what the hosts of egress are told, and tell.
var carriedSettings = []string{"limits.traffic", "limits.bandwidth", "limits.connections"}

func (l *linter) events() {
	if l.p.Events == nil {
		return
	}
	for _, broad := range l.p.Events.Broad() {
		l.say(place{}, "policy.broad.events", "list types and namespaces", "%s", broad)
	}
}

func (l *linter) unused() {
	all := slices.Concat(l.p.bases, l.p.rules)
	for _, base := range l.p.bases {
		if !slices.ContainsFunc(all, func(r *rule) bool { return r.extends == base }) {
			l.say(base.at, "policy.unused.base", "take it out", "no rule extends base %q", base.name)
		}
	}
	for _, s := range l.p.signers {
		used := slices.ContainsFunc(all, func(r *rule) bool {
			required, ok := r.value("require.signer")
			machines, asks := r.value("libvirt")
			return r.match != nil && r.match.signer == s.name || ok && slices.Contains(required.value.([]string), s.name) ||
				asks && machines.value.(Libvirt).AuthRequired && machines.value.(Libvirt).knows(s.name)
		})
		if !used {
			l.say(s.at, "policy.unused.signer", "take it out", "no rule names signer %q", s.name)
		}
	}
	for _, t := range l.p.Targets {
		used := slices.ContainsFunc(all, func(r *rule) bool {
			notify, ok := r.value("notify")
			return ok && slices.ContainsFunc(notify.value.([]NotifyRoute), func(route NotifyRoute) bool { return route.Target.Name == t.Name })
		})
		if !used {
			l.say(place{}, "policy.unused.target", "take it out", "no rule notifies target %q", t.Name)
		}
	}
}

// fits finds the rules that decide about none of the definitions that there are.
func (l *linter) fits(known []Identity) {
	decides := map[*rule]bool{}
	for _, id := range known {
		decides[l.p.decide(id).rule] = true
	}
	for _, r := range l.p.rules {
		if !decides[r] {
			l.say(r.at, "policy.unused.rule", "take it out, or give lint the definitions that it is for", "rule %q decides about none of the definitions given", r.name)
		}
	}
}

func (l *linter) tested() {
	decides := map[string]bool{}
	for _, t := range l.p.tests {
		decides[l.p.decideFor(t).Rule] = true
	}
	for _, r := range l.p.rules {
		if !decides[r.name] {
			l.say(r.at, "policy.untested", "write one under tests", "no test is about rule %q", r.name)
		}
	}
}
