package seccomp

import (
	"slices"

	"golang.org/x/sys/unix"
)

// Policy lists what a program may call. The zero Policy permits nothing, which
// is less than any program needs to start.
type Policy struct {
	Name string
	// Rules are tried in order; the first that names the call and whose
	// conditions all hold decides. Without one the call is denied and reported.
	// They must not be changed once the policy has been used.
	Rules []Rule
}

// Rule gives one verdict to some system calls.
type Rule struct {
	Calls []string    // names; one that the architecture does not have is skipped
	When  []Condition // all must hold
	Then  Verdict
	Why   string // the reason, where the line does not speak for itself
}

// Condition compares one argument: (argument & Mask) == Value, or its opposite.
type Condition struct {
	Arg   int // 0 to 5
	Width Width
	Mask  uint64 // 0 means every bit
	Value uint64
	Not   bool
}

// Width is how many bits of a register the kernel looks at.
type Width int

// The widths. Int ignores the upper half, as the kernel does for an int or an
// unsigned int; comparing it too would let 1<<32|x pass where x is denied.
const (
	Int  Width = 32
	Long Width = 64
)

// Verdict is what the kernel does with a call.
type Verdict uint32

// The verdicts. Errno makes more.
const (
	Allow  Verdict = unix.SECCOMP_RET_ALLOW
	Notify Verdict = unix.SECCOMP_RET_USER_NOTIF   // deny and report
	Kill   Verdict = unix.SECCOMP_RET_KILL_PROCESS // end the process, SIGSYS
	// Watch stops the call, has it looked at and then carried out. It permits,
	// and is only for calls that another layer bounds: what is seen of their
	// memory may have changed by the time the kernel reads it, seccomp_unotify(2).
	// The kernel ignores a notification's data bits; they tell Watch from Notify.
	Watch Verdict = unix.SECCOMP_RET_USER_NOTIF | 1
)

// Permits says whether the kernel carries out a call with this verdict.
func (v Verdict) Permits() bool { return v == Allow || v == Watch }

// Errno denies a call quietly: for what honest programs probe and live without.
func Errno(e unix.Errno) Verdict {
	return Verdict(unix.SECCOMP_RET_ERRNO | uint32(e)&unix.SECCOMP_RET_DATA)
}

// Call is a rule for calls by name, whatever their arguments.
func Call(then Verdict, names ...string) Rule { return Rule{Calls: names, Then: then} }

// Because returns a copy of the rule with its reason.
func (r Rule) Because(why string) Rule {
	r.Why = why
	return r
}

// If returns a copy of the rule that also asks for the conditions.
func (r Rule) If(cs ...Condition) Rule {
	r.When = append(slices.Clip(r.When), cs...)
	return r
}

// Is says that an int argument equals value.
func Is(arg int, value uint32) Condition {
	return Condition{Arg: arg, Width: Int, Value: uint64(value)}
}

// Bits says that an int argument, masked, equals value.
func Bits(arg int, mask, value uint32) Condition {
	return Condition{Arg: arg, Width: Int, Mask: uint64(mask), Value: uint64(value)}
}

// IsNull says that a pointer argument is null.
func IsNull(arg int) Condition { return Condition{Arg: arg, Width: Long} }

// IsSet says that a pointer argument is not null.
func IsSet(arg int) Condition { return Condition{Arg: arg, Width: Long, Not: true} }

// Any says that an int argument has at least one bit of the mask.
func Any(arg int, mask uint32) Condition {
	return Condition{Arg: arg, Width: Int, Mask: uint64(mask), Not: true}
}

// LongBits says that a 64-bit argument, masked, equals value.
func LongBits(arg int, mask, value uint64) Condition {
	return Condition{Arg: arg, Width: Long, Mask: mask, Value: value}
}

// Holds evaluates the condition on the registers of a call.
func (c Condition) Holds(args [6]uint64) bool {
	mask := c.Mask
	if mask == 0 {
		mask = ^uint64(0)
	}
	got, want := args[c.Arg]&mask, c.Value
	if c.Width == Int {
		got, want = uint64(uint32(got)), uint64(uint32(want))
	}
	return (got == want) != c.Not
}

// Verdict is what the policy says about a call, by its rules alone: the
// reference that a compiled filter is tested against.
func (p Policy) Verdict(a Arch, nr uint32, args [6]uint64) Verdict {
	if a.foreign(nr) {
		return Kill
	}
	name := a.Name(nr)
	for _, r := range p.Rules {
		if name != "" && r.decides(name, args) {
			return r.Then
		}
	}
	return Notify
}

func (r Rule) decides(name string, args [6]uint64) bool {
	if !r.applies(args) {
		return false
	}
	return slices.Contains(r.Calls, name)
}

func (r Rule) applies(args [6]uint64) bool {
	for _, c := range r.When {
		if !c.Holds(args) {
			return false
		}
	}
	return true
}

// AllExcept permits every call of an architecture but the named ones. It is no
// protection: it is for probing what a kernel can do.
func AllExcept(a Arch, names ...string) Policy {
	var rest []string
	for name := range a.calls {
		if !slices.Contains(names, name) {
			rest = append(rest, name)
		}
	}
	slices.Sort(rest)
	return Policy{Name: "all-except", Rules: []Rule{Call(Allow, rest...)}}
}
