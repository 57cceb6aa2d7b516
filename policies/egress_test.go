package policies_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/sandbox"
	"lazaret.dev/lazaret/sandbox/egress"
	"lazaret.dev/lazaret/sandbox/seccomp"
)

func rule(t *testing.T, text string) []egress.Rule {
	t.Helper()
	r, err := egress.ParseRule(text)
	require.NoError(t, err)
	return []egress.Rule{r}
}

func TestOpen(t *testing.T) {
	const host, wildcard, anyHost, address = "api.example.com", "*.example.com", "*", "10.0.0.0/8:80"
	for level, takes := range map[policies.Level][]string{
		policies.Maximum:  nil,
		policies.Strict:   {host, address},
		policies.Standard: {host, wildcard, address},
		policies.Minimal:  {host, wildcard, anyHost, address},
	} {
		for _, text := range []string{host, wildcard, anyHost, address} {
			s, err := policies.SpecFor(level)
			require.NoError(t, err)
			err = policies.Open(&s, level, rule(t, text))
			openable := policies.Openable(level, rule(t, text))
			if slices.Contains(takes, text) {
				require.NoError(t, err)
				assert.Len(t, openable, 1)
				assert.NotEqual(t, sandbox.NoNetwork, s.Network.Mode)
				continue
			}
			var wrong *policies.NetworkError
			require.ErrorAs(t, err, &wrong, "%s at %s", text, level)
			assert.NotEmpty(t, wrong.Remedy)
			assert.Empty(t, openable)
			assert.Equal(t, sandbox.NoNetwork, s.Network.Mode, "a refused rule changes nothing")
		}
	}
}

func TestOpen_NoRules(t *testing.T) {
	s, err := policies.SpecFor(policies.Maximum)
	require.NoError(t, err)
	require.NoError(t, policies.Open(&s, policies.Maximum, nil))
	assert.Equal(t, sandbox.NoNetwork, s.Network.Mode)
}

// TestOpen_KeepsWhatWasNarrowed: opening a network must not undo a restriction.
func TestOpen_KeepsWhatWasNarrowed(t *testing.T) {
	s, err := policies.SpecFor(policies.Standard)
	require.NoError(t, err)
	s.Syscalls.Rules = slices.Clone(s.Syscalls.Rules[:5])
	require.ErrorContains(t, policies.Open(&s, policies.Standard, rule(t, "api.example.com")), "narrow them afterwards")
	assert.Len(t, s.Syscalls.Rules, 5)
	assert.Error(t, policies.Open(&s, policies.Level(0), rule(t, "api.example.com")))
}

// TestOpen_Sockets: which sockets a network adds, and which it never does.
func TestOpen_Sockets(t *testing.T) {
	number, _ := seccomp.X86.Number("socket")
	for _, level := range policies.Levels() {
		s, err := policies.SpecFor(level)
		require.NoError(t, err)
		verdict := func(family, kind, protocol uint64) seccomp.Verdict {
			return s.Syscalls.Verdict(seccomp.X86, number, [6]uint64{family, kind, protocol})
		}
		assert.Equal(t, seccomp.Notify, verdict(unix.AF_INET, unix.SOCK_STREAM, 0), "%s without a network", level)
		if policies.Open(&s, level, rule(t, "api.example.com")) != nil {
			continue
		}
		for _, family := range []uint64{unix.AF_INET, unix.AF_INET6, unix.AF_INET | 1<<40} {
			assert.Equal(t, seccomp.Allow, verdict(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0))
			assert.Equal(t, seccomp.Allow, verdict(family, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK, unix.IPPROTO_UDP))
			for _, protocol := range []uint64{unix.IPPROTO_ICMP, unix.IPPROTO_MPTCP, unix.IPPROTO_SCTP, unix.IPPROTO_UDPLITE} {
				assert.Equal(t, seccomp.Notify, verdict(family, unix.SOCK_STREAM, protocol))
				assert.Equal(t, seccomp.Notify, verdict(family, unix.SOCK_DGRAM, protocol))
			}
			assert.Equal(t, seccomp.Notify, verdict(family, unix.SOCK_RAW, 0))
		}
		for family := range uint64(64) {
			if family != unix.AF_INET && family != unix.AF_INET6 && family != unix.AF_UNIX {
				assert.Equal(t, seccomp.Notify, verdict(family, unix.SOCK_STREAM, 0), "family %d", family)
				assert.Equal(t, seccomp.Notify, verdict(family, unix.SOCK_RAW, 0), "family %d", family)
			}
		}
	}
}

