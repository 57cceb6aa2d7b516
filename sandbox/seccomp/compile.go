package seccomp

import (
	"errors"
	"fmt"
	"slices"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// Offsets in struct seccomp_data.
const (
	offNumber = 0
	offArch   = 4
	offArgs   = 16
)

// ErrPolicy is wrapped by every error of Compile.
var ErrPolicy = errors.New("system-call policy")

// Filter is a compiled policy.
type Filter struct {
	arch  Arch
	raw   []bpf.RawInstruction
	code  []bpf.Instruction
	rules map[uint32][]Rule
}

// Compile makes the filter of a policy for one architecture. Its verdict equals
// Policy.Verdict for every call.
func Compile(p Policy, a Arch) (Filter, error) {
	if err := p.check(); err != nil {
		return Filter{}, err
	}
	rules := byNumber(p, a)
	code := append(prologue(a), tree(blocks(rules))...)
	raw, err := bpf.Assemble(code)
	if err != nil {
		return Filter{}, fmt.Errorf("%w %q: %w", ErrPolicy, p.Name, err)
	}
	if len(raw) > unix.BPF_MAXINSNS {
		return Filter{}, fmt.Errorf("%w %q: %d instructions, the kernel takes %d", ErrPolicy, p.Name, len(raw), unix.BPF_MAXINSNS)
	}
	return Filter{a, raw, code, rules}, nil
}

func (p Policy) check() error {
	for i, r := range p.Rules {
		for _, name := range r.Calls {
			if !Known(name) {
				return fmt.Errorf("%w %q: rule %d: unknown call %q", ErrPolicy, p.Name, i, name)
			}
		}
		for _, c := range r.When {
			if err := c.check(); err != nil {
				return fmt.Errorf("%w %q: rule %d: %w", ErrPolicy, p.Name, i, err)
			}
		}
	}
	return nil
}

func (c Condition) check() error {
	switch {
	case c.Arg < 0 || c.Arg > 5:
		return fmt.Errorf("argument %d", c.Arg)
	case c.Width != Int && c.Width != Long:
		return fmt.Errorf("width %d", c.Width)
	case c.Mask != 0 && c.Value&^c.Mask != 0:
		return fmt.Errorf("value %#x outside mask %#x", c.Value, c.Mask)
	}
	return nil
}

// prologue refuses foreign ABIs before it looks at a number, since the same
// number means another call there, and leaves the number in the accumulator.
func prologue(a Arch) []bpf.Instruction {
	code := []bpf.Instruction{
		bpf.LoadAbsolute{Off: offArch, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: a.Audit, SkipTrue: 1},
		ret(Kill),
		bpf.LoadAbsolute{Off: offNumber, Size: 4},
	}
	if a.abi != 0 {
		code = append(code, bpf.JumpIf{Cond: bpf.JumpBitsNotSet, Val: a.abi, SkipTrue: 1}, ret(Kill))
	}
	return code
}

// block decides one call; it always returns.
type block struct {
	nr   uint32
	code []bpf.Instruction
}

// byNumber sorts rules by the calls they name, and keeps their order.
func byNumber(p Policy, a Arch) map[uint32][]Rule {
	rules := map[uint32][]Rule{}
	for _, r := range p.Rules {
		for _, name := range r.Calls {
			if nr, ok := a.Number(name); ok {
				rules[nr] = append(rules[nr], r)
			}
		}
	}
	return rules
}

// Verdict is Policy.Verdict for a native call, in the time of one look-up.
func (f Filter) Verdict(nr uint32, args [6]uint64) Verdict {
	if f.arch.foreign(nr) {
		return Kill
	}
	for _, r := range f.rules[nr] {
		if r.applies(args) {
			return r.Then
		}
	}
	return Notify
}

func blocks(byNumber map[uint32][]Rule) []block {
	var bs []block
	for nr, rules := range byNumber {
		bs = append(bs, block{nr, decide(rules)})
	}
	slices.SortFunc(bs, func(a, b block) int { return int(a.nr) - int(b.nr) })
	return bs
}

// tree finds the block of the number in the accumulator by halving: the kernel
// runs the filter once per call number when it is loaded, and for every call
// with argument checks after that.
func tree(bs []block) []bpf.Instruction {
	if len(bs) == 0 {
		return []bpf.Instruction{ret(Notify)}
	}
	if len(bs) == 1 {
		return slices.Concat(unless(bpf.JumpEqual, bs[0].nr, []bpf.Instruction{ret(Notify)}), bs[0].code)
	}
	middle := len(bs) / 2
	return slices.Concat(unless(bpf.JumpGreaterOrEqual, bs[middle].nr, tree(bs[:middle])), tree(bs[middle:]))
}

// unless runs code when the comparison fails and skips it otherwise. A
// conditional jump reaches 255 instructions, so a plain jump does the distance.
func unless(cond bpf.JumpTest, val uint32, code []bpf.Instruction) []bpf.Instruction {
	return append([]bpf.Instruction{
		bpf.JumpIf{Cond: cond, Val: val, SkipFalse: 1},
		bpf.Jump{Skip: uint32(len(code))},
	}, code...)
}

func decide(rules []Rule) []bpf.Instruction {
	var code []bpf.Instruction
	for _, r := range rules {
		body := []bpf.Instruction{ret(r.Then)}
		for _, c := range slices.Backward(r.When) {
			body = append(c.test(len(body)), body...)
		}
		code = append(code, body...)
		if len(r.When) == 0 {
			return code
		}
	}
	return append(code, ret(Notify))
}

// test falls through when the condition holds and skips rest instructions when not.
func (c Condition) test(rest int) []bpf.Instruction {
	low, high := uint32(offArgs+8*c.Arg), uint32(offArgs+8*c.Arg+4)
	maskLow, maskHigh := uint32(c.Mask), uint32(c.Mask>>32)
	if c.Mask == 0 {
		maskLow, maskHigh = ^uint32(0), ^uint32(0)
	}
	if c.Width == Int {
		if c.Not {
			return append(load(low, maskLow), jump(uint32(c.Value), rest, 0)...)
		}
		return append(load(low, maskLow), jump(uint32(c.Value), 0, rest)...)
	}
	second := load(high, maskHigh)
	if c.Not {
		second = append(second, jump(uint32(c.Value>>32), rest, 0)...)
		return slices.Concat(load(low, maskLow), jump(uint32(c.Value), 0, len(second)), second)
	}
	second = append(second, jump(uint32(c.Value>>32), 0, rest)...)
	return slices.Concat(load(low, maskLow), jump(uint32(c.Value), 0, len(second)+rest), second)
}

func load(off, mask uint32) []bpf.Instruction {
	code := []bpf.Instruction{bpf.LoadAbsolute{Off: off, Size: 4}}
	if mask != ^uint32(0) {
		code = append(code, bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: mask})
	}
	return code
}

// jump skips by equality. Bodies are a few conditions long, far below 255.
func jump(val uint32, skipEqual, skipOther int) []bpf.Instruction {
	return []bpf.Instruction{bpf.JumpIf{Cond: bpf.JumpEqual, Val: val, SkipTrue: uint8(skipEqual), SkipFalse: uint8(skipOther)}}
}

func ret(v Verdict) bpf.Instruction { return bpf.RetConstant{Val: uint32(v)} }

// Program is the filter as the kernel takes it: an array of struct sock_filter.
func (f Filter) Program() []unix.SockFilter {
	out := make([]unix.SockFilter, len(f.raw))
	for i, in := range f.raw {
		out[i] = unix.SockFilter{Code: in.Op, Jt: in.Jt, Jf: in.Jf, K: in.K}
	}
	return out
}
