package sandbox

import (
	"syscall"
	"time"

	"lazaret.dev/lazaret/sandbox/egress"
)

// Outcome is how a run ended, as the worker saw it; nothing the program says decides it.
type Outcome string

// The outcomes.
const (
	Completed    Outcome = "completed"     // exit code 0
	Failed       Outcome = "failed"        // another exit code
	Signalled    Outcome = "signalled"     // ended by a signal that was not ours
	TimedOut     Outcome = "timed-out"     // Limits.Wall passed
	MemoryLimit  Outcome = "memory-limit"  // the kernel's OOM killer ended it inside its own cgroup
	PidsLimit    Outcome = "pids-limit"    // failed after the kernel had refused it a process
	OutputLimit  Outcome = "output-limit"  // stdout or stderr went far beyond its bound
	Denied       Outcome = "denied"        // killed for a violation
	Refused      Outcome = "refused"       // never started: a policy forbids it
	SandboxError Outcome = "sandbox-error" // the sandbox itself failed; the program is not to blame
	Cancelled    Outcome = "cancelled"     // the caller's context ended
)

// Result is what one run did. Stdout and Stderr are hostile data.
type Result struct {
	Outcome    Outcome
	Code       int            // exit code; meaningful for Completed and Failed
	Signal     syscall.Signal // meaningful for Signalled
	Stdout     []byte
	Stderr     []byte
	Truncated  bool // some output was dropped
	Violations []Violation
	// Connections are those that were permitted and carried, in the order of their ends.
	Connections []egress.Connection
	// Degraded lists the features that this machine could not give and that the
	// Spec allowed to be missing.
	Degraded []Feature
	Usage    Usage
}

// Usage is what a run cost, from the kernel's accounting.
type Usage struct {
	Wall      time.Duration
	CPU       time.Duration
	MaxMemory int64 // bytes, the cgroup's peak; without one the largest process's, 0 if unknown
}

// Violation is one kind of forbidden act in one run: a fact that the kernel or
// the supervisor saw, aggregated over its repetitions.
type Violation struct {
	ID       string // unique per run and kind; stable when the same run is reported again
	Type     ViolationType
	Severity Severity
	Syscall  string // name of the system call, or empty
	Detail   string // decoded arguments; hostile data, advisory, bounded and printable
	Count    int
	Action   string // what came of it: "kill", or the error that the program got
	PID      int    // process that was first to do it, as the sandbox numbers it; 0 if unknown
	Command  string // its name, which it chose itself
}
