package sandbox

import (
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"lazaret.dev/lazaret/sandbox/cgroup"
)

// slot is what can be prepared before a run is asked for: a cgroup with a
// helper in it that waits for a plan, and the pipes. It serves one run.
type slot struct {
	uid     int
	group   *cgroup.Group
	helper  *os.Process
	control *net.UnixConn
	stdin   *os.File // our ends
	args    *os.File
	stdout  *os.File
	stderr  *os.File
	service *os.File // what Spec.Service talks on
}

// newSlot prepares a slot. Joining the cgroup is what takes the time.
func (r *Runner) newSlot() (*slot, error) {
	s := &slot{uid: hostUIDs.take()}
	child, err := s.open()
	if err == nil {
		err = s.launch(r, child)
	}
	err = errors.Join(err, closeAll(child))
	if err != nil {
		return nil, errors.Join(err, s.discard())
	}
	return s, nil
}

// open makes the pipes and the control socket; it returns the helper's ends in
// the order of its descriptors.
func (s *slot) open() (child []*os.File, err error) {
	ends := []struct {
		ours  **os.File
		write bool
	}{{&s.stdin, true}, {&s.stdout, false}, {&s.stderr, false}, {&s.args, true}}
	for _, e := range ends {
		reader, writer, err := os.Pipe()
		if err != nil {
			return child, fmt.Errorf("pipe: %w", err)
		}
		if e.write {
			*e.ours, child = writer, append(child, reader)
		} else {
			*e.ours, child = reader, append(child, writer)
		}
	}
	ours, theirs, err := socketPair()
	if err != nil {
		return child, err
	}
	s.control = ours
	child = append(child, theirs)
	var service *os.File
	if s.service, service, err = streamPair(); err != nil {
		return child, err
	}
	return append(child, service), nil
}

func socketPair() (*net.UnixConn, *os.File, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("control socket: %w", err)
	}
	ours, theirs := os.NewFile(uintptr(fds[0]), "control"), os.NewFile(uintptr(fds[1]), "control")
	conn, err := net.FileConn(ours)
	err = errors.Join(err, ours.Close())
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("control socket: %w", err), theirs.Close())
	}
	return conn.(*net.UnixConn), theirs, nil
}

func (s *slot) launch(r *Runner, child []*os.File) error {
	var err error
	if s.group, err = r.cgroups.Make(); err != nil {
		return unavailable("make a cgroup", err)
	}
	fds := make([]uintptr, len(child))
	for i, f := range child {
		fds[i] = f.Fd()
	}
	if s.helper, err = r.spawner.start(fds); err != nil {
		return unavailable("start the init helper", err)
	}
	if err := s.group.Join(s.helper.Pid); err != nil {
		return unavailable("join the cgroup", err)
	}
	return nil
}

// discard ends whatever is left of the slot and removes it. The cgroup goes
// last: it can only be removed when it is empty.
func (s *slot) discard() error {
	errs := []error{s.closeControl(), closeAll([]*os.File{s.stdin, s.args, s.stdout, s.stderr, s.service})}
	if s.helper != nil {
		errs = append(errs, ignoreDone(s.helper.Kill()))
		_, err := s.helper.Wait()
		errs = append(errs, ignoreDone(err))
	}
	if s.group != nil {
		errs = append(errs, s.group.Remove())
	}
	hostUIDs.give(s.uid)
	return errors.Join(errs...)
}

func (s *slot) closeControl() error {
	if s.control == nil {
		return nil
	}
	return s.control.Close()
}

// ignoreDone drops what Kill and Wait say about a process already waited for.
func ignoreDone(err error) error {
	if errors.Is(err, os.ErrProcessDone) || errors.Is(err, syscall.ECHILD) || errors.Is(err, syscall.EINVAL) {
		return nil
	}
	return err
}

// closeAll closes files, of which some may be nil or closed.
func closeAll(files []*os.File) error {
	var errs []error
	for _, f := range files {
		if err := f.Close(); f != nil && !errors.Is(err, os.ErrClosed) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
