package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"lazaret.dev/lazaret/sandbox/initproc"
	"lazaret.dev/lazaret/sandbox/machine"
	"lazaret.dev/lazaret/sandbox/seccomp"
)

// setupTimeout bounds the time from a run's start to its program's first
// instruction, which takes about 5 ms.
const setupTimeout = 10 * time.Second

// Run runs one program to its end and reports what happened. It returns when
// the program and everything it started are gone. A Spec that can be warm gets a
// sandbox that waits for it, if there is one.
//
// The error is nil whenever the program was started, however it ended. It wraps
// ErrSpec when the Spec makes no sense, ErrUnavailable when the machine cannot
// enforce it, ErrClosed after Close; the Outcome then is SandboxError, or
// Cancelled when ctx ended first.
func (r *Runner) Run(ctx context.Context, spec Spec) (Result, error) {
	filter, degraded, err := r.prepare(&spec)
	if err != nil {
		return Result{Outcome: SandboxError}, err
	}
	if !r.begin() {
		return Result{Outcome: SandboxError}, ErrClosed
	}
	leave := r.pool.enter()
	defer leave()
	x, begin := r.warm(&spec, filter), (*run).nothing
	if x == nil {
		s, err := r.take(ctx)
		if err != nil {
			r.tasks.Done()
			return notStarted(ctx, err)
		}
		x, begin = &run{runner: r, spec: &spec, slot: s, filter: filter, root: noRoot}, (*run).permit
	}
	result, err := x.do(ctx, begin)
	result.Degraded = degraded
	go func() { // removing a cgroup takes longer than most programs
		defer r.tasks.Done()
		r.note(x.cleanUp())
	}()
	if err != nil && r.ctx.Err() != nil {
		err = ErrClosed
	}
	if err != nil {
		explain(err, machine.Look())
	}
	if err != nil {
		return notStarted(ctx, err)
	}
	return result, nil
}

// notStarted is the result of a run whose program never ran.
func notStarted(ctx context.Context, err error) (Result, error) {
	if ctx.Err() != nil {
		return Result{Outcome: Cancelled}, ctx.Err()
	}
	return Result{Outcome: SandboxError}, err
}

// prepare checks a Spec against itself and this machine, and takes out of it what
// it may lack here and does.
func (r *Runner) prepare(spec *Spec) (filter seccomp.Filter, degraded []Feature, err error) {
	if err := spec.validate(); err != nil {
		return filter, nil, err
	}
	if filter, err = r.filters.get(r.policy(spec)); err != nil {
		return filter, nil, err
	}
	degraded, err = r.admit(spec)
	spec.Proc = spec.Proc && !slices.Contains(degraded, FreshProc)
	return filter, degraded, err
}

// policy is the Spec's, unless a test switched the filter off.
func (r *Runner) policy(s *Spec) seccomp.Policy {
	if r.features.off == filterLayer {
		return seccomp.AllExcept(r.features.arch)
	}
	return s.Syscalls
}

// take waits for a prepared slot.
func (r *Runner) take(ctx context.Context) (*slot, error) {
	select {
	case p := <-r.slots:
		return p.slot, p.err
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-r.ctx.Done():
		return nil, ErrClosed
	}
}

// run is one program's run. Its methods are called by the goroutine of Run,
// except end, which anything that watches the program may call.
type run struct {
	runner *Runner
	spec   *Spec
	slot   *slot
	filter seccomp.Filter
	plan   *plan
	root   rootView

	zygote *forkServer // what forks it; nil when its helper builds it
	child  []*os.File  // the descriptors that it gets then

	network *service    // nil without a network
	sup     *supervisor // nil until the sandbox is raised
	late    *os.File    // the Spec's late file, open for writing
	wasWarm bool        // the program was started before the run
	born    time.Time   // when it was
	memory  int64       // what it took then, bytes

	mu     sync.Mutex
	cause  Outcome  // why we killed it, if we did
	exited bool     // the program ended by itself before that
	pidfd  *os.File // pid 1, once it is known
	over   bool     // nothing is left to kill

	status syscall.WaitStatus
	fault  error         // the kernel refused the last step, execve for example
	rusage unix.Rusage   // of pid 1 and of all that it waited for
	before time.Duration // CPU time of the group before the program
}

// do runs the program: begin lets it start.
func (x *run) do(ctx context.Context, begin func(*run) error) (Result, error) {
	defer context.AfterFunc(ctx, func() { x.end(Cancelled) })()
	defer context.AfterFunc(x.runner.ctx, func() { x.end(Cancelled) })() //nolint:contextcheck // Close is another reason to end than ctx
	if x.sup == nil {
		err := x.raise()
		if err != nil && x.slot.group.Counters().OOMKills > 0 {
			return Result{Outcome: MemoryLimit}, nil // no room for the Spec's own files
		}
		if err != nil {
			return Result{}, err
		}
	}
	return x.perform(ctx, begin)
}

