package sandbox

import (
	"time"

	"lazaret.dev/lazaret/sandbox/seccomp"
)

// Spec says what one run may do and what it is given. It is a plain value:
// Run never changes it, and one Spec may be used by concurrent runs.
type Spec struct {
	// Argv is the program and its arguments as paths inside the sandbox.
	// Argv[0] must be absolute and must lie under one of Binds.
	Argv []string
	// Env is the whole environment, "NAME=value"; nothing is inherited.
	Env []string
	// Dir is the working directory inside the sandbox; "/" when empty.
	Dir string
	// Stdin is written to the program's standard input, which is then closed.
	Stdin []byte
	// Files are placed read-only in the sandbox's root before the program starts.
	Files []File
	// Arguments is delivered on inherited descriptor ArgumentsFD, to be read to
	// its end; empty means the descriptor is not there.
	Arguments []byte
	// Service talks with the program over inherited descriptor ServiceFD, a stream
	// socket, for as long as the program lives; when nil the descriptor is not there.
	Service Service
	// Binds are host paths shown read-only, nosuid and nodev at the same path.
	Binds []string
	// Data are host folders shown likewise, in which nothing is code: it can be
	// neither executed nor mapped to be. None lies in or around one of Binds.
	Data []string
	// Scratch is the size in bytes of the tmpfs at /scratch and of the one at /tmp; 0 means neither exists.
	Scratch int64
	// Proc shows a /proc of the sandbox's own pid namespace (hidepid, subset=pid).
	Proc bool
	// Network is what the program may reach; nothing when zero.
	Network Network
	// Limits are the quantities enforced; see Limits for what zero means.
	Limits Limits
	// Syscalls is the system-call policy, applied before the program's first instruction.
	Syscalls seccomp.Policy
	// KillAt is the least severity of a violation that ends the run; Critical when
	// zero. Below it the denied call gets EPERM and the program goes on.
	KillAt Severity
	// MaxViolations is how many violations that count, of Medium severity and
	// above, end the run; when zero, only a flood of any severity does.
	MaxViolations int
	// MayLack are the features that may be missing for this run. Those that are
	// missing are in Result.Degraded; without leave the run is refused.
	MayLack []Feature
	// Warm lets a sandbox be started before the run is asked for; nil forbids it.
	Warm *Warm
	// Alerts gets a violation of High severity or above when the program commits the
	// first of its kind, while it still runs; the Result has it too, with its final
	// count. Run never waits for a receiver and never closes the channel: what finds
	// no room in it is in the Result alone.
	Alerts chan<- Violation
	// ID seeds the ids of the run's violations, so that a caller that reports the
	// same run twice names them alike. It must differ between runs; random when empty.
	ID string

	waits  bool   // the program is started before its run is known
	serves bool   // that run will have a Service
	late   string // path of the file that is written then
	zygote *Zygote
	forks  bool // the program is a zygote
	forked bool // the program is a zygote's copy

	ownLayout bool // see Warm
}

// ArgumentsFD is the descriptor on which a program finds Spec.Arguments.
const ArgumentsFD = 3

// File is one read-only file of the sandbox's root.
type File struct {
	Path    string // absolute, inside the sandbox
	Content []byte
}

// Limits bounds one run. A zero quantity is refused, except where its comment says otherwise:
// there is no "unlimited".
type Limits struct {
	Wall      time.Duration // from start to kill
	Memory    int64         // bytes of cgroup memory, swap included
	Processes int64         // processes and threads of the program, the reaper not counted
	CPU       float64       // cores; 0 means as many as the machine has
	CPUTime   time.Duration // processor time of each process, in whole seconds; 0 means no other bound than Wall and CPU
	Stdout    int64         // bytes kept; the rest is drained, flagged as truncated, and ends the run at 16 times as much
	Stderr    int64         // bytes kept; as Stdout
	OpenFiles uint64        // RLIMIT_NOFILE
	FileSize  uint64        // RLIMIT_FSIZE, bytes
}
