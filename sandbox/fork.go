package sandbox

import (
	"golang.org/x/sys/unix"

	"lazaret.dev/lazaret/sandbox/initproc"
	"lazaret.dev/lazaret/sandbox/zygote"
)

// forker turns the plan of a sandbox into the program by which a zygote makes it.
// What the init helper does by its own code is a step here as well.
type forker struct {
	*plan
	zygote.Program
	names []string // of the steps of pid 1
}

// Descriptors of a forked pid 1, and until its end of building of pid 2: the six
// that the worker sent, then the pipe on which pid 2 tells pid 1 of its listener.
const (
	controlFD  = initproc.ControlFD
	firstFree  = ServiceFD + 1
	readyRead  = firstFree
	readyWrite = firstFree + 1
	lastFD     = 1<<31 - 1
)

// sentFDs is how many descriptors the worker sends for a sandbox: the standard
// three, the arguments', the control socket and the service's.
const sentFDs = ServiceFD + 1

// forkProgram makes what a zygote executes for each sandbox by the Spec, and the
// plan that explains its faults.
func forkProgram(p *plan) *zygote.Program {
	f := &forker{plan: p}
	f.set(initproc.RegControl, controlFD)
	f.set(initproc.RegReady, readyWrite)
	received, request := f.message(make([]byte, 1), unix.UnixRights(make([]int, sentFDs)...))
	f.Receive = f.step(0, 0, unix.SYS_RECVMSG, num(controlFD), request, num(unix.MSG_CMSG_CLOEXEC))
	f.last().Min, f.last().Stop = 1, zygote.Parent
	f.forkInit(received)
	f.branch(f.Fork)
	f.becomeInit(received)
	for i, c := range p.Init {
		f.copied(c, initproc.InitFault, p.initNames[i])
	}
	listener, ready := f.message(initproc.Message{Kind: initproc.Ready}.Bytes(), unix.UnixRights(0))
	f.TID = f.register()
	program := f.register()
	f.init("start the program's process", unix.SYS_CLONE,
		num(unix.CLONE_FILES|unix.CLONE_CHILD_SETTID|unix.CLONE_CHILD_CLEARTID|uintptr(unix.SIGCHLD)), num(0), num(0), reg(f.TID))
	start := len(f.Steps) - 1
	f.last().Save = program
	f.handOverListener(listener, ready)
	f.reap(program)
	f.branch(start)
	for i, c := range p.Program {
		f.step(initproc.ProgramFault, i, 0)
		f.last().Call = c
	}
	f.last().Stop = zygote.Child
	f.Registers, f.Data, f.Pointers = p.Registers, p.Data, p.Pointers
	p.initNames = f.names
	return &f.Program
}

// step adds a call and returns its place.
func (f *forker) step(fault initproc.MessageKind, at int, number uintptr, args ...initproc.Arg) int {
	s := zygote.Step{Call: initproc.Call{Number: uint32(number)}, Fault: fault, At: at}
	copy(s.Args[:], args)
	f.Steps = append(f.Steps, s)
	return len(f.Steps) - 1
}

func (f *forker) last() *zygote.Step { return &f.Steps[len(f.Steps)-1] }

// init adds a call of pid 1.
func (f *forker) init(name string, number uintptr, args ...initproc.Arg) {
	f.names = append(f.names, name)
	f.step(initproc.InitFault, len(f.names)-1, number, args...)
}

func (f *forker) copied(c initproc.Call, fault initproc.MessageKind, name string) {
	f.names = append(f.names, name)
	f.step(fault, len(f.names)-1, 0)
	f.last().Call = c
}

// branch has the child of a clone go on at the next step.
func (f *forker) branch(at int) { f.Steps[at].Branch = len(f.Steps) }

// word is a descriptor among those that a control message carries.
func word(rights initproc.Arg, i int) initproc.Arg {
	return initproc.Arg{Kind: zygote.Word, Value: rights.Value + uint64(unix.CmsgLen(0)+4*i)}
}

