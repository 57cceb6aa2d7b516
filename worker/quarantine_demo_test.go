package worker

import (
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestDemo_Quarantine runs scripts/demo quarantine on the binary under test: each of
// its steps is as documented, or it ends with an error.
func TestDemo_Quarantine(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a Temporal")
	}
	t.Parallel()
	binary, err := exec.LookPath("lazaret")
	require.NoError(t, err)
	demo := exec.CommandContext(t.Context(), "../scripts/demo", "quarantine")
	demo.Env = append(os.Environ(), "LAZARET="+binary)
	out, err := demo.CombinedOutput()
	require.NoError(t, err, "%s", out)
	for _, line := range []string{"level strict: 3 that count", "3 of 3 are counted", "under another name its script is refused all the same", "the audit log has all of it, and is whole"} {
		assert.Contains(t, string(out), line)
	}
}
