package sandbox

import (
	"path"
	"strings"
)

// pattern matches absolute, clean paths by their components: a component may hold
// the wildcards of path.Match, and ** stands for any number of components, also none.
type pattern []string

func newPattern(s string) pattern { return strings.Split(strings.TrimPrefix(s, "/"), "/") }

func (p pattern) match(file string) bool {
	if !strings.HasPrefix(file, "/") {
		return false
	}
	return matchComponents(p, strings.Split(strings.TrimPrefix(file, "/"), "/"))
}

// matchComponents takes time linear in the path for patterns with one **, which
// all of ours are but for a leading one.
func matchComponents(p, file []string) bool {
	for len(p) > 0 {
		if p[0] == "**" {
			return matchRest(p[1:], file)
		}
		if len(file) == 0 || !matchOne(p[0], file[0]) {
			return false
		}
		p, file = p[1:], file[1:]
	}
	return len(file) == 0
}

func matchRest(p, file []string) bool {
	if len(p) == 0 {
		return true
	}
	for i := range file {
		if matchComponents(p, file[i:]) {
			return true
		}
	}
	return false
}

func matchOne(p, component string) bool {
	if !strings.ContainsAny(p, "*?[") {
		return p == component
	}
	ok, _ := path.Match(p, component)
	return ok
}