// message places a struct msghdr and the control message in it.
func (f *forker) message(payload, rights []byte) (control, header initproc.Arg) {
	iov := f.words(f.bytes(payload).Value, uint64(len(payload)))
	f.pointer(iov, 0)
	control = f.bytes(rights)
	header = f.words(0, 0, iov.Value, 1, control.Value, uint64(len(rights)), 0)
	f.pointer(header, 2)
	f.pointer(header, 4)
	return control, header
}

// forkInit clones pid 1, as initproc does, and tells the worker of it. The cgroup
// namespace comes later: it begins at the group that the process is in.
func (f *forker) forkInit(received initproc.Arg) {
	const stage = int(initproc.StageClone)
	pidfd, cloned := f.message(initproc.Message{Kind: initproc.Cloned}.Bytes(), unix.UnixRights(0))
	at := pidfd
	at.Value += uint64(unix.CmsgLen(0))
	f.Fork = f.step(initproc.HelperFault, stage, unix.SYS_CLONE,
		num(uintptr(f.Namespaces)|unix.CLONE_PARENT|unix.CLONE_PIDFD|uintptr(unix.SIGCHLD)), num(0), at)
	f.step(initproc.HelperFault, stage, unix.SYS_SENDMSG, num(controlFD), cloned, num(0))
	f.last().Min = initproc.MessageSize
	f.step(initproc.HelperFault, stage, unix.SYS_CLOSE, word(pidfd, 0))
	for i := range sentFDs {
		f.step(initproc.HelperFault, stage, unix.SYS_CLOSE, word(received, i))
	}
	f.last().Stop = zygote.Parent
}

// becomeInit gives pid 1 the descriptors that the worker sent, and nothing of the
// zygote's, and waits until the worker has put it into its group and given it its ids.
func (f *forker) becomeInit(received initproc.Arg) {
	for i := range sentFDs {
		f.init("take a descriptor", unix.SYS_DUP3, word(received, i), num(i), num(0))
	}
	f.init("close the zygote's descriptors", unix.SYS_CLOSE_RANGE, num(firstFree), num(lastFD), num(0))
	f.init("make a pipe", unix.SYS_PIPE2, f.words(0), num(unix.O_CLOEXEC))
	f.init("wait for the worker", unix.SYS_READ, num(controlFD), f.words(0), num(1))
	f.last().Min = 1
	if f.groupNames {
		f.init("make a cgroup namespace", unix.SYS_UNSHARE, num(unix.CLONE_NEWCGROUP))
	}
}

// handOverListener waits until pid 2 has loaded its filter and sends the worker the
// filter's listener, which lies in the table that both share. From then on pid 1 has a
// table of its own, with the control socket alone.
func (f *forker) handOverListener(listener, ready initproc.Arg) {
	at := listener
	at.Value += uint64(unix.CmsgLen(0))
	f.init("wait for the program's filter", unix.SYS_READ, num(readyRead), at, num(8))
	f.last().Min = 8
	f.init("leave the program's descriptors", unix.SYS_UNSHARE, num(unix.CLONE_FILES))
	f.init("hand over the seccomp listener", unix.SYS_SENDMSG, num(controlFD), ready, num(0))
	f.last().Min = initproc.MessageSize
	f.init("close the program's descriptors", unix.SYS_CLOSE_RANGE, num(controlFD+1), num(lastFD), num(0))
	f.init("close the program's descriptors", unix.SYS_CLOSE_RANGE, num(0), num(controlFD-1), num(0))
}

// reap waits for every process of the namespace and ends with the program.
func (f *forker) reap(program uint8) {
	ended := f.bytes(initproc.Message{Kind: initproc.Exited}.Bytes())
	status := ended
	status.Value += 4
	f.init("wait for the program's end", unix.SYS_WAIT4, num(uint64(1<<64-1)), status, num(unix.WALL), num(0))
	f.last().Until = program
	f.init("tell of the program's end", unix.SYS_WRITE, num(controlFD), ended, num(initproc.MessageSize))
	f.init("end", unix.SYS_EXIT_GROUP, num(0))
}
