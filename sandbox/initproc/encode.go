package initproc

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

const magic = 0x4c5a5230 + Version // "LZR0" and the version

// ErrPlan is wrapped by every error of Decode.
var ErrPlan = errors.New("malformed plan")

// Encode renders a plan for a helper.
func Encode(p *Plan) []byte {
	w := writer{}
	w.u32(magic)
	w.u64(p.Namespaces)
	w.bytes([]byte(p.UIDMap))
	w.bytes([]byte(p.GIDMap))
	w.flag(p.DenySetgroups)
	w.calls(p.Init)
	w.calls(p.Program)
	w.u32(uint32(len(p.Registers)))
	for _, r := range p.Registers {
		w.u8(r.Register)
		w.u64(r.Value)
	}
	w.bytes(p.Data)
	w.u32(uint32(len(p.Pointers)))
	for _, at := range p.Pointers {
		w.u32(at)
	}
	return w.b
}

type writer struct{ b []byte }

func (w *writer) u8(v uint8)     { w.b = append(w.b, v) }
func (w *writer) u32(v uint32)   { w.b = binary.LittleEndian.AppendUint32(w.b, v) }
func (w *writer) u64(v uint64)   { w.b = binary.LittleEndian.AppendUint64(w.b, v) }
func (w *writer) bytes(v []byte) { w.u32(uint32(len(v))); w.b = append(w.b, v...) }

func (w *writer) flag(v bool) {
	var b uint8
	if v {
		b = 1
	}
	w.u8(b)
}

func (w *writer) calls(cs []Call) {
	w.u32(uint32(len(cs)))
	for _, c := range cs {
		w.u32(c.Number)
		w.u8(c.Save)
		w.u64(c.Min)
		for _, a := range c.Args {
			w.u8(uint8(a.Kind))
			w.u64(a.Value)
		}
	}
}

// callSize is the encoded size of one Call; it bounds what a length can ask for.
const callSize = 4 + 1 + 8 + 6*9

// Decode reads what Encode wrote and checks that every register, offset and
// pointer lies inside the plan. It keeps no reference to b.
func Decode(b []byte) (*Plan, error) {
	r := reader{b: b}
	if r.u32() != magic {
		return nil, fmt.Errorf("%w: not of version %d: the init helper is of another build", ErrPlan, Version)
	}
	p := &Plan{Namespaces: r.u64(), UIDMap: string(r.bytes()), GIDMap: string(r.bytes()), DenySetgroups: r.u8() != 0}
	p.Init, p.Program = r.calls(), r.calls()
	p.Registers = make([]Word, r.count(9))
	for i := range p.Registers {
		p.Registers[i] = Word{r.u8(), r.u64()}
	}
	p.Data = append([]byte(nil), r.bytes()...)
	p.Pointers = make([]uint32, r.count(4))
	for i := range p.Pointers {
		p.Pointers[i] = r.u32()
	}
	if r.short || len(r.b) != 0 {
		return nil, fmt.Errorf("%w: wrong length", ErrPlan)
	}
	return p, p.check()
}

type reader struct {
	b     []byte
	short bool
}

func (r *reader) take(n int) []byte {
	if n > len(r.b) {
		r.short, r.b = true, nil
		return nil
	}
	taken := r.b[:n]
	r.b = r.b[n:]
	return taken
}

func (r *reader) u8() uint8 {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *reader) u32() uint32 {
	if b := r.take(4); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

func (r *reader) u64() uint64 {
	if b := r.take(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

func (r *reader) bytes() []byte { return r.take(r.count(1)) }

// count reads a number of elements of the given size, which must still be there.
func (r *reader) count(size int) int {
	n := uint64(r.u32())
	if n*uint64(size) > uint64(len(r.b)) {
		r.short, r.b = true, nil
		return 0
	}
	return int(n)
}

func (r *reader) calls() []Call {
	cs := make([]Call, r.count(callSize))
	for i := range cs {
		c := &cs[i]
		c.Number, c.Save, c.Min = r.u32(), r.u8(), r.u64()
		for j := range c.Args {
			c.Args[j] = Arg{Kind(r.u8()), r.u64()}
		}
	}
	return cs
}

func (p *Plan) check() error {
	for _, cs := range [][]Call{p.Init, p.Program} {
		for i, c := range cs {
			if err := p.checkCall(c); err != nil {
				return fmt.Errorf("%w: call %d: %w", ErrPlan, i, err)
			}
		}
	}
	for _, w := range p.Registers {
		if w.Register < RegFree || w.Register >= Registers {
			return fmt.Errorf("%w: register %d", ErrPlan, w.Register)
		}
	}
	for _, at := range p.Pointers {
		if uint64(at)+8 > uint64(len(p.Data)) || at%8 != 0 {
			return fmt.Errorf("%w: pointer at %d", ErrPlan, at)
		}
		if to := binary.LittleEndian.Uint64(p.Data[at:]); to != math.MaxUint64 && to >= uint64(len(p.Data)) {
			return fmt.Errorf("%w: pointer to %d", ErrPlan, to)
		}
	}
	return nil
}

func (p *Plan) checkCall(c Call) error {
	if c.Save != 0 && (c.Save < RegFree || c.Save >= Registers) {
		return fmt.Errorf("result register %d", c.Save)
	}
	for _, a := range c.Args {
		if a.Kind >= kinds ||
			a.Kind == Data && a.Value >= uint64(len(p.Data)) ||
			(a.Kind == Reg || a.Kind == RegAddr) && a.Value >= Registers {
			return fmt.Errorf("argument %d of kind %d", a.Value, a.Kind)
		}
	}
	return nil
}
