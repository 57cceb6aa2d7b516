package seccomp

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Listener receives the denied calls of one loaded filter. Closing it makes
// every further denied call fail with ENOSYS.
type Listener struct {
	file *os.File
	conn syscall.RawConn
}

// Notification is one stopped call.
type Notification struct {
	ID   uint64
	PID  int // thread id, in the pid namespace of the reader
	Call uint32
	Args [6]uint64
}

// notif is struct seccomp_notif.
type notif struct {
	id    uint64
	pid   uint32
	flags uint32
	nr    uint32
	arch  uint32
	ip    uint64
	args  [6]uint64
}

// notifResp is struct seccomp_notif_resp.
type notifResp struct {
	id    uint64
	val   int64
	error int32
	flags uint32
}

// NewListener takes over a listener descriptor.
func NewListener(fd int) (*Listener, error) {
	if err := unix.SetNonblock(fd, true); err != nil { // for the runtime's poller; the ioctls do not look at it
		return nil, fmt.Errorf("seccomp listener: %w", err)
	}
	file := os.NewFile(uintptr(fd), "seccomp listener")
	conn, err := file.SyscallConn()
	if err != nil {
		return nil, fmt.Errorf("seccomp listener: %w", errors.Join(err, file.Close()))
	}
	l := &Listener{file, conn}
	l.wakeHere()
	return l, nil
}

// Since Linux 6.6, see include/uapi/linux/seccomp.h.
const (
	notifSetFlags = 0x40082104 // SECCOMP_IOCTL_NOTIF_SET_FLAGS
	syncWakeUp    = 1          // SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP
)

// wakeHere asks the kernel to wake caller and listener on each other's processor:
// one of them always sleeps while the other works. An older kernel wakes them as
// it does everybody, which only takes longer.
func (l *Listener) wakeHere() {
	_ = l.conn.Control(func(fd uintptr) {
		_, _, _ = unix.Syscall(unix.SYS_IOCTL, fd, notifSetFlags, syncWakeUp)
	})
}

// Close releases the descriptor and ends a pending Receive.
func (l *Listener) Close() error { return l.file.Close() }

// Receive waits for the next denied call. It returns io.EOF when no process
// with the filter is left. It blocks no thread while it waits.
func (l *Listener) Receive() (Notification, error) {
	var n notif
	var result error
	err := l.conn.Read(func(fd uintptr) bool {
		for {
			ready, err := pending(int(fd))
			if err != nil || !ready {
				result = err
				return err != nil
			}
			n = notif{}
			switch _, _, e := unix.Syscall(unix.SYS_IOCTL, fd, unix.SECCOMP_IOCTL_NOTIF_RECV, uintptr(unsafe.Pointer(&n))); e {
			case 0:
				result = nil
				return true
			case unix.ENOENT, unix.EINTR: // the caller died meanwhile, or a signal came
			default:
				result = fmt.Errorf("receive notification: %w", e)
				return true
			}
		}
	})
	if result == nil {
		result = err
	}
	return Notification{n.id, int(n.pid), n.nr, n.args}, result
}

// pending says whether a notification waits; io.EOF when none can come any more.
func pending(fd int) (bool, error) {
	fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	if _, err := unix.Poll(fds, 0); err != nil && !errors.Is(err, unix.EINTR) {
		return false, fmt.Errorf("poll listener: %w", err)
	}
	if fds[0].Revents&unix.POLLIN != 0 {
		return true, nil
	}
	if fds[0].Revents&(unix.POLLHUP|unix.POLLERR) != 0 {
		return false, io.EOF
	}
	return false, nil
}

// Deny makes the call fail with the error number.
func (l *Listener) Deny(n Notification, e unix.Errno) error {
	return l.respond(notifResp{id: n.ID, error: -int32(e)})
}

// Continue lets the kernel carry out the call as if no filter were there.
//
// The kernel reads the call's memory again: whoever shares that memory can
// change what it points to after the decision. Preconditions: only trusted code
// has run in the calling process, or nothing depends on what the pointers say.
func (l *Listener) Continue(n Notification) error {
	return l.respond(notifResp{id: n.ID, flags: unix.SECCOMP_USER_NOTIF_FLAG_CONTINUE})
}

// Alive says whether the call is still stopped. Memory read from the calling
// process before Alive returned true belonged to it, and not to a process that
// got its pid later.
func (l *Listener) Alive(n Notification) bool {
	return l.ioctl(unix.SECCOMP_IOCTL_NOTIF_ID_VALID, unsafe.Pointer(&n.ID)) == nil
}

func (l *Listener) respond(r notifResp) error {
	err := l.ioctl(unix.SECCOMP_IOCTL_NOTIF_SEND, unsafe.Pointer(&r))
	if errors.Is(err, unix.ENOENT) { // the caller died meanwhile
		return nil
	}
	return err
}

func (l *Listener) ioctl(request uintptr, arg unsafe.Pointer) error {
	var errno unix.Errno
	err := l.conn.Control(func(fd uintptr) {
		_, _, errno = unix.Syscall(unix.SYS_IOCTL, fd, request, uintptr(arg))
	})
	runtime.KeepAlive(arg)
	if err == nil && errno != 0 {
		err = errno
	}
	return err
}

// ListenerFlags are the flags with which a filter is to be loaded: a listener,
// and, where the kernel has it (5.19), waits that only a fatal signal ends.
// Without the latter a signal restarts a stopped call, harmlessly here, since a
// denied call is denied again.
func ListenerFlags() (uintptr, error) {
	full := uintptr(unix.SECCOMP_FILTER_FLAG_NEW_LISTENER | unix.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV)
	if supported(full) {
		return full, nil
	}
	if supported(unix.SECCOMP_FILTER_FLAG_NEW_LISTENER) {
		return unix.SECCOMP_FILTER_FLAG_NEW_LISTENER, nil
	}
	return 0, fmt.Errorf("seccomp user notification (Linux 5.0): %w", unix.ENOSYS)
}

// supported asks with a null program: the kernel checks the flags first and
// then answers EFAULT.
func supported(flags uintptr) bool {
	_, _, e := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, flags, 0)
	return e == unix.EFAULT
}
