package sandbox

import (
	"fmt"
	"slices"
	"sync"

	"lazaret.dev/lazaret/sandbox/seccomp"
)

// filters remembers compiled policies, since one policy serves most runs and
// compiling takes as long as building half a sandbox. It is safe for concurrent use.
type filters struct {
	mu   sync.Mutex
	arch seccomp.Arch
	made map[policyKey]seccomp.Filter
	// before come before every policy's own rules: they stand in for features
	// that this machine lacks.
	before []seccomp.Rule
}

// policyKey identifies a policy by the array of its rules, which must not change
// after its first use. The key keeps the array alive, so that its address is not
// used for another.
type policyKey struct {
	first *seccomp.Rule
	count int
}

// maxFilters bounds the memory of a caller that makes a new policy for each run.
const maxFilters = 32

// get checks and compiles a policy, or finds it compiled.
func (f *filters) get(p seccomp.Policy) (seccomp.Filter, error) {
	if len(p.Rules) == 0 {
		return seccomp.Filter{}, fmt.Errorf("%w: policy %q permits nothing", ErrSpec, p.Name)
	}
	key := policyKey{&p.Rules[0], len(p.Rules)}
	f.mu.Lock()
	defer f.mu.Unlock()
	if filter, ok := f.made[key]; ok {
		return filter, nil
	}
	filter, err := f.compile(p)
	if err != nil {
		return seccomp.Filter{}, fmt.Errorf("%w: %w", ErrSpec, err)
	}
	if len(f.made) >= maxFilters {
		clear(f.made)
	}
	f.made[key] = filter
	return filter, nil
}

func (f *filters) compile(p seccomp.Policy) (seccomp.Filter, error) {
	if err := checkPolicy(p, f.arch); err != nil {
		return seccomp.Filter{}, err
	}
	p.Rules = slices.Concat(f.before, p.Rules)
	return seccomp.Compile(p, f.arch)
}

// checkPolicy asks for what no program can start without.
func checkPolicy(p seccomp.Policy, a seccomp.Arch) error {
	for _, name := range []string{"read", "write", "exit_group"} {
		if nr, ok := a.Number(name); !ok || p.Verdict(a, nr, [6]uint64{}) != seccomp.Allow {
			return fmt.Errorf("policy %q does not permit %s", p.Name, name)
		}
	}
	if v := execVerdict(p, a); !v.Permits() && v != seccomp.Notify {
		return fmt.Errorf("policy %q gives execve a verdict under which the program cannot start", p.Name)
	}
	return nil
}

func execVerdict(p seccomp.Policy, a seccomp.Arch) seccomp.Verdict {
	nr, _ := a.Number("execve")
	return p.Verdict(a, nr, [6]uint64{})
}
