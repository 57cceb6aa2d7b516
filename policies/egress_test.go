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
