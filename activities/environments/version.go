package environments

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// version is a version of a package as PEP 440 orders them.
type version struct {
	epoch   int
	release []int  // without zeros at the end
	stage   [2]int // dev < a < b < rc < (none), and its number
	post    int    // -1: none
	dev     int    // maxDev: none
	local   string
}

const maxDev = 1 << 30

var (
	versionText = regexp.MustCompile(`^v?(?:(\d+)!)?(\d+(?:\.\d+)*)(?:[._-]?(alpha|beta|preview|pre|a|b|c|rc)[._-]?(\d*))?` +
		`(?:-(\d+)|([._-]?(?:post|rev|r))[._-]?(\d*))?(?:([._-]?dev)[._-]?(\d*))?(?:\+([a-z0-9]+(?:[._-][a-z0-9]+)*))?$`)
	stages = map[string]int{"a": 1, "alpha": 1, "b": 2, "beta": 2, "c": 3, "rc": 3, "pre": 3, "preview": 3}
)

// finalStage is that of a version without a pre-release.
const finalStage = 4

// parseVersion reads a version in any of its spellings; false, if it is none.
func parseVersion(text string) (version, bool) {
	m := versionText.FindStringSubmatch(strings.ToLower(text))
	if m == nil {
		return version{}, false
	}
	v := version{epoch: number(m[1]), stage: [2]int{finalStage, 0}, post: -1, dev: maxDev, local: m[10]}
	for part := range strings.SplitSeq(m[2], ".") {
		v.release = append(v.release, number(part))
	}
	for len(v.release) > 1 && v.release[len(v.release)-1] == 0 {
		v.release = v.release[:len(v.release)-1]
	}
	if m[3] != "" {
		v.stage = [2]int{stages[m[3]], number(m[4])}
	}
	switch {
	case m[5] != "":
		v.post = number(m[5])
	case m[6] != "":
		v.post = number(m[7])
	}
	if m[8] != "" {
		v.dev = number(m[9])
		if m[3] == "" && v.post < 0 {
			v.stage = [2]int{0, 0} // 1.0.dev1 is before 1.0a1
		}
	}
	return v, true
}

func number(text string) int {
	n, _ := strconv.Atoi(text) // of digits; none is 0
	return n
}

// compare orders versions without their local parts.
func (v version) compare(o version) int {
	return cmp.Or(
		cmp.Compare(v.epoch, o.epoch), slices.Compare(v.release, o.release),
		cmp.Compare(v.stage[0], o.stage[0]), cmp.Compare(v.stage[1], o.stage[1]),
		cmp.Compare(v.post, o.post), cmp.Compare(v.dev, o.dev),
	)
}
