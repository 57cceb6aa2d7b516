package policies_test

import (
	"strings"
	"testing"

	profile "github.com/containers/common/pkg/seccomp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/sandbox"
	"lazaret.dev/lazaret/sandbox/seccomp"
)

// TestNarrow_OnlyNarrows: whatever a profile says, no call becomes possible that
// the level or the profile forbids.
func TestNarrow_OnlyNarrows(t *testing.T) {
	for name, text := range profiles {
		by, err := policies.ReadProfile(strings.NewReader(text))
		require.NoError(t, err, name)
		for _, level := range policies.Levels() {
			spec, err := policies.SpecFor(level)
			require.NoError(t, err)
			narrowed, err := policies.Narrow(spec.Syscalls, by)
			require.NoError(t, err, name)
			_, err = seccomp.Compile(narrowed, seccomp.X86)
			require.NoError(t, err, name)
			for nr := range uint32(470) {
				for _, args := range argumentsOf(narrowed) {
					if narrowed.Verdict(seccomp.X86, nr, args).Permits() {
						require.True(t, spec.Syscalls.Verdict(seccomp.X86, nr, args).Permits(), "%s %s", name, seccomp.X86.Name(nr))
					}
				}
			}
		}
	}
}

var profiles = map[string]string{
	"everything": `{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": []}`,
	"nothing":    `{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": []}`,
	"no time":    `{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["clock_gettime", "mkdir"], "action": "SCMP_ACT_ERRNO"}]}`,
	"mixed": `{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [
		{"names": ["read", "write", "exit_group", "ptrace", "openat"], "action": "SCMP_ACT_ALLOW"},
		{"names": ["socket"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 1, "op": "SCMP_CMP_EQ"}]},
		{"names": ["write"], "action": "SCMP_ACT_KILL_PROCESS", "args": [{"index": 0, "value": 2, "op": "SCMP_CMP_EQ"}]}]}`,
	"capabilities": `{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["mmap"], "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["CAP_SYS_ADMIN"]}}]}`,
}

func narrowed(t *testing.T, name string) seccomp.Policy {
	t.Helper()
	by, err := policies.ReadProfile(strings.NewReader(profiles[name]))
	require.NoError(t, err)
	spec, err := policies.SpecFor(policies.Standard)
	require.NoError(t, err)
	p, err := policies.Narrow(spec.Syscalls, by)
	require.NoError(t, err)
	return p
}

func TestNarrow_Means(t *testing.T) {
	for _, c := range []struct {
		profile, call string
		args          [6]uint64
		want          seccomp.Verdict
	}{
		{"everything", "openat", [6]uint64{}, seccomp.Watch},
		{"everything", "ptrace", [6]uint64{}, seccomp.Notify},
		{"nothing", "read", [6]uint64{}, seccomp.Notify},
		{"nothing", "clone3", [6]uint64{}, seccomp.Errno(38)},
		{"no time", "mkdir", [6]uint64{}, seccomp.Notify},
		{"no time", "rmdir", [6]uint64{}, seccomp.Watch},
		{"mixed", "read", [6]uint64{}, seccomp.Allow},
		{"mixed", "write", [6]uint64{1}, seccomp.Allow},
		{"mixed", "write", [6]uint64{2}, seccomp.Notify},
		{"mixed", "openat", [6]uint64{}, seccomp.Watch},
		{"mixed", "socket", [6]uint64{1}, seccomp.Allow},
		{"mixed", "socket", [6]uint64{2}, seccomp.Notify},
		{"mixed", "ptrace", [6]uint64{}, seccomp.Notify},
		{"mixed", "mmap", [6]uint64{}, seccomp.Notify},
		{"capabilities", "mmap", [6]uint64{}, seccomp.Notify},
	} {
		nr, _ := seccomp.X86.Number(c.call)
		assert.Equal(t, c.want, narrowed(t, c.profile).Verdict(seccomp.X86, nr, c.args), "%s %s %v", c.profile, c.call, c.args)
	}
}

// TestNarrow_ByItsOwnExport: a level narrowed by its own profile stays as it is.
func TestNarrow_ByItsOwnExport(t *testing.T) {
	for _, level := range policies.Levels() {
		exported, err := policies.ExportSeccomp(level)
		require.NoError(t, err)
		spec, err := policies.SpecFor(level)
		require.NoError(t, err)
		p, err := policies.Narrow(spec.Syscalls, exported)
		require.NoError(t, err)
		_, err = seccomp.Compile(p, seccomp.X86)
		require.NoError(t, err)
		for nr := range uint32(470) {
			for _, args := range argumentsOf(spec.Syscalls) {
				require.Equal(t, spec.Syscalls.Verdict(seccomp.X86, nr, args).Permits(), p.Verdict(seccomp.X86, nr, args).Permits(),
					"%s %s %#x", level, seccomp.X86.Name(nr), args)
			}
		}
	}
}

func TestNarrow_Default(t *testing.T) {
	spec, err := policies.SpecFor(policies.Standard)
	require.NoError(t, err)
	p, err := policies.Narrow(spec.Syscalls, profile.DefaultProfile())
	require.NoError(t, err)
	r := newRunner(t)
	result := run(t, r, policies.Standard, "import json, subprocess; subprocess.run(['/usr/bin/true'], check=True)", func(s *sandbox.Spec) { s.Syscalls = p })
	assert.Equal(t, sandbox.Completed, result.Outcome, "%s %+v", result.Stderr, result.Violations)
}

func TestNarrow_Refuses(t *testing.T) {
	for _, text := range []string{
		`{`,
		`[]`,
		`{"defaultAction": "SCMP_ACT_MAYBE", "syscalls": []}`,
		`{"defaultAction": "", "syscalls": []}`,
		`{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["read"], "action": "allow"}]}`,
		`{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 3, "op": "SCMP_CMP_LT"}]}]}`,
		`{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 6, "op": "SCMP_CMP_EQ"}]}]}`,
		`{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 1, "valueTwo": 2, "op": "SCMP_CMP_MASKED_EQ"}]}]}`,
		strings.Repeat(" ", 1<<20) + `{"defaultAction": "SCMP_ACT_ALLOW"}`,
	} {
		by, err := policies.ReadProfile(strings.NewReader(text))
		if err == nil {
			_, err = policies.Narrow(seccomp.Policy{}, by)
		}
		assert.ErrorIs(t, err, policies.ErrProfile, "%.200s", text)
	}
}