// raise builds the sandbox up to the point where the program waits for permission
// to start, and everything that watches it. On an error nothing of it is left
// but the slot.
func (x *run) raise() (err error) {
	if x.zygote == nil {
		x.plan, err = build(x.spec, x.slot.uid, x.runner.features, x.filter)
	}
	if err != nil {
		return err
	}
	if err := x.limit(); err != nil {
		return unavailable("set the cgroup's limits", err)
	}
	listener, err := x.setUp()
	if err != nil {
		x.network.stop()
		return err
	}
	x.sup = newSupervisor(x.spec, x.runner.features.arch, x.filter, listener, x.root, x.end)
	x.sup.start()
	return nil
}

// setUp has the sandbox built up to the point where the program waits for
// permission to start.
func (x *run) setUp() (*seccomp.Listener, error) {
	listener, err := x.launch()
	if err != nil {
		x.abort()
		return nil, err
	}
	if err := x.seal(); err != nil {
		x.abort()
		return nil, errors.Join(err, listener.Close())
	}
	return listener, nil
}

// launch has pid 1 made and follows what it does.
func (x *run) launch() (*seccomp.Listener, error) {
	_ = x.slot.control.SetReadDeadline(time.Now().Add(x.runner.setup))
	begin := x.cloneInit
	if x.zygote != nil {
		begin = x.forkInit
	}
	if err := begin(); err != nil {
		return nil, err
	}
	if err := x.takeLate(); err != nil {
		return nil, err
	}
	if err := x.serveNetwork(); err != nil {
		return nil, err
	}
	root, err := x.await(initproc.Root)
	if err != nil {
		return nil, err
	}
	if x.root, err = openRoot(root, x.spec.Scratch > 0); err != nil {
		return nil, unavailable("look into the sandbox", err)
	}
	listener, err := x.await(initproc.Ready)
	if err != nil {
		return nil, err
	}
	_ = x.slot.control.SetReadDeadline(time.Time{})
	return seccomp.NewListener(listener)
}

// cloneInit has the slot's helper make pid 1.
func (x *run) cloneInit() error {
	if err := x.sendPlan(); err != nil {
		return err
	}
	pidfd, err := x.await(initproc.Cloned)
	if err == nil {
		x.know(os.NewFile(uintptr(pidfd), "pidfd"))
	}
	return err
}

// seal takes away what only the building needed.
func (x *run) seal() error {
	if x.zygote == nil {
		if _, err := x.slot.helper.Wait(); err != nil {
			return unavailable("wait for the init helper", err)
		}
	}
	if err := x.limitProcesses(); err != nil {
		return unavailable("limit the processes", err)
	}
	x.before = x.slot.group.CPU()
	return nil
}

// know makes pid 1 known, and kills it if somebody wanted that meanwhile.
func (x *run) know(pidfd *os.File) {
	x.mu.Lock()
	x.pidfd = pidfd
	late := x.cause != ""
	x.mu.Unlock()
	if late {
		x.kill()
	}
}

// abort ends a sandbox that could not be built, and leaves no zombie: pid 1 is a
// child of this process, see initproc.
func (x *run) abort() {
	if x.pidfd == nil {
		x.slot.group.KillChildren()
		return
	}
	x.kill()
	x.reap()
}

// reapers is how many processes of the sandbox are not the program's.
const reapers = 1

func (x *run) sendPlan() error {
	f, err := memfd("lazaret-plan", 0)
	if err != nil {
		return unavailable("send the plan", err)
	}
	defer func() { _ = f.Close() }()
	if _, err := f.Write(initproc.Encode(&x.plan.Plan)); err != nil {
		return unavailable("send the plan", err)
	}
	if _, _, err := x.slot.control.WriteMsgUnix([]byte{0}, unix.UnixRights(int(f.Fd())), nil); err != nil {
		return unavailable("send the plan", err)
	}
	return nil
}

// await receives the message of the given kind with its descriptor.
func (x *run) await(kind initproc.MessageKind) (int, error) {
	m, fds, err := x.receive()
	if err != nil {
		return -1, unavailable("build the sandbox", err)
	}
	if m.Kind != kind || len(fds) != 1 {
		closeFDs(fds)
		return -1, x.explain(m)
	}
	return fds[0], nil
}

func closeFDs(fds []int) {
	for _, fd := range fds {
		_ = unix.Close(fd)
	}
}

