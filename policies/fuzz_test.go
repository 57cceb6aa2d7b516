package policies_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/sandbox/egress"
	"lazaret.dev/lazaret/sandbox/seccomp"
)

// FuzzProfile: whatever a profile says, it is refused or narrows the level.
func FuzzProfile(f *testing.F) {
	for _, level := range policies.Levels() {
		exported, err := policies.ExportSeccomp(level)
		require.NoError(f, err)
		text, err := json.Marshal(exported)
		require.NoError(f, err)
		f.Add(text)
	}
	f.Add([]byte(`{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["read","ptrace"],"action":"SCMP_ACT_KILL","args":[{"index":1,"value":3,"valueTwo":1,"op":"SCMP_CMP_MASKED_EQ"},null]}]}`))
	f.Add([]byte(`{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[null,{"name":"clone","action":"SCMP_ACT_ALLOW","includes":{"caps":["CAP_SYS_ADMIN"]}}]}`))
	spec, err := policies.SpecFor(policies.Strict)
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, text []byte) {
		profile, err := policies.ReadProfile(bytes.NewReader(text))
		if err != nil {
			require.ErrorIs(t, err, policies.ErrProfile)
			return
		}
		narrowed, err := policies.Narrow(spec.Syscalls, profile)
		if err != nil {
			require.ErrorIs(t, err, policies.ErrProfile)
			return
		}
		for nr := uint32(len(text) % 29); nr < 470; nr += 29 { // a sample: there are rules of thousands of names
			for _, args := range [][6]uint64{{}, {1, 1, 1, 1, 1, 1}, {1 << 32, 3, 1 << 16, 0, 1}, {^uint64(0), ^uint64(0), ^uint64(0)}} {
				if narrowed.Verdict(seccomp.X86, nr, args).Permits() {
					require.True(t, spec.Syscalls.Verdict(seccomp.X86, nr, args).Permits(), "%s %#x", seccomp.X86.Name(nr), args)
				}
			}
		}
	})
}

// FuzzOperatorInput: names of levels, host rules and signatures of grants are
// accepted as they are documented, or refused.
func FuzzOperatorInput(f *testing.F) {
	for _, seed := range []string{"maximum", "Strict", "*.example.com:443", "10.0.0.0/8", "", "\x00", "0123abcd"} {
		f.Add(seed)
	}
	key := []byte("a key of this test")
	f.Fuzz(func(t *testing.T, text string) {
		if level, err := policies.ParseLevel(text); err == nil {
			require.Equal(t, text, level.String())
		}
		if rules, err := egress.ParseRules([]string{text}); err == nil {
			for _, level := range policies.Levels() {
				spec, err := policies.SpecFor(level)
				require.NoError(t, err)
				if err := policies.Open(&spec, level, rules); level == policies.Maximum {
					require.Error(t, err, "maximum opens nothing")
				}
			}
		}
		grant := policies.LevelGrant{Execution: text, Level: policies.Minimal, Digests: []string{text}}
		require.False(t, grant.Verify(key, text))
		require.True(t, grant.Verify(key, grant.Sign(key)))
		grant.Level = policies.Strict
		require.False(t, grant.Verify(key, policies.LevelGrant{Execution: text, Level: policies.Minimal, Digests: []string{text}}.Sign(key)))
	})
}
