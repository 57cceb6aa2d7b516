package sandbox

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"lazaret.dev/lazaret/sandbox/initproc"
	"lazaret.dev/lazaret/sandbox/seccomp"
	"lazaret.dev/lazaret/sandbox/zygote"
)

// forkServer is a zygote as the worker sees it: one process, confined, that has
// started the program of a kind once and forks sandboxes in which it waits. All that
// it gets from the worker is its program and descriptors, never anything of a run.
type forkServer struct {
	own    *run           // what holds the zygote itself: slot, pidfd
	spec   *Spec          // of what it forks
	filter seccomp.Filter // likewise
	plan   *plan          // explains the faults of what it forks
	born   time.Time
	memory int64 // bytes, when it was ready

	mu      sync.Mutex // one request at a time
	forks   atomic.Int32
	mute    atomic.Bool  // a request was not answered, or not as it should be: it gets no more
	owes    atomic.Bool  // that answer may still come
	late    atomic.Int32 // requests that no run waits for any more
	answers atomic.Uint32
	users   sync.WaitGroup // requests in progress
}

// maxForks and the pool's age bound what shares one memory layout and hash seed.
const maxForks = 1000

// errZygote is wrapped by whatever keeps a zygote from serving.
var errZygote = errors.New("zygote")

// canFork says why zygotes cannot make sandboxes on this machine.
func (r *Runner) canFork() error {
	return canFork(zygote.Code(), r.features.identity, r.features.lacks)
}

// canFork takes a machine that executes zygotes' Programs, and every layer.
func canFork(machine []byte, who identity, lacks []Lack) error {
	switch {
	case machine == nil:
		return fmt.Errorf("%w: there is none for this architecture", errZygote)
	case who != slotIdentity:
		return fmt.Errorf("%w: it takes root and user namespaces", errZygote)
	case len(lacks) > 0:
		return fmt.Errorf("%w: this machine lacks %s", errZygote, lacks[0].Feature)
	}
	return nil
}

// forkable says whether sandboxes by the Spec of a program that waits are to be forked.
func (s *Spec) forkable(by Refill, arch seccomp.Arch) bool {
	if s.zygote == nil || by != RefillZygote && (by != RefillAuto || s.ownLayout) {
		return false
	}
	nr, _ := arch.Number("close_range")
	return s.Syscalls.Verdict(arch, nr, [6]uint64{}) == seccomp.Allow
}

// startZygote starts one for sandboxes by the Spec of a program that waits.
func (r *Runner) startZygote(waiting *Spec, filter seccomp.Filter) (_ *forkServer, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("%w: %w", errZygote, err)
		}
	}()
	if err := r.canFork(); err != nil {
		return nil, err
	}
	forked := *waiting
	forked.forked = true
	p, err := build(&forked, 0, r.features, filter)
	if err != nil {
		return nil, err
	}
	z := &forkServer{spec: &forked, plan: p, filter: filter, born: time.Now()}
	program := forkProgram(p)
	own := *waiting
	own.Argv, own.forks, own.Scratch, own.late = waiting.zygote.Argv, true, 0, ""
	own.Files = append(slices.Clone(waiting.Files), waiting.zygote.Files...)
	own.Env, own.Network = waiting.environment(), Network{}
	policy, err := seccomp.Compile(zygotePolicy(program, r.policy(waiting), r.features.arch), r.features.arch)
	if err != nil {
		return nil, err
	}
	s, err := r.take(r.ctx)
	if err != nil {
		return nil, err
	}
	z.own = &run{runner: r, spec: &own, slot: s, filter: policy, root: noRoot}
	if err := z.start(program); err != nil {
		return nil, errors.Join(err, z.stop())
	}
	z.memory = s.group.Memory()
	return z, nil
}