// TestEffective_Open (H): what a rule lets the network carry is in the Spec, and what
// the level does where no rule says anything.
func TestEffective_Open(t *testing.T) {
	p := readPolicy(t, `
policy: 1
rules:
  - {match: {namespace: a}, level: strict, egress: [api.example.com], limits: {traffic: 10MiB, bandwidth: 512KiB, connections: 5}}
  - {match: {namespace: b}, level: standard, egress: [api.example.com]}
  - {match: {namespace: c}, level: minimal, limits: {traffic: 10MiB}}
  - {match: {namespace: d}, limits: {traffic: 10MiB}}`)
	for namespace, want := range map[string]egress.Limits{
		"a": {Bytes: 10 << 20, Rate: 512 << 10, Connections: 5}, "b": {Connections: 64}, "c": {}, "d": {},
	} {
		e := p.For(policies.Identity{Namespace: namespace})
		s, err := policies.SpecFor(e.Level)
		require.NoError(t, err)
		require.NoError(t, e.Open(&s, nil))
		assert.Equal(t, want, s.Network.Limits, namespace)
	}
	assert.Contains(t, p.Lint(nil)[0].String()+p.Lint(nil)[1].String(), "bounds nothing")
}

// TestEffective_With: a flag's value is read as a rule's, and permits no more than an
// operator's policy.
func TestEffective_With(t *testing.T) {
	e, err := policies.LevelDefaults(policies.Strict)
	require.NoError(t, err)
	for _, c := range []struct{ key, text, wrong string }{
		{"limits.traffic", "10MiB", ""},
		{"limits.traffic", "unlimited", ""},
		{"limits.traffic", "1048576", ""},
		{"limits.traffic", "lots", `limits.traffic is "lots", which is no size`},
		{"limits.traffic", "-1", "limits.traffic is -1, which is not within 1024 and"},
		{"limits.bandwidth", "1B", "limits.bandwidth is 1B, which is not within 1KiB and 1024GiB"},
		{"limits.connections", "3", ""},
		{"limits.connections", "0", "limits.connections is 0, which is not within 1 and 1024"},
		{"limits.connections", "x", "limits.connections must be a whole number"},
	} {
		_, err := e.With(c.key, c.text, true)
		if c.wrong == "" {
			require.NoError(t, err, c.text)
			continue
		}
		require.ErrorContains(t, err, c.wrong)
	}
	bounded, err := e.With("limits.traffic", "10MiB", false)
	require.NoError(t, err)
	assert.EqualValues(t, 10<<20, bounded.Carried.Bytes)
	assert.Zero(t, e.Carried.Bytes)
	for _, more := range []string{"unlimited", "11MiB"} {
		_, err = bounded.With("limits.traffic", more, false)
		require.ErrorContains(t, err, "limits.traffic is "+more+", which is more than 10MiB")
		_, err = bounded.With("limits.traffic", more, true)
		require.NoError(t, err)
	}
	_, err = e.With("limits.connections", "65", false)
	assert.ErrorContains(t, err, "limits.connections is 65, which is more than 64")
}

// TestSettings_Shown: what policy show prints of a bound can be written in a rule and a test.
func TestSettings_Shown(t *testing.T) {
	p := readPolicy(t, `
policy: 1
rules: [{name: a, match: {namespace: a}, level: strict, limits: {traffic: 2048, bandwidth: unlimited}}]
tests:
  - {given: {namespace: a}, expect: {limits: {traffic: 2KiB, bandwidth: unlimited, connections: 64}}}
  - {given: {namespace: a}, expect: {limits: {traffic: unlimited}}}`)
	results := p.Test()
	assert.Empty(t, results[0].Failures)
	require.Len(t, results[1].Failures, 1)
	assert.Equal(t, `limits.traffic is 2KiB, expected unlimited; rule "a" decided`, results[1].Failures[0].Message)
	schema := compileSchema(t)
	for text, fits := range map[string]bool{"unlimited": true, "10MiB": true, "2048": true, "endless": false, "10MB": false, "1": false} {
		err := schema.Validate(asJSON(t, []byte("policy: 1\nrules: [{match: {name: a}, limits: {traffic: "+text+"}}]")))
		assert.Equal(t, fits, err == nil, "%s: %v", text, err)
	}
}
