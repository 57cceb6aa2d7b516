package sandbox

import (
	"slices"

	"golang.org/x/sys/unix"
)

// judge says what an act means under one Spec.
type judge struct {
	work bool     // there is a work space
	root rootView // of the running sandbox
	// binds are what the Spec shows: a program may look for anything there, found
	// or not, wherever on the host it is.
	binds []string
}

// watched judges a call that the kernel is about to carry out: false when there
// is nothing to say about it.
func (j judge) watched(a act) (Violation, bool) {
	var worst Violation
	for i := range a.files {
		f := &a.files[i]
		if v, ok := j.file(a.call, f); ok && v.Severity > worst.Severity {
			worst = v
		}
	}
	return worst, worst.Severity > 0
}

// denied judges a call that the filter does not permit.
func (j judge) denied(a act) Violation {
	v := Violation{Type: UnauthorizedSystemCall, Severity: Medium}
	for _, r := range classRules {
		if r.paths == nil && r.holds(a) {
			v.Type, v.Severity = r.Type, r.Severity
			break
		}
	}
	if worse, ok := j.watched(a); ok && worse.Severity > v.Severity {
		v.Type, v.Severity = worse.Type, worse.Severity
	}
	v.Action = actionDeny
	return v
}

func (r rule) holds(a act) bool {
	if len(r.calls) > 0 && !r.calls[a.call] {
		return false
	}
	for _, c := range r.When {
		if !c.Holds(a.args) {
			return false
		}
	}
	return true
}

// file judges what a call wants of one file. What the mounts grant is no
// violation, nor is reading what they show.
//
// Only in the work space can a program make links; those it finds elsewhere lead
// to where the mounts lead.
func (j judge) file(call string, named *file) (Violation, bool) {
	f := *named
	if j.inWorkSpace(f.path) {
		if f.path = j.root.follow(f.path); f.path != named.path {
			named.target = f.path
		}
	}
	r, ok := ruleFor(call, f)
	if !ok || r.Severity == 0 {
		return Violation{}, false
	}
	if !r.Hidden && (f.access != Read && j.writable(f.path) || f.access == Read && (j.root.exists(f.path) || j.shown(f.path))) {
		return Violation{}, false
	}
	return Violation{Type: r.Type, Severity: r.Severity, Action: j.refusal(f)}, true
}

func ruleFor(call string, f file) (rule, bool) {
	for _, r := range classRules {
		if r.paths == nil || r.Access != AnyAccess && r.Access != f.access || len(r.calls) > 0 && !r.calls[call] {
			continue
		}
		for _, p := range r.paths {
			if p.match(f.path) {
				return r, true
			}
		}
	}
	return rule{}, false
}

func (j judge) inWorkSpace(path string) bool {
	return j.work && (within(path, "/scratch") || within(path, "/tmp") || within(path, "/dev/shm"))
}

func (j judge) shown(path string) bool {
	return slices.ContainsFunc(j.binds, func(b string) bool { return within(path, b) })
}

func (j judge) writable(path string) bool {
	if j.inWorkSpace(path) {
		return true
	}
	for _, d := range devices {
		if path == "/dev/"+d {
			return true
		}
	}
	return false
}

// refusal is what the kernel will answer, as far as the worker can tell.
func (j judge) refusal(f file) string {
	switch {
	case f.access == Share:
		return actionDeny
	case !j.root.exists(f.path) && (f.access == Read || !j.root.exists(parent(f.path))):
		return unix.ErrnoName(unix.ENOENT)
	case f.access == Write:
		return unix.ErrnoName(unix.EROFS)
	}
	return unix.ErrnoName(unix.EACCES)
}
