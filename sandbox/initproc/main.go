package initproc

import (
	"errors"
	"os"
	"runtime"
	"strconv"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Name is argv[0] of a helper process.
const Name = "lazaret-init"

// ControlFD is the descriptor on which a helper finds its control socket. 0 to
// 2 are the program's standard streams, 3 its arguments; 5 is its service.
const ControlFD = 4

// Main is the helper's main function. It waits for one plan, starts the sandbox
// and ends the process; it never returns.
func Main() {
	runtime.LockOSThread()
	unix.CloseOnExec(ControlFD)
	plan := receive()
	var ready, hold [2]int
	check(StagePipe, unix.Pipe2(ready[:], unix.O_CLOEXEC))
	check(StagePipe, unix.Pipe2(hold[:], unix.O_CLOEXEC))
	m := newMachine(plan, ControlFD, ready[1], hold[0])
	check(StageClone, blockSignals())
	pid, errno := m.fork()
	if errno != 0 {
		check(StageClone, errno)
	}
	check(StageClone, send(Cloned, int(m.pidfd)))
	proc := "/proc/" + strconv.Itoa(int(pid))
	writeMaps(proc, plan)
	check(StageClone, writeFD(hold[1], []byte{1}))
	check(StageListener, handOver(ready[0]))
	runtime.KeepAlive(m)
	os.Exit(0)
}

// writeMaps gives the user namespace of a process its ids, if it has one.
func writeMaps(proc string, plan *Plan) {
	if plan.UIDMap == "" {
		return
	}
	check(StageUIDMap, write(proc+"/uid_map", plan.UIDMap))
	if plan.DenySetgroups {
		check(StageSetgroups, write(proc+"/setgroups", "deny"))
	}
	check(StageGIDMap, write(proc+"/gid_map", plan.GIDMap))
}

// receive reads the plan from the descriptor that the first packet carries.
// End of file instead means that the worker does not need this helper.
func receive() *Plan {
	oob := make([]byte, unix.CmsgSpace(4))
	n, oobn, _, _, err := unix.Recvmsg(ControlFD, make([]byte, 1), oob, unix.MSG_CMSG_CLOEXEC)
	if err == nil && n == 0 {
		os.Exit(0)
	}
	check(StageReceive, err)
	fd, err := onlyFD(oob[:oobn])
	check(StageReceive, err)
	b, err := readAll(fd)
	check(StageReceive, err)
	plan, err := Decode(b)
	if err != nil {
		check(StageDecode, unix.EPROTO)
	}
	return plan
}

func onlyFD(oob []byte) (int, error) {
	messages, err := unix.ParseSocketControlMessage(oob)
	if err != nil || len(messages) != 1 {
		return -1, unix.EBADMSG
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil || len(fds) != 1 {
		return -1, unix.EBADMSG
	}
	return fds[0], nil
}

func readAll(fd int) ([]byte, error) {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return nil, err
	}
	b := make([]byte, st.Size)
	for at := 0; at < len(b); {
		n, err := unix.Pread(fd, b[at:], int64(at))
		if err != nil {
			return nil, err
		}
		if n == 0 {
			return nil, unix.EIO
		}
		at += n
	}
	return b, unix.Close(fd)
}

func write(path, text string) error {
	fd, err := unix.Open(path, unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	if err := writeFD(fd, []byte(text)); err != nil {
		return err
	}
	return unix.Close(fd)
}

func writeFD(fd int, b []byte) error {
	_, err := unix.Write(fd, b)
	return err
}

// handOver waits until pid 2 has loaded its filter and sends the worker the
// filter's listener, which lives in the table that pid 2 shares with this process.
// A pid 2 that fails before tells the worker so, and the worker kills this process.
func handOver(ready int) error {
	var word [8]byte
	if n, err := unix.Read(ready, word[:]); err != nil || n != len(word) {
		return unix.EIO
	}
	return send(Ready, int(*(*uint64)(unsafe.Pointer(&word))))
}

// send sends a message with a descriptor.
func send(kind MessageKind, fd int) error {
	return unix.Sendmsg(ControlFD, Message{Kind: kind}.Bytes(), unix.UnixRights(fd), nil, 0)
}

func blockSignals() error {
	all := [8]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	_, _, e := syscall.RawSyscall6(unix.SYS_RT_SIGPROCMASK, unix.SIG_SETMASK, uintptr(unsafe.Pointer(&all)), 0, 8, 0, 0)
	if e != 0 {
		return e
	}
	return nil
}

// check reports a failed stage to the worker and ends the process.
func check(s Stage, err error) {
	if err == nil {
		return
	}
	errno, _ := errors.AsType[syscall.Errno](err)
	_ = writeFD(ControlFD, Message{Kind: HelperFault, A: uint32(s), B: uint32(errno)}.Bytes())
	os.Exit(exitFault)
}
