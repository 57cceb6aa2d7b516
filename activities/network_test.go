package activities

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/sandbox"
	"lazaret.dev/lazaret/sandbox/egress"
)

// TestOpen_AsFarAsTheLevelLets: one list serves scripts of all levels.
func TestOpen_AsFarAsTheLevelLets(t *testing.T) {
	rules, err := egress.ParseRules([]string{"api.example.com", "*.example.com", "*"})
	require.NoError(t, err)
	p := &Processes{}
	for level, want := range map[policies.Level]int{policies.Maximum: 0, policies.Strict: 1, policies.Standard: 2, policies.Minimal: 3} {
		e, err := policies.LevelDefaults(level)
		require.NoError(t, err)
		e.Egress, e.Carried = rules, egress.Limits{Bytes: 5 << 20, Rate: 1 << 20, Connections: 3}
		spec, err := policies.SpecFor(level)
		require.NoError(t, err)
		require.NoError(t, p.open(&spec, e))
		assert.Len(t, spec.Network.Rules, want, "%s", level)
		if want > 0 {
			assert.Equal(t, e.Carried, spec.Network.Limits, "%s", level)
		}
		assert.Equal(t, want > 0, spec.Network.Mode != sandbox.NoNetwork, "%s", level)
	}
}
