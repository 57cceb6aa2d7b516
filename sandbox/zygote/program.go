package zygote

import (
	"encoding/binary"
	"math"

	"lazaret.dev/lazaret/sandbox/initproc"
)

// Arg is an argument of a call: initproc's, or Word.
type Arg = initproc.Arg

// Word is a kind of argument that a zygote has beyond initproc's: the 32 bits that
// lie at an offset in Data, such as a received descriptor.
const Word initproc.Kind = 4

// What Stop may be.
const (
	Parent = 1 // the zygote goes on
	Child  = 2 // pid 2 is complete and goes on as the interpreter
)

// Step is one call of a Program. Its Save and Min are as in a Plan.
type Step struct {
	initproc.Call
	Branch int                  // the step to go to when the result is 0, as in a child; 0 for none
	Until  uint8                // repeat the step until its result is this register's value; 0 for once
	Stop   int                  // return this to the interpreter when the step is done; 0 to go on
	Fault  initproc.MessageKind // tell the worker this when the step fails, and exit; 0 to return to the interpreter
	At     int                  // the message's A
}

// Program is what a zygote executes. Receive and Fork are its entries: the one
// returns when the worker wants a sandbox, the other makes it.
type Program struct {
	Steps         []Step
	Receive, Fork int
	Registers     []initproc.Word
	TID           uint8  // register that the zygote sets to where its C library keeps the thread's id
	Data          []byte // as a Plan's
	Pointers      []uint32
}

// The memory of a machine: registers, a fault message, the offsets of the steps and
// of the data, and the arguments of the call at hand; then the steps; then the data.
const (
	atFault = 8 * initproc.Registers
	atSteps = atFault + 16
	atData  = atSteps + 8
	header  = atData + 8 + 6*8 + 48 // a multiple of 128, as the machine reckons with
	size    = 128
)

// Encode renders what a zygote reads from its worker: the code, the memory, and
// where in it the memory's own address is to be added.
func Encode(p *Program) []byte {
	code, memory, pointers := Code(), p.memory(), p.pointers()
	var b []byte
	for _, v := range []int{len(code), len(memory), len(pointers), p.Receive, p.Fork, int(p.TID)} {
		b = binary.LittleEndian.AppendUint64(b, uint64(v))
	}
	for _, at := range pointers {
		b = binary.LittleEndian.AppendUint64(b, at)
	}
	return append(append(b, memory...), code...)
}

func (p *Program) memory() []byte {
	data := header + size*len(p.Steps)
	m := make([]byte, data, data+len(p.Data)+8)
	put := func(at int, v uint64) { binary.LittleEndian.PutUint64(m[at:], v) }
	put(atSteps, header)
	put(atData, uint64(data))
	for _, w := range p.Registers {
		put(8*int(w.Register), w.Value)
	}
	for i := range p.Steps {
		p.Steps[i].encode(m[header+size*i:])
	}
	m = append(m, p.Data...)
	for _, at := range p.Pointers {
		word := m[data+int(at):]
		if to := binary.LittleEndian.Uint64(word); to == math.MaxUint64 {
			binary.LittleEndian.PutUint64(word, 0)
		} else {
			binary.LittleEndian.PutUint64(word, uint64(data)+to)
		}
	}
	return m
}

// pointers are the offsets of the words that hold an offset in the memory.
func (p *Program) pointers() []uint64 {
	var all []uint64
	data := uint64(header + size*len(p.Steps))
	for _, at := range p.Pointers {
		if binary.LittleEndian.Uint64(p.Data[at:]) != math.MaxUint64 {
			all = append(all, data+uint64(at))
		}
	}
	return all
}

func (s *Step) encode(b []byte) {
	for i, v := range []uint64{uint64(s.Number), s.Min, uint64(s.Save), uint64(s.Branch), uint64(s.Until), uint64(s.Stop)} {
		binary.LittleEndian.PutUint64(b[8*i:], v)
	}
	binary.LittleEndian.PutUint32(b[48:], uint32(s.Fault))
	binary.LittleEndian.PutUint32(b[52:], uint32(s.At))
	for i, a := range s.Args {
		b[56+i] = uint8(a.Kind)
		binary.LittleEndian.PutUint64(b[64+8*i:], a.Value)
	}
}
