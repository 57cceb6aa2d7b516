package sandbox

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"

	"lazaret.dev/lazaret/sandbox/initproc"
)

// plan is an initproc.Plan under construction, with a name for each call, so
// that the kernel's refusal of one can be told in words.
type plan struct {
	initproc.Plan
	initNames, programNames []string
	program                 bool  // calls go to Plan.Program
	groupNames              bool  // a zygote's fork gets a cgroup namespace after it was cloned
	next                    uint8 // first free register
	last                    uint8 // first of those that keep their initial value
}

func newPlan() *plan { return &plan{next: initproc.RegFree, last: initproc.Registers} }

// call adds a system call.
func (p *plan) call(name string, number uintptr, args ...initproc.Arg) *initproc.Call {
	c := initproc.Call{Number: uint32(number)}
	copy(c.Args[:], args)
	calls, names := &p.Init, &p.initNames
	if p.program {
		calls, names = &p.Program, &p.programNames
	}
	*calls, *names = append(*calls, c), append(*names, name)
	return &(*calls)[len(*calls)-1]
}

// save is call with the result in a register of its own.
func (p *plan) save(name string, number uintptr, args ...initproc.Arg) initproc.Arg {
	r := p.register()
	p.call(name, number, args...).Save = r
	return reg(r)
}

// maxBinds is how many binds a plan has registers for.
const maxBinds = 32

// register takes a free register. There are enough for the calls that this
// package makes and maxBinds binds.
func (p *plan) register() uint8 {
	if p.next >= p.last {
		panic("BUG: sandbox plan is out of registers")
	}
	p.next++
	return p.next - 1
}

// pair takes two neighbouring registers that are never used for anything else,
// so that the first still has its initial value when it is needed.
func (p *plan) pair() (uint8, uint8) {
	p.last -= 2
	return p.last, p.last + 1
}

// scope frees, when the returned function is called, the registers taken since.
func (p *plan) scope() func() {
	mark := p.next
	return func() { p.next = mark }
}

// set gives a register its initial value.
func (p *plan) set(register uint8, value uint64) {
	p.Registers = append(p.Registers, initproc.Word{Register: register, Value: value})
}

func num[T ~int | ~int64 | ~uint32 | ~uint64 | ~uintptr](v T) initproc.Arg {
	return initproc.Arg{Value: uint64(v)}
}

func reg(r uint8) initproc.Arg { return initproc.Arg{Kind: initproc.Reg, Value: uint64(r)} }

func regAddr(r uint8) initproc.Arg { return initproc.Arg{Kind: initproc.RegAddr, Value: uint64(r)} }

// bytes places memory, aligned for any C type.
func (p *plan) bytes(b []byte) initproc.Arg {
	for len(p.Data)%8 != 0 {
		p.Data = append(p.Data, 0)
	}
	at := len(p.Data)
	p.Data = append(p.Data, b...)
	p.Data = append(p.Data, 0) // a string's end, and room to point at when b is empty
	return initproc.Arg{Kind: initproc.Data, Value: uint64(at)}
}

func (p *plan) str(s string) initproc.Arg { return p.bytes([]byte(s)) }

// words places 64-bit integers.
func (p *plan) words(vs ...uint64) initproc.Arg {
	var b []byte
	for _, v := range vs {
		b = binary.LittleEndian.AppendUint64(b, v)
	}
	return p.bytes(b)
}

// strs places a null-terminated array of strings, as execve takes it.
func (p *plan) strs(list []string) initproc.Arg {
	var targets []uint64
	for _, s := range list {
		targets = append(targets, p.str(s).Value)
	}
	array := p.words(append(targets, math.MaxUint64)...)
	for i := range len(targets) + 1 {
		p.pointer(array, i)
	}
	return array
}

// pointer marks word i of an array as an offset to be made an address.
func (p *plan) pointer(array initproc.Arg, i int) {
	p.Pointers = append(p.Pointers, uint32(array.Value)+uint32(8*i))
}

// fault explains a failed call by its place in the plan. The calls whose only
// operand is the Spec's fail by the Spec's fault, all others by the machine's.
func (p *plan) fault(m initproc.Message, err error) error {
	names := p.initNames
	if m.Kind == initproc.ProgramFault {
		names = p.programNames
	}
	step := "start the program's process"
	if int(m.A) < len(names) {
		step = names[m.A]
	}
	blame := ErrUnavailable
	if strings.HasPrefix(step, stepExecute) || strings.HasPrefix(step, stepDirectory) {
		blame = ErrSpec
	}
	return &stepFault{blame, &StepError{Step: step, Err: err}}
}

// Steps that depend on the Spec alone.
const (
	stepExecute   = "execute"
	stepDirectory = "change directory to"
)

func quoted(verb, operand string) string { return fmt.Sprintf("%s %q", verb, operand) }