// start has the zygote built and waits until it is ready. What it writes to its
// standard error is why it is not.
func (z *forkServer) start(program *zygote.Program) (err error) {
	x := z.own
	if x.plan, err = buildZygote(x.spec, x.slot.uid, x.filter); err != nil {
		return err
	}
	if err := x.limit(); err != nil {
		return err
	}
	stop := context.AfterFunc(x.runner.ctx, func() { x.end(Cancelled) })
	defer stop()
	if err := x.sendPlan(); err != nil {
		return err
	}
	deadline := time.Now().Add(x.runner.setup)
	_ = x.slot.control.SetReadDeadline(deadline)
	pidfd, err := x.await(initproc.Cloned)
	if err != nil {
		x.abort()
		return err
	}
	x.know(os.NewFile(uintptr(pidfd), "pidfd"))
	place, err := x.await(initproc.Ready)
	if err != nil {
		return err
	}
	_ = unix.Close(place)
	if _, err := x.slot.helper.Wait(); err != nil {
		return err
	}
	for _, f := range []*os.File{x.slot.args, x.slot.stdout} {
		_ = f.SetDeadline(deadline)
	}
	if _, err := x.slot.args.Write(zygote.Encode(program)); err != nil {
		return errors.Join(err, x.lastWords()) // it may have ended already
	}
	if err := x.slot.args.Close(); err != nil {
		return err
	}
	line := make([]byte, 2)
	if n, err := x.slot.stdout.Read(line); err != nil || n != 1 || line[0] != '\n' {
		return errors.Join(errNotWarm, err, x.lastWords())
	}
	return alone(pidfd)
}

// alone returns an error for a process with more threads than one: its copies would
// not have the others, and whatever those held would stay held.
func alone(pidfd int) error {
	pid, err := pidOf(pidfd)
	if err != nil {
		return err
	}
	threads, err := os.ReadDir("/proc/" + strconv.Itoa(pid) + "/task")
	if err == nil && len(threads) != 1 {
		err = fmt.Errorf("it has %d threads, and a copy would have one of them", len(threads))
	}
	return err
}

// lastWords are what a program that does not start has said last.
func (x *run) lastWords() error {
	x.kill()
	_ = x.slot.stderr.SetReadDeadline(time.Now().Add(time.Second))
	b, _ := io.ReadAll(io.LimitReader(x.slot.stderr, 4<<10))
	if lines := bytes.Split(bytes.TrimSpace(b), []byte("\n")); len(lines[len(lines)-1]) > 0 {
		return fmt.Errorf("it said %.200q", lines[len(lines)-1])
	}
	return nil
}

// stop ends the zygote; what it forked goes on.
func (z *forkServer) stop() error {
	z.users.Wait()
	if z.own.pidfd != nil {
		z.disown()
		z.own.kill()
		z.own.reap()
	}
	return z.own.cleanUp()
}

// disown waits for the answer that is still owed by a zygote that lives, and ends what
// that was about: it is this process's child, which nobody else would wait for.
func (z *forkServer) disown() {
	if !z.owes.Load() {
		return
	}
	_ = z.own.slot.control.SetReadDeadline(time.Now().Add(z.own.runner.setup))
	defer z.hurry()()
	pidfd, err := z.own.await(initproc.Cloned)
	if err != nil {
		return
	}
	_ = unix.PidfdSendSignal(pidfd, unix.SIGKILL, nil, 0)
	reap(pidfd, nil)
	_ = unix.Close(pidfd)
}

// hurry bounds how long anybody waits for the zygote once the runner is being closed,
// until the returned function is called: long enough for the answer of one that serves,
// since what it has made is the worker's to wait for.
func (z *forkServer) hurry() func() bool {
	return context.AfterFunc(z.own.runner.ctx, func() { _ = z.own.slot.control.SetDeadline(time.Now().Add(forkPatience)) })
}

