package sandboxtest

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/sandbox/seccomp"
)

// TestNative_HostileScripts: each script of the corpus makes the same calls on both
// architectures, or says that it is only about the one.
func TestNative_HostileScripts(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../testdata/hostile/*.py")
	require.NoError(t, err)
	changed, apart := 0, 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		script := string(text)
		assert.Equal(t, script, Native(script, seccomp.X86), file)
		assert.True(t, For(script, seccomp.X86), file)
		if !For(script, seccomp.ARM) {
			apart++
			continue
		}
		native := Native(script, seccomp.ARM)
		assert.Equal(t, calls(t, script, seccomp.X86), calls(t, native, seccomp.ARM), file)
		if native != script {
			changed++
		}
	}
	assert.Greater(t, changed, 60)
	assert.Less(t, apart, 10)
	assert.Positive(t, apart)
}

// calls are the names of those that a script makes by number, or the number of one that no
// kernel has.
func calls(t *testing.T, script string, a seccomp.Arch) []string {
	t.Helper()
	var names []string
	for _, m := range numbered.FindAllStringSubmatch(script, -1) {
		number, err := strconv.ParseUint(m[2], 10, 32)
		require.NoError(t, err)
		name := a.Name(uint32(number))
		if name == "" {
			assert.Greater(t, number, uint64(900), "%s: %s", a.GOARCH, m[0])
			name = m[2]
		}
		names = append(names, name)
	}
	return names
}

func TestNative(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "call(92, 1) + libc.syscall(241, 0) + recall(1) + call(999)",
		Native("call(135, 1) + libc.syscall(298, 0) + recall(1) + call(999)", seccomp.ARM))
	assert.False(t, For("# x\n# only: amd64\n", seccomp.ARM))
	assert.True(t, For("# x\n# only: amd64\n", seccomp.X86))
	assert.True(t, For("# x\n", seccomp.ARM))
}
