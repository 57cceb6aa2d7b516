package checker

import (
	"fmt"
	"maps"
	"slices"

	"lazaret.dev/lazaret/policies"
)

// Terms are those on which a script is judged.
type Terms struct {
	Level policies.Level
	// Granted is what the operator allows to scripts that ask for it.
	Granted policies.ScriptNames
	// Modules and Functions are what the definition's metadata asks for. A list
	// that is not nil is also the limit: nothing beyond it passes at any level.
	Modules, Functions policies.ScriptNames
	// Packages says that the script has packages which the operator's index
	// gave: what is in no list is one of theirs.
	Packages bool
}

// Asked are all names that the metadata asks for.
func (t Terms) Asked() policies.ScriptNames { return slices.Concat(t.Modules, t.Functions) }

// Judge gives each finding the response of the terms, drops those to be
// ignored, and adds one for each name that was asked for in vain.
func (t Terms) Judge(facts Facts) []Finding {
	findings := t.vain(facts.Asked)
	for _, f := range facts.Findings {
		f.Response = t.respond(f)
		if f.Response == policies.Refuse && t.Granted.Cover(f.Subject) && !t.Asked().Cover(f.Subject) {
			f.Hint = fmt.Sprintf("the operator grants it to definitions that ask: metadata: {python.allowed_%s: %s}", f.list(), f.Subject)
		}
		if f.Response != policies.Ignore {
			findings = append(findings, f)
		}
	}
	return findings
}

func (t Terms) respond(f Finding) policies.Response {
	rule, known := policies.FindScriptRule(f.Rule)
	if !known || !rule.Grantable {
		return rule.At(t.Level)
	}
	if f.Rule == "script.import" && t.Packages && t.Modules == nil {
		return policies.Ignore
	}
	asked, granted := t.Asked().Cover(f.Subject), t.Granted.Cover(f.Subject)
	if f.Import {
		asked = t.Asked().Reach(f.Subject)
		granted = slices.ContainsFunc(t.Asked(), func(name string) bool {
			return t.Granted.Cover(name) && policies.ScriptNames{name}.Reach(f.Subject)
		})
	}
	switch {
	case asked && granted:
		return policies.Ignore
	case !asked && t.beyond(f):
		return policies.Refuse
	}
	return rule.At(t.Level)
}

// beyond reports whether the metadata has a list that would have to name the
// finding's subject.
func (t Terms) beyond(f Finding) bool {
	if f.Import {
		return t.Modules != nil
	}
	return t.Functions != nil
}

// list is the metadata list in which a finding's subject would stand.
func (f Finding) list() string {
	if f.Import {
		return "modules"
	}
	return "functions"
}

// vain are findings about names that were asked for, that the level does not
// allow by itself, and that the operator does not grant.
func (t Terms) vain(asked map[string]string) []Finding {
	var findings []Finding
	for _, name := range slices.Sorted(maps.Keys(asked)) {
		id := asked[name]
		rule, known := policies.FindScriptRule(id)
		if id == "" || known && rule.At(t.Level) != policies.Refuse || t.Granted.Cover(name) {
			continue
		}
		findings = append(findings, Finding{
			Rule: "script.grant", Subject: name, Line: 1, Column: 1,
			Message: fmt.Sprintf("Permission not granted: metadata asks for %s, which level %s does not allow and the operator does not grant", name, t.Level),
			Hint:    "the operator may start the worker with --python-allow " + name,
		})
	}
	return findings
}
