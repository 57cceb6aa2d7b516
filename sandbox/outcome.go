package sandbox

import (
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"lazaret.dev/lazaret/sandbox/cgroup"
)

// result puts together what the kernel and the supervisor saw.
func (x *run) result(wall time.Duration, s *streams, violations *ledger, root rootView) Result {
	counters := x.slot.group.Counters()
	cause := x.causeOf()
	outcome := x.outcome(cause, counters)
	if outcome == Denied && cause != Denied {
		violations.add(foreignABI())
	}
	for _, v := range x.limitsHit(outcome, counters, root) {
		violations.add(v)
	}
	r := Result{
		Outcome:    outcome,
		Stdout:     s.stdout.kept,
		Stderr:     s.stderr.kept,
		Truncated:  s.stdout.truncated() || s.stderr.truncated(),
		Violations: violations.list(),
		Usage: Usage{
			Wall:      wall,
			CPU:       x.cpu(),
			MaxMemory: x.peak(counters),
		},
	}
	switch outcome { //nolint:exhaustive // the others have no code
	case Completed, Failed:
		r.Code = x.status.ExitStatus()
	case Signalled:
		r.Signal = x.status.Signal()
	case PidsLimit:
		r.Code = max(x.status.ExitStatus(), 0)
	}
	return r
}

// outcome judges in the order of what we know best: our own kill, then the
// kernel's counters, then the wait status.
func (x *run) outcome(cause Outcome, c cgroup.Counters) Outcome {
	ok := x.exited && x.status.Exited() && x.status.ExitStatus() == 0
	switch {
	case cause != "":
		return cause
	case ok:
		return Completed
	case c.OOMKills > 0:
		return MemoryLimit
	case !x.exited: // pid 1 died without a word, and not by us
		return SandboxError
	case x.status.Signaled() && x.status.Signal() == syscall.SIGSYS:
		return Denied
	case x.outOfCPUTime():
		return TimedOut
	case c.PidsRefused > 0:
		return PidsLimit
	case x.status.Signaled():
		return Signalled
	}
	return Failed
}

// foreignABI is the violation of a call that the filter answers with SIGSYS
// without asking: one through i386's or x32's entry.
func foreignABI() Violation {
	return Violation{Type: UnauthorizedSystemCall, Severity: Critical, Detail: "ended by SIGSYS: a system call through a foreign ABI", Count: 1, Action: actionKill}
}

// outOfCPUTime says whether the kernel ended the program at RLIMIT_CPU: with
// SIGXCPU, or a second later with SIGKILL if the program ignores that. It counts
// ticks for that, and ours is the exact time, which may be a good deal less on a
// machine that shares its processors.
func (x *run) outOfCPUTime() bool {
	limit := x.spec.Limits.CPUTime
	if limit == 0 || !x.exited || !x.status.Signaled() {
		return false
	}
	signal := x.status.Signal()
	return signal == syscall.SIGXCPU || signal == syscall.SIGKILL && x.cpu() >= limit/2
}

// cpu prefers the group's clock: pid 1's knows nothing of a program that was
// killed together with it, and counts what a warm program did before its run.
func (x *run) cpu() time.Duration {
	if own := x.slot.group.CPU() - x.before; x.wasWarm && own > 0 {
		return own
	}
	waited := duration(x.rusage.Utime) + duration(x.rusage.Stime)
	return max(waited, x.slot.group.CPU()-x.before)
}

// peak is the largest process's where no group counts them all together, of those that
// pid 1 has waited for: 0 when it was killed with the program.
func (x *run) peak(c cgroup.Counters) int64 {
	if c.PeakMemory > 0 || !x.exited {
		return c.PeakMemory
	}
	return x.rusage.Maxrss << 10
}

func duration(t unix.Timeval) time.Duration { return time.Duration(t.Nano()) }
