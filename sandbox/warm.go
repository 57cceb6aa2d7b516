package sandbox

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"lazaret.dev/lazaret/sandbox/cgroup"
	"lazaret.dev/lazaret/sandbox/initproc"
	"lazaret.dev/lazaret/sandbox/seccomp"
)

// Warm says how a program can be started before it is known what it shall do.
// Such a program makes ready whatever does not depend on that, writes one line
// feed to its standard output and reads ArgumentsFD to its end. What it reads is
// the run's whole environment, each "NAME=value" followed by a NUL, another NUL,
// and Spec.Arguments. From then on it does what the Spec's own program would have
// done.
//
// A warm sandbox serves one run and is then removed as any other. A run gets one
// only if everything that was settled when it was started is the same: program,
// start environment, files, binds, network, system calls, and the limits but for
// time and output, which the worker itself watches.
type Warm struct {
	// Argv and Env take the place of the Spec's. They must hold nothing that only
	// one run should see.
	Argv, Env []string
	// Late names the one of Spec.Files whose content belongs to the run. It is empty
	// before; the program must not look at it. May be empty.
	Late string
	// Zygote is a program that starts as that of Argv does and then has copies of
	// itself wait; nil where there is none.
	Zygote *Zygote
	// OwnLayout asks for a memory layout and a hash seed that no other sandbox has:
	// only RefillZygote makes copies then.
	OwnLayout bool
}

// Zygote is the start of a program by package zygote, in the start environment of Warm.
type Zygote struct {
	Argv  []string
	Files []File // that it has beside the Spec's; what it forks does not see them
}

// maxLate bounds a late file; a run with a larger one starts cold.
const maxLate = 1<<20 + 64<<10

// kindOf identifies sandboxes that can stand for each other.
type kindOf struct {
	digest   [sha256.Size]byte
	syscalls policyKey
}

// warmKind is a Spec's kind, or false when it cannot be warm.
//
// Host paths are part of it by their identity, so that what was replaced on the
// host since is not mistaken for what is there now.
func (s *Spec) warmKind() (kindOf, bool) {
	w := s.Warm
	if w == nil || s.Network.Resolver != nil || s.Limits.CPUTime > 0 || len(s.lateContent()) > maxLate {
		return kindOf{}, false
	}
	h := sha256.New()
	part := func(format string, args ...any) { fmt.Fprintf(h, format+"\x00", args...) }
	part("%q %q %q %q %d %t %t", w.Argv, w.Env, w.Late, s.Dir, s.Scratch, s.Proc, s.hasService())
	if w.Zygote != nil {
		part("zygote %q %q %t", w.Zygote.Argv, w.Zygote.Files, w.OwnLayout)
	}
	for _, f := range s.Files {
		if f.Path == w.Late {
			f.Content = nil
		}
		part("file %q %q", f.Path, f.Content)
	}
	for _, b := range append(slices.Clone(s.Binds), w.Argv[0]) {
		var st unix.Stat_t
		if err := unix.Stat(b, &st); err != nil {
			return kindOf{}, false
		}
		part("bind %q %d %d %d", b, st.Dev, st.Ino, st.Ctim.Nano())
	}
	for _, d := range s.Data { // which change while they are shown
		var st unix.Stat_t
		if err := unix.Stat(d, &st); err != nil {
			return kindOf{}, false
		}
		part("data %q %d %d", d, st.Dev, st.Ino)
	}
	part("network %d %+v %+v", s.Network.Mode, s.Network.Rules, s.Network.Limits)
	l := s.Limits
	part("limits %d %g %d %d %d", l.Memory, l.CPU, l.Processes, l.OpenFiles, l.FileSize)
	return kindOf{[sha256.Size]byte(h.Sum(nil)), policyKey{&s.Syscalls.Rules[0], len(s.Syscalls.Rules)}}, true
}

func (s *Spec) lateContent() []byte {
	for _, f := range s.Files {
		if s.Warm != nil && f.Path == s.Warm.Late {
			return f.Content
		}
	}
	return nil
}

// waiting is the Spec of a program that waits for a run like s.
func (s *Spec) waiting() *Spec {
	w := *s
	w.Argv, w.Env, w.late, w.waits = s.Warm.Argv, s.Warm.Env, s.Warm.Late, true
	w.zygote, w.ownLayout = s.Warm.Zygote, s.Warm.OwnLayout
	w.Stdin, w.Arguments, w.Warm = nil, nil, nil
	w.Service, w.serves = nil, s.Service != nil
	w.Files = slices.Clone(s.Files)
	w.Files = slices.DeleteFunc(w.Files, func(f File) bool { return f.Path == w.late })
	w.Limits.Wall = setupTimeout
	w.ID, w.Alerts = "", nil
	w.KillAt, w.MaxViolations = Critical, 0
	return &w
}

// frame is what a waiting program reads.
func (s *Spec) frame() []byte {
	var b bytes.Buffer
	for _, v := range s.environment() {
		b.WriteString(v)
		b.WriteByte(0)
	}
	b.WriteByte(0)
	b.Write(s.Arguments)
	return b.Bytes()
}

