package policies_test

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/sandbox"
)

// TestHostile runs every script of the corpus at every level that is built.
func TestHostile(t *testing.T) {
	r := newRunner(t)
	files, err := filepath.Glob("../testdata/hostile/*.py")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		source, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, level := range []policies.Level{policies.Maximum, policies.Standard} {
			t.Run(filepath.Base(file)+"/"+level.String(), func(t *testing.T) {
				want := expected(t, source, level)
				result := run(t, r, level, string(source), func(s *sandbox.Spec) {
					s.Limits.Wall = 4 * time.Second
					if want == sandbox.TimedOut {
						s.Limits.Wall = 300 * time.Millisecond
					}
					s.Limits.Memory = 128 << 20
				})
				assert.Equal(t, want, result.Outcome, "stderr: %s\nviolations: %+v", result.Stderr, result.Violations)
				assert.NotContains(t, string(result.Stdout), "ESCAPED")
				if want == sandbox.Denied {
					assert.NotEmpty(t, result.Violations)
				}
			})
		}
	}
}

var firstLine = regexp.MustCompile(`^# maximum=(\S+) standard=(\S+): `)

func expected(t *testing.T, source []byte, level policies.Level) sandbox.Outcome {
	t.Helper()
	m := firstLine.FindSubmatch(source)
	require.NotNil(t, m, "the first line must say how the run ends")
	if level == policies.Maximum {
		return sandbox.Outcome(m[1])
	}
	return sandbox.Outcome(m[2])
}
