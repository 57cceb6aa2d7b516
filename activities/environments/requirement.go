package environments

import (
	"regexp"
	"strings"
)

// requirement is a package that a definition asks for.
type requirement struct {
	name       string // normalised
	text       string // as asked
	specifiers []specifier
}

// specifier bounds the versions of a package: PEP 440, with its operators.
type specifier struct{ operator, version string }

var (
	nameSeparators = regexp.MustCompile(`[-_.]+`)
	requirementOf  = regexp.MustCompile(`^([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)((?:(?:===|==|~=|!=|<=|>=|<|>)[A-Za-z0-9][A-Za-z0-9.*+!_-]*,?)*)$`)
	specifierOf    = regexp.MustCompile(`^(===|==|~=|!=|<=|>=|<|>)(.+)$`)
)

// normalise is the one name of a package: PEP 503.
func normalise(name string) string {
	return strings.ToLower(nameSeparators.ReplaceAllString(name, "-"))
}

// parseRequirement reads a name with version specifiers and nothing more: what
// else a requirement may have reaches files, hosts or pip's options.
func parseRequirement(text string) (requirement, error) {
	m := requirementOf.FindStringSubmatch(text)
	if m == nil {
		return requirement{}, fault(Invalid, "python.packages %q is not a package such as requests or requests==2.31.0", preview(text))
	}
	r := requirement{name: normalise(m[1]), text: text}
	for part := range strings.SplitSeq(m[2], ",") {
		if s := specifierOf.FindStringSubmatch(part); s != nil {
			r.specifiers = append(r.specifiers, specifier{s[1], s[2]})
		}
	}
	return r, nil
}

// PackageName is the one name (PEP 503) of the package that a requirement asks
// for; false, if it is none.
func PackageName(text string) (string, bool) {
	r, err := parseRequirement(text)
	return r.name, err == nil
}

func parseRequirements(texts []string) ([]requirement, error) {
	all := make([]requirement, len(texts))
	for i, text := range texts {
		var err error
		if all[i], err = parseRequirement(text); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// allows says whether a version is one that was asked for.
func (r requirement) allows(text string) bool {
	for _, s := range r.specifiers {
		if !s.allows(text) {
			return false
		}
	}
	return true
}

func (s specifier) allows(text string) bool {
	if s.operator == "===" {
		return strings.EqualFold(s.version, text)
	}
	prefix, wild := strings.CutSuffix(s.version, ".*")
	have, ok := parseVersion(text)
	want, readable := parseVersion(prefix)
	if !ok || !readable {
		return false
	}
	order := have.compare(want)
	switch s.operator {
	case "==":
		return wild && have.within(want, prefix) || !wild && order == 0 && (want.local == "" || want.local == have.local)
	case "!=":
		return !specifier{"==", s.version}.allows(text)
	case "<=":
		return order <= 0
	case ">=":
		return order >= 0
	case "<":
		return order < 0
	case ">":
		return order > 0
	case "~=":
		base := prefix[:max(strings.LastIndexByte(prefix, '.'), 0)]
		outer, ok := parseVersion(base)
		return ok && order >= 0 && have.within(outer, base)
	}
	return false
}

// within says whether a release begins as the one written does, whose zeros count.
func (v version) within(o version, written string) bool {
	parts := strings.Count(written, ".") + 1
	at := func(release []int, i int) int {
		if i < len(release) {
			return release[i]
		}
		return 0
	}
	for i := range parts {
		if at(v.release, i) != at(o.release, i) {
			return false
		}
	}
	return v.epoch == o.epoch
}
