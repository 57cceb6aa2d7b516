package policies

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"

	profile "github.com/containers/common/pkg/seccomp"

	"lazaret.dev/lazaret/sandbox/seccomp"
)

// ErrProfile is wrapped when a profile cannot be read, or asks for what cannot be
// enforced as it stands.
var ErrProfile = errors.New("seccomp profile")

// maxProfile bounds the text of a profile.
const maxProfile = 1 << 20

// ReadProfile reads a profile in the schema of podman and Docker.
func ReadProfile(r io.Reader) (*profile.Seccomp, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxProfile+1))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrProfile, err)
	}
	if len(text) > maxProfile {
		return nil, fmt.Errorf("%w: longer than %d bytes", ErrProfile, maxProfile)
	}
	var p profile.Seccomp
	if err := json.Unmarshal(text, &p); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrProfile, err)
	}
	return &p, nil
}

// Narrow returns a policy that permits a call only if both the given one and the
// profile do. It never permits more than either; where the profile's meaning is
// open, such as rules for one call with different actions, it permits less.
//
// Rules for capabilities do not apply, since scripts have none. Comparisons of
// order (SCMP_CMP_LT and the like) cannot be enforced and are an error, which
// wraps ErrProfile.
func Narrow(p seccomp.Policy, by *profile.Seccomp) (seccomp.Policy, error) {
	permitted, forbidden, err := split(by)
	if err != nil {
		return seccomp.Policy{}, fmt.Errorf("%w: %w", ErrProfile, err)
	}
	out := seccomp.Policy{Name: p.Name + "-narrowed"}
	for _, r := range forbidden {
		r.Then = seccomp.Notify
		out.Rules = append(out.Rules, r)
	}
	for _, r := range p.Rules {
		if !r.Then.Permits() || carriesOut(by.DefaultAction) {
			out.Rules = append(out.Rules, r)
			continue
		}
		out.Rules = append(out.Rules, intersect(r, permitted)...)
	}
	return out, nil
}

// intersect gives a permission of the policy once for each permission of the
// profile for the same calls, with the conditions of both.
func intersect(r seccomp.Rule, permitted []seccomp.Rule) []seccomp.Rule {
	var out []seccomp.Rule
	for _, q := range permitted {
		var both []string
		for _, name := range r.Calls {
			if slices.Contains(q.Calls, name) {
				both = append(both, name)
			}
		}
		when, possible := conjoin(r.When, q.When)
		if len(both) > 0 && possible {
			out = append(out, seccomp.Rule{Calls: both, When: when, Then: r.Then, Why: r.Why})
		}
	}
	return out
}

// conjoin puts conditions together, each once; false when no call meets them all.
func conjoin(a, b []seccomp.Condition) ([]seccomp.Condition, bool) {
	all := slices.Clone(a)
	for _, c := range b {
		if slices.ContainsFunc(all, func(o seccomp.Condition) bool { return contradict(o, c) }) {
			return nil, false
		}
		if !slices.ContainsFunc(all, func(o seccomp.Condition) bool { return same(o, c) }) {
			all = append(all, c)
		}
	}
	return all, true
}

func same(a, b seccomp.Condition) bool {
	return a.Arg == b.Arg && a.Not == b.Not && mask(a) == mask(b) && a.Value&mask(a) == b.Value&mask(b)
}

// contradict says whether two equations ask different values of the same bits.
func contradict(a, b seccomp.Condition) bool {
	common := mask(a) & mask(b)
	return a.Arg == b.Arg && !a.Not && !b.Not && a.Value&common != b.Value&common
}

func mask(c seccomp.Condition) uint64 {
	m := c.Mask
	if m == 0 {
		m = ^uint64(0)
	}
	if c.Width == seccomp.Int {
		m &= 0xffffffff
	}
	return m
}

