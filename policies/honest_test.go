package policies_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/sandbox"
)

// TestHonest runs ordinary scripts at the levels that are for them. They must
// succeed; what is refused behind their back must not count.
func TestHonest(t *testing.T) {
	r := newRunner(t)
	files, err := filepath.Glob("../testdata/honest/*.*")
	require.NoError(t, err)
	t.Run("scripts", func(t *testing.T) { // so that the runner outlives them
		for _, file := range files {
			if strings.HasSuffix(file, ".md") {
				continue
			}
			source, err := os.ReadFile(file)
			require.NoError(t, err)
			for _, level := range levelsOf(t, file, string(source)) {
				t.Run(filepath.Base(file)+"/"+level.String(), func(t *testing.T) {
					t.Parallel()
					s := spec(t, level, string(source))
					program(&s, file)
					s.Limits.Wall = time.Minute
					result, err := r.Run(t.Context(), s)
					require.NoError(t, err)
					assert.Equal(t, sandbox.Completed, result.Outcome, "stderr: %s\n%+v", result.Stderr, result.Violations)
					for _, v := range result.Violations {
						assert.Equal(t, sandbox.Low, v.Severity, "%+v", v)
					}
					assert.Empty(t, string(result.Stderr))
				})
			}
		}
	})
}

// program runs the script, which is the last of the Spec's files, in the file's language.
func program(s *sandbox.Spec, file string) {
	name := "/script" + filepath.Ext(file)
	s.Files[len(s.Files)-1].Path = name
	s.Argv[len(s.Argv)-1] = name
	switch filepath.Ext(file) {
	case ".sh":
		s.Argv = []string{"/bin/sh", name}
	case ".mjs":
		s.Argv = []string{"/usr/bin/node", name}
	}
}

// levelsOf reads the first line of an honest script.
func levelsOf(t *testing.T, file, source string) []policies.Level {
	t.Helper()
	line, _, _ := strings.Cut(strings.TrimLeft(source, "#/ "), "\n")
	var levels []policies.Level
	for name := range strings.FieldsSeq(line) {
		level, err := policies.ParseLevel(name)
		require.NoError(t, err, file)
		levels = append(levels, level)
	}
	require.NotEmpty(t, levels, file)
	return levels
}
