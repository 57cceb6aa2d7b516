package sandbox

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"lazaret.dev/lazaret/sandbox/seccomp"
)

// What was done about a violation: the error that the program got, or its end.
const (
	actionDeny = "EPERM"
	actionKill = "kill"
)

const (
	// maxDenials ends a run that only wants to keep the supervisor busy, at any level.
	maxDenials = 10_000
	// freeLooks is how many watched calls are answered at once. Beyond them each
	// waits for pace, so that a program cannot make the worker spin.
	freeLooks = 50_000
	pace      = 100 * time.Microsecond
)

// supervisor answers the notified calls of one run. It carries on those that the
// policy has watched and denies all others, except the one execve by which the
// helper's code becomes the program.
type supervisor struct {
	arch     seccomp.Arch
	filter   seccomp.Filter
	listener *seccomp.Listener
	network  Network
	judge    judge
	killAt   Severity
	most     int  // violations that count, 0 for any number
	started  bool // the program's own code may have run
	vforked  int  // thread whose vfork was denied last
	looks    int  // watched calls
	end      func(Outcome)
	ledger   *ledger
	err      error // a fault of ours
	done     chan struct{}

	mu sync.Mutex // held while a call is answered, and while the run changes
}

func newSupervisor(s *Spec, a seccomp.Arch, f seccomp.Filter, l *seccomp.Listener, root rootView, end func(Outcome)) *supervisor {
	killAt := s.KillAt
	if killAt == 0 {
		killAt = Critical
	}
	return &supervisor{
		arch: a, filter: f, listener: l, network: s.Network, judge: judge{s.Scratch > 0, root, slices.Concat(s.Binds, s.Data)}, killAt: killAt, most: s.MaxViolations,
		end: end, ledger: newLedger(s), done: make(chan struct{}),
		started: s.forked || execVerdict(s.Syscalls, a) == seccomp.Allow,
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
	defer func() { _ = s.listener.Close() }()
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

// adopt makes the supervisor that of a run whose program has waited for it, and
// forgets what it saw before. It returns how many violations that were.
func (s *supervisor) adopt(spec *Spec) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.ledger.counting
	s.killAt, s.most = cmp.Or(spec.KillAt, Critical), spec.MaxViolations
	s.looks, s.vforked, s.ledger = 0, 0, newLedger(spec)
	return before
}

// answer turns a panic of ours into an error: the run ends, nothing is permitted.
func (s *supervisor) answer(n seccomp.Notification) (err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
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
	if s.filter.Verdict(n.Call, n.Args) == seccomp.Watch && !s.passes(name, n) {
		return s.watch(name, n)
	}
	a := observe(name, n)
	if !s.listener.Alive(n) { // what was read may have been another process's memory
		a.files = nil
	}
	if !s.again(a, n) {
		s.record(s.network.excuse(s.judge.denied(a), a), a, n)
	}
	return s.listener.Deny(n, unix.EPERM)
}

// again says whether a denied fork only repeats the thread's vfork just before it:
// Python tries the one and then the other to start one program.
func (s *supervisor) again(a act, n seccomp.Notification) bool {
	before := s.vforked
	s.vforked = 0
	if a.call == "vfork" {
		s.vforked = n.PID
	}
	return before == n.PID && a.call == "clone" && a.args[0]&(newNamespaces|unix.CLONE_THREAD|unix.CLONE_VM) == 0
}

// watch looks at a call that the policy permits. Only an act that ends the run is
// denied here, or one that no other layer refuses; all others go on to where the
// file system refuses them.
func (s *supervisor) watch(name string, n seccomp.Notification) error {
	if s.looks++; s.looks > freeLooks {
		time.Sleep(pace)
	}
	a := observe(name, n)
	v, ok := s.judge.watched(a)
	if !ok || !s.listener.Alive(n) {
		return s.listener.Continue(n)
	}
	if action := s.record(v, a, n); action == actionKill || action == actionDeny {
		return s.listener.Deny(n, unix.EPERM)
	}
	return s.listener.Continue(n)
}

// record writes a violation down, ends the run if it must, and returns the action.
func (s *supervisor) record(v Violation, a act, n seccomp.Notification) string {
	v.Syscall, v.Detail = a.call, describe(a, memory{n.PID})
	if len(a.files) == 0 && !s.listener.Alive(n) { // as before; no process has the thread id 0
		v.Detail = describe(a, memory{})
	}
	if v.Syscall == "" {
		v.Detail = fmt.Sprintf("system call %d", n.Call)
	}
	if v.Severity >= s.killAt || s.ledger.total >= maxDenials || v.Severity > Low && s.most > 0 && s.ledger.counting+1 > s.most {
		v.Action = actionKill
	}
	if s.ledger.add(v) {
		if pid, command := processOf(n.PID); s.listener.Alive(n) {
			s.ledger.process(pid, command)
		}
		s.ledger.alert()
	}
	if v.Action == actionKill {
		s.end(Denied)
	}
	return v.Action
}
