package policies

import (
	"fmt"
	"slices"

	"lazaret.dev/lazaret/sandbox"
	"lazaret.dev/lazaret/sandbox/egress"
	"lazaret.dev/lazaret/sandbox/seccomp"
)

// NetworkError is a rule that a level does not let an operator give.
type NetworkError struct {
	Level   Level
	Network Network // what the level lets them give
	Rule    string
	Remedy  string
}

func (e *NetworkError) Error() string {
	return fmt.Sprintf("network rule %q: level %s opens %s; %s", e.Rule, e.Level, e.Network, e.Remedy)
}

// Open lets a level's Spec, as SpecFor made it, reach hosts, within the level's own
// limits. Without rules it changes nothing. Its error is a *NetworkError, when the level does not let the
// operator give one of the rules.
//
// It replaces the Spec's system-call policy: Narrow that afterwards, not before.
func Open(s *sandbox.Spec, l Level, rules []egress.Rule) error {
	if len(rules) == 0 {
		return nil
	}
	if !presets[l].made(*s) {
		return fmt.Errorf("network for a Spec with the system calls %q, which are not those of level %s; narrow them afterwards", s.Syscalls.Name, l)
	}
	network := presets[l].network
	for _, r := range rules {
		if remedy := network.refusal(r); remedy != "" {
			return &NetworkError{l, network, r.String(), remedy}
		}
	}
	s.Network.Mode, s.Network.Rules, s.Network.Limits = network.mode(), slices.Clone(rules), presets[l].carried
	s.Syscalls = networked[l]
	return nil
}

// Open lets a Spec of the level's reach the hosts of the policy that its level opens, and
// more, within the policy's limits. Its error is that of the function.
func (e Effective) Open(s *sandbox.Spec, more []egress.Rule) error {
	rules := append(Openable(e.Level, e.Egress), more...)
	if len(rules) == 0 {
		return nil
	}
	if err := Open(s, e.Level, rules); err != nil {
		return err
	}
	s.Network.Limits = e.Carried
	return nil
}

// made says whether a Spec's system-call policy is still the level's.
func (p preset) made(s sandbox.Spec) bool {
	return len(s.Syscalls.Rules) > 0 && len(p.syscalls.Rules) > 0 && &s.Syscalls.Rules[0] == &p.syscalls.Rules[0]
}

// Openable are those of an operator's rules that Open takes at a level.
func Openable(l Level, rules []egress.Rule) []egress.Rule {
	var taken []egress.Rule
	for _, r := range rules {
		if presets[l].network.refusal(r) == "" {
			taken = append(taken, r)
		}
	}
	return taken
}

// refusal says what an operator should do instead of giving a rule; empty, if
// they may give it.
func (n Network) refusal(r egress.Rule) string {
	switch {
	case n == ListedHosts && r.IsWildcard():
		return "list each host, or use level standard"
	case n == HostNames && r.IsAny():
		return "name a domain, as in *.example.com, or use level minimal"
	case n == ListedHosts || n == HostNames || n == AnyPublic:
		return ""
	}
	return "use level strict or a weaker one"
}

// mode is how the level's programs find their hosts.
func (n Network) mode() sandbox.NetworkMode {
	if n == ListedHosts {
		return sandbox.Proxied
	}
	return sandbox.Transparent
}

// networked are the levels' system-call policies for programs with a network,
// each made once: a policy is known by its array of rules.
var networked = networkedPolicies()

func networkedPolicies() map[Level]seccomp.Policy {
	all := map[Level]seccomp.Policy{}
	for level, p := range presets {
		if p.network != NoNetwork {
			all[level] = seccomp.Policy{Name: p.syscalls.Name + " with a network", Rules: slices.Concat(internet, p.syscalls.Rules)}
		}
	}
	return all
}
