package sandbox

import (
	"errors"
	"fmt"
	"io"

	"golang.org/x/sys/unix"
	"lazaret.dev/lazaret/sandbox/seccomp"
)

// What was done about a violation.
const (
	actionDeny = "EPERM"
	actionKill = "kill"
)

// maxDenials ends a run that only wants to keep the supervisor busy.
const maxDenials = 1000

// supervisor answers the denied calls of one run. It denies all of them, except
// the one execve by which the helper's code becomes the program, if the policy
// does not permit execve anyway.
type supervisor struct {
	arch     seccomp.Arch
	listener *seccomp.Listener
	strict   bool // kill at the first violation that counts
	started  bool // the program's own code may have run
	end      func(Outcome)
	ledger   *ledger
	err      error // a fault of ours
	done     chan struct{}
}

func newSupervisor(s *Spec, a seccomp.Arch, l *seccomp.Listener, end func(Outcome)) *supervisor {
	return &supervisor{
		arch: a, listener: l, strict: s.KillOnViolation, end: end, ledger: newLedger(), done: make(chan struct{}),
		started: execVerdict(s.Syscalls, a) == seccomp.Allow,
	}
}

// start begins to answer; stop ends it.
func (s *supervisor) start() { go s.serve() }

// stop waits until the last process with the filter is gone and returns what was
// recorded, and why it gave up before, if it did. Preconditions: the sandbox's
// processes are dead.
func (s *supervisor) stop() (*ledger, error) {
	<-s.done
	return s.ledger, s.err
}

// serve runs until no process is left that could call. Closing the listener
// makes the kernel deny (ENOSYS) whatever it would still have asked.
func (s *supervisor) serve() {
	defer close(s.done)
	defer s.listener.Close()
	for {
		n, err := s.listener.Receive()
		if errors.Is(err, io.EOF) {
			return
		}
		if err == nil {
			err = s.answer(n)
		}
		if err != nil {
			s.err = fmt.Errorf("supervise the program: %w", err)
			s.end(SandboxError)
			return
		}
	}
}

// answer turns a panic of ours into an error: the run ends, nothing is permitted.
func (s *supervisor) answer(n seccomp.Notification) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("BUG: supervisor: %v", p)
		}
	}()
	name := s.arch.Name(n.Call)
	if name == "execve" && !s.started {
		s.started = true
		return s.listener.Continue(n)
	}
	v := s.violation(name, n)
	s.ledger.add(v)
	if v.Action == actionKill {
		s.end(Denied)
	}
	return s.listener.Deny(n, unix.EPERM)
}

func (s *supervisor) violation(name string, n seccomp.Notification) Violation {
	v := classify(name, n)
	v.Syscall, v.Action = name, actionDeny
	if v.Syscall == "" {
		v.Detail = fmt.Sprintf("system call %d", n.Call)
	}
	if v.Severity == Critical || s.strict && v.Severity > Low || s.ledger.total >= maxDenials {
		v.Action = actionKill
	}
	return v
}
