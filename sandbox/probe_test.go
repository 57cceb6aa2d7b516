package sandbox_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/sandbox"
)

func TestProbe(t *testing.T) {
	newRunner(t) // for the skip
	found := sandbox.Probe(t.Context())
	require.NoError(t, found.Unavailable)
	assert.Empty(t, found.Lacks)
	var names []string
	for _, c := range found.Checks {
		assert.True(t, c.OK, "%+v", c)
		assert.NotEmpty(t, c.Detail, c.Name)
		names = append(names, c.Name)
		t.Logf("%s: %s", c.Name, c.Detail)
	}
	assert.Equal(t, []string{
		"privileges", "init helper", "namespaces", "seccomp notification", "Landlock", "cgroup-memory", "cgroup-pids", "cgroup-cpu", "kill at once",
		"sandbox", "network", "memory limit", "processes limit",
	}, names)
}

// TestTwoRunners: a process may have several, each with groups of its own.
func TestTwoRunners(t *testing.T) {
	for _, r := range []*sandbox.Runner{newRunner(t), newRunner(t)} {
		result, err := r.Run(t.Context(), python(t, policies.Maximum, ""))
		require.NoError(t, err)
		assert.Equal(t, sandbox.Completed, result.Outcome)
	}
}

func TestCPULimit(t *testing.T) {
	r := newRunner(t)
	s := python(t, policies.Maximum, "while True: pass")
	s.Limits.CPU, s.Limits.Wall = 0.2, time.Second
	result, err := r.Run(t.Context(), s)
	require.NoError(t, err)
	assert.InDelta(t, 0.2, result.Usage.CPU.Seconds()/result.Usage.Wall.Seconds(), 0.12)
}