func (x *run) receive() (initproc.Message, []int, error) {
	b, oob := make([]byte, 64), make([]byte, unix.CmsgSpace(4*maxSockets))
	n, oobn, _, _, err := x.slot.control.ReadMsgUnix(b, oob)
	if err != nil {
		return initproc.Message{}, nil, err
	}
	var fds []int
	if cs, err := unix.ParseSocketControlMessage(oob[:oobn]); err == nil && len(cs) == 1 {
		fds, _ = unix.ParseUnixRights(&cs[0])
	}
	m, ok := initproc.ParseMessage(b[:n])
	if !ok {
		closeFDs(fds)
		return m, nil, fmt.Errorf("message of %d bytes from the init helper", n)
	}
	return m, fds, nil
}

// explain tells a fault message in words.
func (x *run) explain(m initproc.Message) error {
	cause := syscall.Errno(m.B)
	switch m.Kind { //nolint:exhaustive // the others tell of no fault
	case initproc.HelperFault:
		return unavailable(initproc.Stage(m.A).String(), cause)
	case initproc.InitFault, initproc.ProgramFault:
		return x.plan.fault(m, cause)
	}
	return unavailable("build the sandbox", fmt.Errorf("message %d from the init helper", m.Kind))
}

// permit lets the program of a raised sandbox start.
func (x *run) permit() error {
	_, err := x.slot.control.Write([]byte{1})
	return err
}

// nothing is what a program needs to start that waits for its input.
func (x *run) nothing() error { return nil }

// perform follows the program of a raised sandbox to its end, from when begin
// lets it start.
func (x *run) perform(ctx context.Context, begin func(*run) error) (Result, error) {
	started := time.Now()
	timer := time.AfterFunc(x.spec.Limits.Wall, func() { x.end(TimedOut) })
	streams := x.openStreams()
	defer streams.close()
	attended := x.attend(ctx)
	err := begin(x)
	if err == nil {
		err = x.follow()
	}
	timer.Stop()
	if err != nil {
		x.kill()
	}
	x.reap()
	wall := time.Since(started)
	streams.wait()
	connections, refused := x.network.stop()
	refused = append(refused, attended.stop()...)
	violations, supErr := x.sup.stop()
	if fault := errors.Join(err, x.fault, supErr); fault != nil {
		return Result{}, fault
	}
	r := x.result(wall, streams, violations, x.root)
	r.Connections, r.Violations = connections, append(r.Violations, refused...)
	return r, nil
}

// follow reads what pid 1 has to say until it is gone.
func (x *run) follow() error {
	for {
		m, fds, err := x.receive()
		closeFDs(fds) // none belongs to what is still to be said
		switch {
		case errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET):
			return nil
		case err != nil:
			return unavailable("follow the program", err)
		case m.Kind == initproc.Exited:
			x.exit(syscall.WaitStatus(m.A))
		default:
			x.fault = x.explain(m)
		}
	}
}

func (x *run) exit(status syscall.WaitStatus) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.status, x.exited = status, true
}

// end kills the program for a cause. The first cause counts, and none does once
// the program has ended by itself.
func (x *run) end(cause Outcome) {
	x.mu.Lock()
	if x.cause == "" && !x.exited {
		x.cause = cause
	}
	x.mu.Unlock()
	x.kill()
}

func (x *run) causeOf() Outcome {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.cause
}

// kill ends every process of the sandbox: pid 1 takes its namespace with it,
// the group has the helper too. Before pid 1 is known it leaves that to know, or
// a zombie would stay. It does nothing once the run is cleaned up.
func (x *run) kill() {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.pidfd == nil || x.over {
		return
	}
	_ = unix.PidfdSendSignal(int(x.pidfd.Fd()), unix.SIGKILL, nil, 0)
	if !x.slot.group.Kill() && x.slot.helper != nil {
		_ = x.slot.helper.Kill()
	}
}

// reap waits for pid 1. The kernel lets it go only after every other process of
// its namespace.
func (x *run) reap() { reap(int(x.pidfd.Fd()), &x.rusage) }

func reap(pidfd int, usage *unix.Rusage) {
	var info unix.Siginfo
	for {
		err := unix.Waitid(unix.P_PIDFD, pidfd, &info, unix.WEXITED, usage)
		if !errors.Is(err, unix.EINTR) {
			return
		}
	}
}

// cleanUp removes what the run had on this machine.
func (x *run) cleanUp() error {
	x.mu.Lock()
	x.over = true
	if x.late != nil {
		_ = x.late.Close()
	}
	if x.pidfd != nil {
		_ = x.pidfd.Close()
	}
	x.mu.Unlock()
	return errors.Join(x.root.close(), x.slot.discard())
}
