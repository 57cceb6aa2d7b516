package policies_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/sandbox"
)

func TestParseDegradations(t *testing.T) {
	t.Parallel()
	d, err := policies.ParseDegradations([]string{"landlock", " cgroup-pids", "landlock"})
	require.NoError(t, err)
	assert.Equal(t, policies.Degradations{sandbox.Landlock, sandbox.PidsGroup}, d)
	for _, bad := range []string{"", "Landlock", "seccomp", "all", "cgroup-memory,cgroup-pids"} {
		_, err := policies.ParseDegradations([]string{bad})
		require.EqualError(t, err, `degradation "`+bad+`": want user-namespaces, landlock, cgroup-memory, cgroup-pids, cgroup-cpu, fresh-proc`)
	}
}

// TestMayLack holds the table of the documentation: a weaker level may lack what a
// stronger one may, and maximum nothing.
func TestMayLack(t *testing.T) {
	t.Parallel()
	all := policies.Degradations(sandbox.Features())
	assert.Empty(t, all.At(policies.Maximum))
	assert.False(t, policies.MayLack(policies.Strict, sandbox.MemoryGroup))
	assert.False(t, policies.MayLack(policies.Standard, sandbox.UserNamespaces))
	levels := policies.Levels()
	for i, weaker := range levels[1:] {
		for _, f := range all.At(levels[i]) {
			assert.True(t, policies.MayLack(weaker, f), "%s without %s", weaker, f)
		}
	}
	assert.Equal(t, sandbox.Features(), all.At(policies.Minimal))
	assert.Empty(t, policies.Degradations(nil).At(policies.Minimal), "nothing is permitted by itself")
	for _, f := range all {
		assert.NotEmpty(t, f.Lost())
		assert.NotEmpty(t, f.Instead())
	}
}

func TestJudge(t *testing.T) {
	t.Parallel()
	lacks := []sandbox.Feature{sandbox.MemoryGroup, sandbox.CPUGroup, sandbox.FreshProc}
	permitted := policies.Degradations{sandbox.MemoryGroup}
	for level, want := range map[policies.Level]policies.Verdict{
		policies.Maximum:  {Level: policies.Maximum, Refused: []sandbox.Feature{sandbox.MemoryGroup}},
		policies.Strict:   {Level: policies.Strict, Refused: []sandbox.Feature{sandbox.MemoryGroup, sandbox.FreshProc}},
		policies.Standard: {Level: policies.Standard, Degraded: []sandbox.Feature{sandbox.MemoryGroup}, Refused: []sandbox.Feature{sandbox.FreshProc}},
	} {
		assert.Equal(t, want, permitted.Judge(level, lacks))
	}
	assert.Equal(t, policies.Verdict{Level: policies.Maximum}, permitted.Judge(policies.Maximum, nil))
	assert.Equal(t, "level strict never runs without it", policies.Advice(policies.Strict, sandbox.MemoryGroup))
	assert.Equal(t, "level standard runs without it where the operator permits that: --allow-degraded cgroup-memory",
		policies.Advice(policies.Standard, sandbox.MemoryGroup))
}