// clone has the zygote fork a pid 1 with the slot's descriptors, and returns its pidfd.
func (z *forkServer) clone(child []*os.File) (int, error) {
	z.mu.Lock()
	defer z.mu.Unlock()
	if z.mute.Load() {
		return -1, errors.New("it did not answer before")
	}
	z.forks.Add(1)
	fds := make([]int, len(child))
	for i, f := range child {
		fds[i] = int(f.Fd())
	}
	control := z.own.slot.control
	_ = control.SetDeadline(time.Now().Add(z.own.runner.setup))
	defer z.hurry()()
	pidfd := -1
	_, _, err := control.WriteMsgUnix([]byte{0}, unix.UnixRights(fds...), nil)
	if err == nil {
		pidfd, err = z.own.await(initproc.Cloned)
	}
	if err != nil {
		z.owes.Store(errors.Is(err, os.ErrDeadlineExceeded))
		z.mute.Store(true)
		return -1, err
	}
	z.answers.Add(1)
	return pidfd, nil
}

// spent says whether the zygote has served long enough, or is gone.
func (z *forkServer) spent(age time.Duration) bool {
	n, err := pollNow([]unix.PollFd{{Fd: int32(z.own.pidfd.Fd()), Events: unix.POLLIN}})
	return z.mute.Load() || z.forks.Load() >= maxForks || time.Since(z.born) > age || n != 0 || err != nil
}

// fork makes a sandbox in which the program waits. On an error nothing is left of it.
func (r *Runner) fork(z *forkServer) (*run, error) {
	s, child, err := r.forkSlot()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errZygote, err)
	}
	defer func() { _ = closeAll(child) }()
	x := &run{runner: r, spec: z.spec, slot: s, filter: z.filter, plan: z.plan, root: noRoot, zygote: z, child: child}
	if err := r.ready(x); err != nil {
		return nil, fmt.Errorf("%w: %w", errZygote, err)
	}
	return x, nil
}

// forkSlot makes a slot without a helper, and the descriptors of its sandbox.
func (r *Runner) forkSlot() (*slot, []*os.File, error) {
	s := &slot{uid: hostUIDs.take()}
	child, err := s.open()
	if err == nil {
		s.group, err = r.cgroups.Make()
	}
	if err != nil {
		return nil, nil, errors.Join(err, closeAll(child), s.discard())
	}
	return s, child, nil
}

// forkInit has pid 1 forked, puts it into its group, gives it its ids and lets it
// begin. Until then it does nothing.
func (x *run) forkInit() error {
	pidfd, err := x.zygote.clone(x.child)
	err = errors.Join(err, closeAll(x.child))
	if pidfd < 0 {
		return err
	}
	x.know(os.NewFile(uintptr(pidfd), "pidfd"))
	if err != nil {
		return err
	}
	pid, err := pidOf(pidfd)
	if err != nil {
		return unavailable("find the zygote's child", err)
	}
	if err := x.slot.group.Join(pid); err != nil {
		return unavailable("join the cgroup", err)
	}
	for _, name := range []string{"uid_map", "gid_map"} {
		at := "/proc/" + strconv.Itoa(pid) + "/" + name
		if err := os.WriteFile(at, fmt.Appendf(nil, "%d %d 1\n", insideUID, x.slot.uid), 0); err != nil {
			return unavailable("write "+name, err)
		}
	}
	return x.permit()
}

// pidOf is the process that a pidfd stands for. It is not reaped before the caller
// does so: the number stays its own.
func pidOf(pidfd int) (int, error) {
	b, err := os.ReadFile("/proc/self/fdinfo/" + strconv.Itoa(pidfd))
	if err != nil {
		return 0, err
	}
	lines := bufio.NewScanner(bytes.NewReader(b))
	for lines.Scan() {
		if value, ok := strings.CutPrefix(lines.Text(), "Pid:"); ok {
			pid, err := strconv.Atoi(strings.TrimSpace(value))
			if err == nil && pid <= 0 {
				err = errors.New("it has ended")
			}
			return pid, err
		}
	}
	return 0, errors.New("the pidfd does not tell its process")
}
