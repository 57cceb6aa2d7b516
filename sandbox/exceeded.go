package sandbox

import (
	"syscall"

	"golang.org/x/sys/unix"

	"lazaret.dev/lazaret/sandbox/cgroup"
)

// limitsHit are the violations of a run that came up against its limits, whether
// that ended it or not. They come from the kernel's counters and from what this
// process did, all but the fill of the work space: that is looked at when the
// program is gone, so that one that cleaned up in time is not seen.
func (x *run) limitsHit(o Outcome, c cgroup.Counters, root rootView) []Violation {
	var vs []Violation
	hit := func(detail string, count uint64, action string) {
		vs = append(vs, Violation{Type: ResourceLimitExceeded, Severity: Medium, Detail: detail, Count: int(min(count, 1<<30)), Action: action})
	}
	switch {
	case o == TimedOut && x.causeOf() == "":
		hit("CPU time", 1, actionKill)
	case o == TimedOut:
		hit("wall time", 1, actionKill)
	case o == OutputLimit:
		hit("output", 1, actionKill)
	case o == Signalled && x.status.Signal() == syscall.SIGXFSZ:
		hit("file size", 1, actionKill)
	case o == MemoryLimit || c.OOMKills > 0:
		hit("memory", max(c.OOMKills, 1), actionKill)
	}
	if c.PidsRefused > 0 {
		hit("processes", c.PidsRefused, unix.ErrnoName(unix.EAGAIN))
	}
	for _, w := range root.work {
		if what, full := w.full(); full {
			hit(what, 1, unix.ErrnoName(unix.ENOSPC))
		}
	}
	return vs
}
