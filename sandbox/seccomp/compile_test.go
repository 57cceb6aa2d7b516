package seccomp_test

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/sandbox/seccomp"
)

func levels(t *testing.T) map[string]seccomp.Policy {
	t.Helper()
	all := map[string]seccomp.Policy{"empty": {}, "all": seccomp.AllExcept(seccomp.X86)}
	for _, l := range policies.Levels() {
		s, err := policies.SpecFor(l)
		require.NoError(t, err)
		all[l.String()] = s.Syscalls
	}
	return all
}

// corners are register values at which a comparison can go wrong.
func corners(p seccomp.Policy) []uint64 {
	values := []uint64{0, 1, 2, 1 << 31, 1<<32 - 1, 1 << 32, 1<<32 | 1, ^uint64(0)}
	for _, r := range p.Rules {
		for _, c := range r.When {
			values = append(values, c.Value, c.Value|1<<32, c.Value^1, ^c.Value, c.Value|c.Mask, c.Value&^1<<33)
		}
	}
	return values
}

// TestFilterEqualsRules compares the compiled filter with the rules for every
// call number of every policy, with arguments around every condition's value.
func TestFilterEqualsRules(t *testing.T) {
	for name, p := range levels(t) {
		for _, a := range []seccomp.Arch{seccomp.X86, seccomp.ARM} {
			t.Run(name+"/"+a.GOARCH, func(t *testing.T) {
				f, err := seccomp.Compile(p, a)
				require.NoError(t, err)
				s, err := f.Simulator()
				require.NoError(t, err)
				random, values := rand.New(rand.NewPCG(1, 2)), corners(p)
				for nr := range uint32(600) {
					for range 40 {
						var args [6]uint64
						for i := range args {
							args[i] = values[random.IntN(len(values))]
						}
						requireSame(t, p, a, s, nr, args)
						require.Equal(t, p.Verdict(a, nr, args), f.Verdict(nr, args))
					}
				}
			})
		}
	}
}

func requireSame(t *testing.T, p seccomp.Policy, a seccomp.Arch, s seccomp.Simulator, nr uint32, args [6]uint64) {
	t.Helper()
	got, err := s.Verdict(a.Audit, nr, args)
	require.NoError(t, err)
	require.Equal(t, p.Verdict(a, nr, args), got, "call %d %s %#x", nr, a.Name(nr), args)
}

func TestFilter_ForeignABIKills(t *testing.T) {
	f, err := seccomp.Compile(seccomp.AllExcept(seccomp.X86), seccomp.X86)
	require.NoError(t, err)
	s, err := f.Simulator()
	require.NoError(t, err)
	for _, call := range []struct{ audit, nr uint32 }{
		{unix.AUDIT_ARCH_I386, 20}, {seccomp.ARM.Audit, 172}, {seccomp.X86.Audit, 0x40000000 | 39}, {seccomp.X86.Audit, ^uint32(0)},
	} {
		v, err := s.Verdict(call.audit, call.nr, [6]uint64{})
		require.NoError(t, err)
		assert.Equal(t, seccomp.Kill, v, "%#x", call)
	}
}

func TestCompile_RefusesNonsense(t *testing.T) {
	for _, r := range []seccomp.Rule{
		seccomp.Call(seccomp.Allow, "no_such_call"),
		seccomp.Call(seccomp.Allow, "read").If(seccomp.Is(6, 0)),
		seccomp.Call(seccomp.Allow, "read").If(seccomp.Bits(0, 1, 2)),
		seccomp.Call(seccomp.Allow, "read").If(seccomp.Condition{}),
	} {
		_, err := seccomp.Compile(seccomp.Policy{Rules: []seccomp.Rule{r}}, seccomp.X86)
		assert.ErrorIs(t, err, seccomp.ErrPolicy)
	}
}

func TestFilter_IgnoresUpperHalfOfInt(t *testing.T) {
	p := seccomp.Policy{Rules: []seccomp.Rule{seccomp.Call(seccomp.Errno(unix.EPERM), "ioctl").If(seccomp.Is(1, unix.TIOCSTI)), seccomp.Call(seccomp.Allow, "ioctl")}}
	for _, a := range []seccomp.Arch{seccomp.X86, seccomp.ARM} {
		nr, ok := a.Number("ioctl")
		require.True(t, ok)
		assert.Equal(t, seccomp.Errno(unix.EPERM), p.Verdict(a, nr, [6]uint64{0, unix.TIOCSTI | 1<<32}), a.GOARCH)
	}
}

// FuzzCompile builds a policy from bytes and compares filter and rules.
func FuzzCompile(f *testing.F) {
	f.Add([]byte("\x09\x01\x02\x04\x00\x20read me as rules"), uint32(9), uint64(4), uint64(1<<32))
	f.Add([]byte{}, uint32(0), uint64(0), uint64(0))
	f.Fuzz(func(t *testing.T, b []byte, nr uint32, x, y uint64) {
		p := policyFrom(b)
		filter, err := seccomp.Compile(p, seccomp.X86)
		if err != nil {
			t.Skip(err)
		}
		s, err := filter.Simulator()
		require.NoError(t, err)
		for _, args := range [][6]uint64{{x, y, x, y, x, y}, {y, x, 0, ^x, ^y, 1}, {}} {
			requireSame(t, p, seccomp.X86, s, nr, args)
			requireSame(t, p, seccomp.X86, s, nr%470, args)
		}
	})
}

// policyFrom reads rules of eight bytes each.
func policyFrom(b []byte) seccomp.Policy {
	var p seccomp.Policy
	verdicts := []seccomp.Verdict{seccomp.Allow, seccomp.Notify, seccomp.Errno(unix.EPERM), seccomp.Kill}
	for ; len(b) >= 8; b = b[8:] {
		name := seccomp.X86.Name(uint32(b[0]) % 470)
		if name == "" {
			continue
		}
		c := seccomp.Condition{
			Arg: int(b[1] % 6), Width: []seccomp.Width{seccomp.Int, seccomp.Long}[b[2]%2],
			Mask: uint64(b[3]) | uint64(b[4])<<32, Not: b[2]&2 != 0,
		}
		c.Value = (uint64(b[5]) | uint64(b[6])<<32) & c.Mask
		r := seccomp.Call(verdicts[b[7]%4], name)
		if b[7]&64 == 0 {
			r = r.If(c)
		}
		if b[7]&128 != 0 {
			r = r.If(seccomp.Is(int(b[6]%6), uint32(b[5])))
		}
		p.Rules = append(p.Rules, r)
	}
	return p
}