// late makes the late file, empty, and hands over a descriptor that can write to
// it. It is opened through a mount of its own, which nothing but the descriptor
// keeps: the program sees the root through another, which is made read-only.
func (p *plan) late(made map[string]bool, s *Spec) {
	if s.late == "" {
		return
	}
	defer p.scope()()
	p.file(made, File{Path: s.late})
	tree := p.save("copy the root's mount", unix.SYS_OPEN_TREE, here, p.str("."), num(unix.OPEN_TREE_CLONE|unix.O_CLOEXEC))
	fd := p.save(quoted("open for writing", s.late), unix.SYS_OPENAT, tree, p.str(inRoot(s.late)),
		num(unix.O_WRONLY|unix.O_NOFOLLOW|unix.O_CLOEXEC))
	p.call("place the late file", unix.SYS_DUP3, fd, num(firstSocket), num(unix.O_CLOEXEC))
	p.call("close", unix.SYS_CLOSE, fd)
	p.call("close", unix.SYS_CLOSE, tree)
	p.handOver("hand over the late file", initproc.LateFile, 1)
	p.call("close the late file", unix.SYS_CLOSE, num(firstSocket))
}

// takeLate receives the late file.
func (x *run) takeLate() error {
	if x.spec.late == "" {
		return nil
	}
	fd, err := x.await(initproc.LateFile)
	if err != nil {
		return err
	}
	x.late = os.NewFile(uintptr(fd), "late file")
	return nil
}

// errNotWarm is why a sandbox does not serve a run.
var errNotWarm = errors.New("the program did not make itself ready")

// warmUp starts a program by the Spec of one that waits. On an error nothing is
// left of it.
func (r *Runner) warmUp(spec *Spec, filter seccomp.Filter) (*run, error) {
	s, err := r.take(r.ctx)
	if err != nil {
		return nil, err
	}
	x := &run{runner: r, spec: spec, slot: s, filter: filter, root: noRoot}
	if err := s.group.Prioritize(cgroup.Low); err != nil { // whoever runs already goes first
		return nil, errors.Join(err, x.cleanUp())
	}
	if err := r.ready(x); err != nil {
		return nil, err
	}
	if err := s.group.Prioritize(cgroup.Normal); err != nil {
		return nil, errors.Join(err, x.discard())
	}
	return x, nil
}

// ready has a sandbox raised and returns when its program waits. On an error nothing
// is left of it.
func (r *Runner) ready(x *run) error {
	stop := context.AfterFunc(r.ctx, func() { x.end(Cancelled) })
	defer stop()
	if err := x.raise(); err != nil {
		return errors.Join(err, x.cleanUp())
	}
	if err := x.awaitReady(); err != nil {
		return errors.Join(err, x.discard())
	}
	x.born = time.Now()
	x.memory = x.slot.group.Memory()
	return nil
}

// awaitReady lets the program start, and returns when it waits for its input.
func (x *run) awaitReady() error {
	if err := x.permit(); err != nil {
		return err
	}
	_ = x.slot.stdout.SetReadDeadline(time.Now().Add(x.runner.setup))
	b := make([]byte, 2)
	n, err := x.slot.stdout.Read(b)
	_ = x.slot.stdout.SetReadDeadline(time.Time{})
	if err != nil || n != 1 || b[0] != '\n' {
		return errors.Join(errNotWarm, err)
	}
	if c := x.slot.group.Counters(); c.OOMKills > 0 || c.PidsRefused > 0 {
		return fmt.Errorf("%w: it came up against its limits", errNotWarm)
	}
	return nil
}

// healthy says whether the program still waits, and has said nothing: neither it
// nor pid 1 has ended, and no pipe has anything to read.
func (x *run) healthy() bool {
	fds := []unix.PollFd{{Fd: int32(x.pidfd.Fd()), Events: unix.POLLIN}}
	for _, c := range []syscall.Conn{x.slot.stdout, x.slot.stderr, x.slot.control} {
		raw, err := c.SyscallConn()
		if err == nil {
			err = raw.Control(func(fd uintptr) { fds = append(fds, unix.PollFd{Fd: int32(fd), Events: unix.POLLIN}) })
		}
		if err != nil {
			return false
		}
	}
	n, err := pollNow(fds)
	return err == nil && n == 0
}

// pollNow says how many of the descriptors are ready. A poll that would not wait is
// interrupted all the same while its thread has a signal pending, and Go signals its
// own threads.
func pollNow(fds []unix.PollFd) (int, error) {
	for {
		if n, err := unix.Poll(fds, 0); !errors.Is(err, unix.EINTR) {
			return n, err
		}
	}
}

// adopt gives the waiting program its run. An error leaves the sandbox unused.
func (x *run) adopt(spec *Spec) error {
	if x.sup.adopt(spec) > 0 {
		return fmt.Errorf("%w: it broke the rules", errNotWarm)
	}
	x.network.adopt(spec)
	if x.late != nil {
		_, err := x.late.Write(spec.lateContent())
		if err := errors.Join(err, x.late.Close()); err != nil {
			return err
		}
	}
	own := *spec
	own.Arguments = spec.frame()
	x.spec, x.before, x.wasWarm = &own, x.slot.group.CPU(), true
	return nil
}

// discard ends a sandbox that serves no run.
func (x *run) discard() error {
	x.kill()
	x.reap()
	x.network.stop()
	_, err := x.sup.stop()
	return errors.Join(err, x.cleanUp())
}
