package initproc

import (
	"encoding/binary"
	"math"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// machine holds a plan as plain words, so that the forked copies of this
// process can run it without allocating, growing a stack or touching a pointer
// the garbage collector knows. It must stay reachable (runtime.KeepAlive).
type machine struct {
	regs    [Registers]uintptr
	init    []step
	program []step
	data    []byte
	message [3]uint32
	pidfd   int32
	status  uint32
	hold    int     // pid 1 reads one byte here before its first call
	spaces  uintptr // namespaces that pid 1 gets of its own
}

// step is a Call with every address resolved. Bit i of fromReg says that
// args[i] is a register number to be looked up when the step runs.
type step struct {
	number  uintptr
	min     uintptr
	args    [6]uintptr
	fromReg uint8
	save    uint8
}

func newMachine(p *Plan, control, ready, hold int) *machine {
	m := &machine{data: p.Data, hold: hold, spaces: uintptr(p.Namespaces)}
	m.regs[RegControl], m.regs[RegReady] = uintptr(control), uintptr(ready)
	for _, w := range p.Registers {
		m.regs[w.Register] = uintptr(w.Value)
	}
	m.relocate(p.Pointers)
	m.init, m.program = m.steps(p.Init), m.steps(p.Program)
	return m
}

func (m *machine) relocate(pointers []uint32) {
	for _, at := range pointers {
		word := m.data[at : at+8]
		to := binary.LittleEndian.Uint64(word)
		if to == math.MaxUint64 {
			binary.LittleEndian.PutUint64(word, 0)
			continue
		}
		binary.LittleEndian.PutUint64(word, uint64(m.address(to)))
	}
}

func (m *machine) address(offset uint64) uintptr { return uintptr(unsafe.Pointer(&m.data[offset])) }

func (m *machine) steps(cs []Call) []step {
	steps := make([]step, len(cs))
	for i, c := range cs {
		s := &steps[i]
		s.number, s.min, s.save = uintptr(c.Number), uintptr(c.Min), c.Save
		for j, a := range c.Args {
			m.resolve(s, j, a)
		}
	}
	return steps
}

func (m *machine) resolve(s *step, i int, a Arg) {
	switch a.Kind {
	case Data:
		s.args[i] = m.address(a.Value)
	case RegAddr:
		s.args[i] = uintptr(unsafe.Pointer(&m.regs[a.Value]))
	case Reg:
		s.fromReg |= 1 << i
		s.args[i] = uintptr(a.Value)
	default:
		s.args[i] = uintptr(a.Value)
	}
}

// fork starts pid 1 and returns its pid. The child never returns. CLONE_PARENT
// makes it the worker's child, so that the worker can wait for it when the helper
// is gone; CLONE_FILES lets the helper pass on the listener that pid 2 will create.
//
// Preconditions: the calling goroutine is locked to its thread and all signals
// are blocked, so that the child never enters a Go signal handler.
//
//go:nosplit
//go:norace
func (m *machine) fork() (uintptr, syscall.Errno) {
	pid, _, e := syscall.RawSyscall6(unix.SYS_CLONE,
		m.spaces|unix.CLONE_PARENT|unix.CLONE_FILES|unix.CLONE_PIDFD|uintptr(unix.SIGCHLD),
		0, uintptr(unsafe.Pointer(&m.pidfd)), 0, 0, 0)
	if e != 0 || pid != 0 {
		return pid, e
	}
	m.runInit()
	return 0, 0
}

// runInit is the whole life of pid 1.
//
//go:nosplit
//go:norace
func (m *machine) runInit() {
	if n, _, _ := syscall.RawSyscall(unix.SYS_READ, uintptr(m.hold), uintptr(unsafe.Pointer(&m.status)), 1); n != 1 {
		m.exit(exitFault)
	}
	m.run(m.init, uint32(InitFault))
	pid, _, e := syscall.RawSyscall6(unix.SYS_CLONE, unix.CLONE_FILES|uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
	if e != 0 {
		m.fault(uint32(InitFault), uint32(len(m.init)), uint32(e))
	}
	if pid == 0 {
		m.run(m.program, uint32(ProgramFault))
		m.exit(exitFault)
	}
	m.keepOnlyControl()
	m.reap(pid)
}

// exitFault is the exit code of a sandbox that could not be built.
const exitFault = 125

//go:nosplit
//go:norace
func (m *machine) run(steps []step, kind uint32) {
	for i := range steps {
		s := &steps[i]
		a := s.args
		for j := range a {
			if s.fromReg&(1<<j) != 0 {
				a[j] = m.regs[a[j]&(Registers-1)]
			}
		}
		r, _, e := syscall.RawSyscall6(s.number, a[0], a[1], a[2], a[3], a[4], a[5])
		if e == 0 && r < s.min {
			e = unix.EIO
		}
		if e != 0 {
			m.fault(kind, uint32(i), uint32(e))
		}
		if s.save != 0 {
			m.regs[s.save&(Registers-1)] = r
		}
	}
}

// keepOnlyControl leaves pid 1 with the control socket alone. CLOSE_RANGE_UNSHARE
// first gives it a descriptor table of its own: pid 2 still uses the shared one.
//
//go:nosplit
//go:norace
func (m *machine) keepOnlyControl() {
	control := m.regs[RegControl]
	if _, _, e := syscall.RawSyscall(unix.SYS_CLOSE_RANGE, control+1, 1<<31-1, unix.CLOSE_RANGE_UNSHARE); e != 0 {
		m.fault(uint32(InitFault), uint32(len(m.init)), uint32(e))
	}
	_, _, _ = syscall.RawSyscall(unix.SYS_CLOSE_RANGE, 0, control-1, 0)
}

// reap waits for every process of the namespace and ends with the program:
// the kernel then kills whatever is left in it, daemons included.
//
//go:nosplit
//go:norace
func (m *machine) reap(program uintptr) {
	for {
		pid, _, e := syscall.RawSyscall6(unix.SYS_WAIT4, ^uintptr(0), uintptr(unsafe.Pointer(&m.status)), unix.WALL, 0, 0, 0)
		if e == unix.EINTR {
			continue
		}
		if e != 0 {
			m.fault(uint32(InitFault), uint32(len(m.init)), uint32(e))
		}
		if pid == program {
			m.tell(uint32(Exited), m.status, 0)
			m.exit(0)
		}
	}
}

//go:nosplit
//go:norace
func (m *machine) fault(kind, at, errno uint32) {
	m.tell(kind, at, errno)
	m.exit(exitFault)
}

//go:nosplit
//go:norace
func (m *machine) tell(kind, a, b uint32) {
	m.message[0], m.message[1], m.message[2] = kind, a, b
	_, _, _ = syscall.RawSyscall(unix.SYS_WRITE, m.regs[RegControl], uintptr(unsafe.Pointer(&m.message)), MessageSize)
}

//go:nosplit
//go:norace
func (m *machine) exit(code uintptr) {
	for {
		_, _, _ = syscall.RawSyscall(unix.SYS_EXIT_GROUP, code, 0, 0)
	}
}
