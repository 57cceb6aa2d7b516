// Package initproc is the code that stands between the worker and an untrusted
// program: it builds one sandbox from the inside and then reaps its processes.
//
// It knows nothing about policy. The worker sends it a Plan, a list of system
// calls with their arguments; the helper process runs them in three places:
//
//	helper   a small Go process, started ahead of time inside the run's cgroup
//	  └ pid 1    made by one clone(2) with every namespace; runs Plan.Init, then only reaps
//	      └ pid 2    runs Plan.Program, whose last call is execve(2)
//
// Pid 1 and, until its execve, pid 2 are copies of the helper's memory made by
// fork without exec. They run no Go runtime: only raw system calls from
// preallocated memory. That is why the work is a plan and not Go code, and it
// is also what makes a sandbox cheap: nothing but the program itself is executed
// after the run has been asked for.
//
// The package trusts its plan completely; the plan comes from the worker over an
// inherited socket that no sandboxed process ever holds.
package initproc

// Version changes with the wire format. A helper refuses another version's plan.
const Version = 3

// Registers is how many words of memory a plan's calls share. Pid 1 and pid 2
// each have their own copy from the moment of the fork.
const Registers = 64

// Registers that are set before the first call.
const (
	RegControl = 1 // descriptor of the control socket
	RegReady   = 2 // descriptor to which pid 2 writes the number of its seccomp listener
	RegFree    = 8 // first register a plan may use as it likes
)

// Plan is everything that a helper needs to build one sandbox.
type Plan struct {
	Namespaces     uint64 // CLONE_NEW… flags of what pid 1 gets of its own
	UIDMap, GIDMap string // contents of /proc/PID/uid_map and gid_map of pid 1; empty without a user namespace
	DenySetgroups  bool   // before the gid_map is written, as the kernel asks of ordinary users
	Init           []Call // run by pid 1, as the host identity it inherited, with all capabilities in its own namespaces
	Program        []Call // run by pid 2; the last one is expected not to return
	Registers      []Word // initial values
	Data           []byte // memory that calls point into
	Pointers       []uint32
	// Pointers are the offsets in Data of 8-byte words, little endian, that
	// hold an offset in Data and are turned into addresses. ^0 stays null.
}

// Word is the initial value of one register.
type Word struct {
	Register uint8
	Value    uint64
}

// Call is one system call. It fails when the kernel returns an error or a value
// below Min; the first failing call ends the sandbox.
type Call struct {
	Number uint32
	Save   uint8 // register that gets the result; 0 drops it
	Min    uint64
	Args   [6]Arg
}

// Arg is one argument of a call.
type Arg struct {
	Kind  Kind
	Value uint64
}

// Kind says what an argument's value means.
type Kind uint8

// The kinds of argument.
const (
	Const   Kind = iota // the value itself
	Data                // the address of Plan.Data[Value]
	Reg                 // the contents of register Value
	RegAddr             // the address of register Value
	kinds
)
