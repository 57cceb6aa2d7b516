package sandbox_test

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/sandbox"
)

// TestLayers runs the hostile corpus with one layer after the other switched off.
// A trick stays contained unless its script says that the layer alone holds it back.
func TestLayers(t *testing.T) {
	files, err := filepath.Glob("../testdata/hostile/*.py")
	require.NoError(t, err)
	for _, layer := range sandbox.Layers {
		r := newRunner(t)
		r.Without(layer)
		t.Run(layer, func(t *testing.T) {
			for _, file := range files {
				t.Run(filepath.Base(file), func(t *testing.T) {
					t.Parallel()
					checkWithout(t, r, layer, readFile(t, file))
				})
			}
		})
	}
}

var alone = regexp.MustCompile(`(?m)^# alone: (.*)$`)

func checkWithout(t *testing.T, r *sandbox.Runner, layer, source string) {
	t.Helper()
	s := python(t, policies.Standard, source)
	s.Limits.Wall, s.Limits.Memory, s.Limits.Processes = 700*time.Millisecond, 64<<20, 32
	result, err := r.Run(t.Context(), s)
	require.NoError(t, err)
	escaped := strings.Contains(string(result.Stdout), "ESCAPED")
	if m := alone.FindStringSubmatch(source); m != nil && slices.Contains(strings.Fields(m[1]), layer) {
		assert.True(t, escaped, "the layer does not stand alone: %s", result.Stderr)
		return
	}
	assert.False(t, escaped, "%s", result.Stdout)
}
