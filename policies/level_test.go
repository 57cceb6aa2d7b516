package policies_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/sandbox"
	"lazaret.dev/lazaret/sandbox/seccomp"
)

func TestLevelsAreOrdered(t *testing.T) {
	all := policies.Levels()
	for i := 1; i < len(all); i++ {
		assert.Greater(t, all[i-1], all[i])
	}
}

func TestParseLevel(t *testing.T) {
	for _, l := range policies.Levels() {
		got, err := policies.ParseLevel(l.String())
		require.NoError(t, err)
		assert.Equal(t, l, got)
	}
	for _, name := range []string{"", "MAXIMUM", "none", "standard ", "Level(1)"} {
		_, err := policies.ParseLevel(name)
		var level *policies.LevelError
		require.ErrorAs(t, err, &level)
		assert.ErrorContains(t, err, "want maximum, strict, standard, minimal")
	}
}

func TestLevelText(t *testing.T) {
	b, err := json.Marshal(policies.Strict)
	require.NoError(t, err)
	var l policies.Level
	require.NoError(t, json.Unmarshal(b, &l))
	assert.Equal(t, policies.Strict, l)
	_, err = json.Marshal(policies.Level(0))
	assert.Error(t, err)
}

func TestSpecFor(t *testing.T) {
	max, err := policies.SpecFor(policies.Maximum)
	require.NoError(t, err)
	assert.EqualValues(t, 1, max.Limits.Processes)
	assert.EqualValues(t, 512<<20, max.Limits.Memory)
	assert.Equal(t, time.Hour, max.Limits.Wall)
	assert.Zero(t, max.Scratch)
	assert.False(t, max.Proc)
	assert.Equal(t, sandbox.Medium, max.KillAt)
	std, err := policies.SpecFor(policies.Standard)
	require.NoError(t, err)
	assert.EqualValues(t, 64, std.Limits.Processes)
	assert.EqualValues(t, 64<<20, std.Scratch)
	assert.True(t, std.Proc)
	assert.Equal(t, sandbox.Critical, std.KillAt)
}

func TestSpecFor_Refuses(t *testing.T) {
	_, err := policies.SpecFor(0)
	var level *policies.LevelError
	assert.ErrorAs(t, err, &level)
}

// TestMaximum_DeniesNearlyEverything pins what no level may permit outright, and
// that maximum's default is a denial for every call that no rule names.
func TestMaximum_DeniesNearlyEverything(t *testing.T) {
	spec, err := policies.SpecFor(policies.Maximum)
	require.NoError(t, err)
	forbidden := []string{
		"execve", "execveat", "fork", "vfork", "clone", "ptrace", "mount", "umount2", "chroot", "setuid", "setgid",
		"socket", "connect", "bind", "memfd_create", "io_uring_setup", "bpf", "keyctl", "unshare", "setns", "process_vm_readv",
		"mkdir", "unlink", "rename", "flock", "seccomp", "personality", "open_by_handle_at", "userfaultfd", "pidfd_getfd",
	}
	var allowed int
	for nr := range uint32(512) {
		if spec.Syscalls.Verdict(seccomp.X86, nr, [6]uint64{}) == seccomp.Allow {
			allowed++
			assert.NotContains(t, forbidden, seccomp.X86.Name(nr))
		}
	}
	assert.Less(t, allowed, 170)
}
