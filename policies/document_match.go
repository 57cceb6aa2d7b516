package policies

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"
)

// match says which definitions a rule is for. What is empty fits every one.
type match struct {
	namespace, name string // patterns, with * and ?
	version         versions
	digest          string
	signer          string
	labels          map[string]string
	at              place
}

func (m *match) fits(id Identity, signers []string) bool {
	if m.digest != "" && m.digest != id.Digest {
		return false
	}
	if m.signer != "" && !slices.Contains(signers, m.signer) {
		return false
	}
	for key, value := range m.labels {
		if id.Labels[key] != value {
			return false
		}
	}
	return fitsPattern(m.namespace, id.Namespace) && fitsPattern(m.name, id.Name) && m.version.fit(id.Version)
}

func fitsPattern(pattern, text string) bool {
	return pattern == "" || matchesIdentity(pattern, text)
}

// rank orders rules that fit the same definition: the greater is the more
// specific, compared from the first number on.
type rank [6]int

func (r rank) compare(other rank) int { return slices.Compare(r[:], other[:]) }

// rank is digest, name, namespace, version, signer, labels, in this order: an
// exact name comes before a pattern, a pattern with more letters before one with
// fewer, one version before a range.
func (m *match) rank() rank {
	return rank{
		given(m.digest != ""), patternRank(m.name), patternRank(m.namespace), m.version.rank(), given(m.signer != ""), len(m.labels),
	}
}

func given(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

const exactRank = 1 << 20

func patternRank(pattern string) int {
	if pattern == "" {
		return 0
	}
	letters := len(pattern) - strings.Count(pattern, "*") - strings.Count(pattern, "?")
	if letters == len(pattern) {
		return exactRank
	}
	return letters
}

// meets says whether some definition may fit both.
func (m *match) meets(other *match) bool {
	for key, value := range m.labels {
		if theirs, ok := other.labels[key]; ok && theirs != value {
			return false
		}
	}
	return either(m.digest, other.digest) && either(m.signer, other.signer) &&
		patternsMeet(m.namespace, other.namespace) && patternsMeet(m.name, other.name) && m.version.meet(other.version)
}

func either(a, b string) bool { return a == "" || b == "" || a == b }

// patternsMeet says whether some text fits both patterns. Each pair of places in
// the two is looked at once.
func patternsMeet(a, b string) bool {
	if a == "" || b == "" {
		return true
	}
	reached := make([][]bool, len(a)+1)
	for i := range reached {
		reached[i] = make([]bool, len(b)+1)
	}
	reached[0][0] = true
	for i := 0; i <= len(a); i++ {
		for j := 0; j <= len(b); j++ {
			if !reached[i][j] {
				continue
			}
			starA, starB := i < len(a) && a[i] == '*', j < len(b) && b[j] == '*'
			if starA {
				reached[i+1][j] = true
			}
			if starB {
				reached[i][j+1] = true
			}
			if i == len(a) || j == len(b) {
				continue
			}
			switch {
			case starA && starB:
			case starA:
				reached[i][j+1] = true
			case starB:
				reached[i+1][j] = true
			case a[i] == '?' || b[j] == '?' || a[i] == b[j]:
				reached[i+1][j+1] = true
			}
		}
	}
	return reached[len(a)][len(b)]
}

// versions are those between two bounds; the zero versions are all.
type versions struct {
	text          string // as it was written; empty: all
	exact         bool
	low, high     *semver.Version // nil: none
	lowIn, highIn bool
}

// parseVersions reads one version, or bounds such as ">=1.2.0 <2.0.0".
func parseVersions(text string) (versions, bool) {
	v := versions{text: text}
	for part := range strings.FieldsSeq(text) {
		number := strings.TrimLeft(part, "<>=")
		bound, err := semver.StrictNewVersion(number)
		if err != nil {
			return v, false
		}
		ok := false
		switch operator := strings.TrimSuffix(part, number); operator {
		case ">", ">=":
			ok, v.low, v.lowIn = v.low == nil, bound, operator == ">="
		case "<", "<=":
			ok, v.high, v.highIn = v.high == nil, bound, operator == "<="
		case "", "=":
			ok = v.low == nil && v.high == nil
			v.exact, v.low, v.high, v.lowIn, v.highIn = true, bound, bound, true, true
		}
		if !ok {
			return v, false
		}
	}
	return v, v.low != nil || v.high != nil
}

// fit says whether a version is among them. What is no version is in no range.
func (v versions) fit(text string) bool {
	if v.text == "" {
		return true
	}
	version, err := semver.StrictNewVersion(text)
	return err == nil && v.above(version) && v.below(version)
}

func (v versions) above(version *semver.Version) bool {
	if v.low == nil {
		return true
	}
	order := version.Compare(v.low)
	return order > 0 || order == 0 && v.lowIn
}

func (v versions) below(version *semver.Version) bool {
	if v.high == nil {
		return true
	}
	order := version.Compare(v.high)
	return order < 0 || order == 0 && v.highIn
}

// meet says whether two ranges may have a version in common.
func (v versions) meet(other versions) bool {
	return !v.before(other) && !other.before(v)
}

// before says whether all of v are below all of other.
func (v versions) before(other versions) bool {
	if v.high == nil || other.low == nil {
		return false
	}
	order := v.high.Compare(other.low)
	return order < 0 || order == 0 && (!v.highIn || !other.lowIn)
}

func (v versions) empty() bool { return v.before(v) }

func (v versions) rank() int {
	switch {
	case v.text == "":
		return 0
	case v.exact:
		return 2
	}
	return 1
}

// labelsText is the labels in one fixed form.
func labelsText(labels map[string]string) string {
	var b strings.Builder
	for _, key := range slices.SortedFunc(maps.Keys(labels), cmp.Compare[string]) {
		b.WriteString(key + "\x00" + labels[key] + "\x00")
	}
	return b.String()
}
