package install

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Lock is the right to run the server on a state folder. The kernel releases it
// when the process ends, however it ends.
type Lock struct{ file *os.File }

// LockedError says that another process runs the server on this folder.
type LockedError struct {
	Dir string
	// PID is the holder's process id, or 0 when it has not written it yet.
	PID int
}

// Error names the folder and the holder.
func (e *LockedError) Error() string {
	if e.PID == 0 {
		return fmt.Sprintf("state folder %q is in use by another process", e.Dir)
	}
	return fmt.Sprintf("state folder %q is in use by process %d", e.Dir, e.PID)
}

// Lock takes the exclusive lock without waiting. It fails with a [*LockedError]
// if another opener, of this process or another, holds it.
//
// The lock is an open-file-description lock and not flock(2): that kind can be
// asked about (see [Install.Running]) without being taken for an instant, which
// would make a start at that instant fail.
func (i *Install) Lock() (*Lock, error) {
	f, err := os.OpenFile(i.Path("lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, &Error{Reason: "lock file cannot be opened", Err: err}
	}
	want := wholeFile(unix.F_WRLCK)
	err = unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &want)
	if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EACCES) {
		held := &LockedError{Dir: i.dir, PID: readPID(f)}
		_ = f.Close()
		return nil, held
	}
	if err == nil {
		err = writePID(f)
	}
	if err != nil {
		_ = f.Close()
		return nil, &Error{Reason: fmt.Sprintf("lock file %q cannot be locked", f.Name()), Err: err}
	}
	return &Lock{file: f}, nil
}

// Release gives the lock up. Further calls do nothing.
func (l *Lock) Release() { _ = l.file.Close() }

// lockHolder returns the process id in the lock file and whether the lock is
// held at all.
func (i *Install) lockHolder() (pid int, held bool, err error) {
	f, err := os.Open(i.Path("lock"))
	if errors.Is(err, os.ErrNotExist) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, &Error{Reason: "lock file cannot be opened", Err: err}
	}
	defer func() { _ = f.Close() }()
	probe := wholeFile(unix.F_RDLCK)
	if err := unix.FcntlFlock(f.Fd(), unix.F_OFD_GETLK, &probe); err != nil {
		return 0, false, &Error{Reason: fmt.Sprintf("lock file %q cannot be examined", f.Name()), Err: err}
	}
	return readPID(f), probe.Type != unix.F_UNLCK, nil
}

// wholeFile describes a lock of the given type over every byte of a file.
func wholeFile(kind int16) unix.Flock_t {
	return unix.Flock_t{Type: kind, Whence: io.SeekStart}
}

func writePID(f *os.File) error {
	if err := f.Truncate(0); err != nil {
		return err
	}
	_, err := f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return err
}

// readPID returns 0 if the file holds no number.
func readPID(f *os.File) int {
	text := make([]byte, 32)
	n, _ := f.ReadAt(text, 0)
	pid, _ := strconv.Atoi(strings.TrimSpace(string(text[:n])))
	return pid
}