// split sorts a profile's rules into those that permit and those that do not.
// Calls that no architecture of ours has are left out.
func split(by *profile.Seccomp) (permitted, forbidden []seccomp.Rule, err error) {
	if err := known(by.DefaultAction); err != nil {
		return nil, nil, fmt.Errorf("default action: %w", err)
	}
	for i, s := range by.Syscalls {
		if s == nil || !applies(s) {
			continue
		}
		if err := known(s.Action); err != nil {
			return nil, nil, fmt.Errorf("rule %d: %w", i, err)
		}
		base := seccomp.Rule{Calls: knownCalls(s), Why: s.Comment}
		for j, a := range s.Args {
			c, err := importCondition(a)
			if err != nil {
				return nil, nil, fmt.Errorf("rule %d: argument %d: %w", i, j, err)
			}
			base = base.If(c)
		}
		if carriesOut(s.Action) {
			permitted = append(permitted, base)
		} else {
			forbidden = append(forbidden, forbid(base)...)
		}
	}
	return permitted, forbidden, nil
}

// forbid takes conditions on the same argument one by one: container runtimes
// read them as alternatives, and together they would forbid less.
func forbid(r seccomp.Rule) []seccomp.Rule {
	seen := map[int]bool{}
	for _, c := range r.When {
		if seen[c.Arg] {
			var out []seccomp.Rule
			for _, c := range r.When {
				out = append(out, seccomp.Rule{Calls: r.Calls, Why: r.Why}.If(c))
			}
			return out
		}
		seen[c.Arg] = true
	}
	return []seccomp.Rule{r}
}

func known(a profile.Action) error {
	switch a {
	case profile.ActAllow, profile.ActLog, profile.ActErrno, profile.ActNotify, profile.ActTrap, profile.ActTrace,
		profile.ActKill, profile.ActKillThread, profile.ActKillProcess:
		return nil
	}
	return fmt.Errorf("unknown action %.40q", string(a))
}

// carriesOut says whether the kernel carries out a call with the action.
func carriesOut(a profile.Action) bool { return a == profile.ActAllow || a == profile.ActLog }

func knownCalls(s *profile.Syscall) []string {
	var names []string
	for _, name := range append([]string{s.Name}, s.Names...) {
		if seccomp.Known(name) {
			names = append(names, name)
		}
	}
	return names
}

// applies says whether a rule is for this architecture and for a program without
// capabilities. A rule that forbids counts whatever it asks for.
func applies(s *profile.Syscall) bool {
	if !carriesOut(s.Action) {
		return true
	}
	here := architectureNames[runtime.GOARCH]
	named := func(list []string) bool {
		return slices.ContainsFunc(list, func(a string) bool { return slices.Contains(here, a) })
	}
	return len(s.Includes.Caps) == 0 && (len(s.Includes.Arches) == 0 || named(s.Includes.Arches)) && !named(s.Excludes.Arches)
}

var architectureNames = map[string][]string{
	"amd64": {"amd64", "x86_64", string(profile.ArchX86_64)},
	"arm64": {"arm64", "aarch64", string(profile.ArchAARCH64)},
}

func importCondition(a *profile.Arg) (seccomp.Condition, error) {
	if a == nil || a.Index > 5 {
		return seccomp.Condition{}, errors.New("no such argument")
	}
	c := seccomp.Condition{Arg: int(a.Index), Width: seccomp.Long, Value: a.Value}
	switch a.Op {
	case profile.OpEqualTo:
	case profile.OpNotEqual:
		c.Not = true
	case profile.OpMaskedEqual:
		c.Mask, c.Value = a.Value, a.ValueTwo&a.Value
		if a.Value == 0 || a.ValueTwo&^a.Value != 0 {
			return c, fmt.Errorf("mask %#x never equals %#x, or always", a.Value, a.ValueTwo)
		}
	default:
		return c, fmt.Errorf("comparison %.40q cannot be enforced", string(a.Op))
	}
	return c, nil
}
