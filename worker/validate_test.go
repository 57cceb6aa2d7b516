package worker

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// TestValidate_OnePolicy: a policy that is changed meanwhile is not two of them, for
// one definition or for several.
func TestValidate_OnePolicy(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	policy, one, two := filepath.Join(dir, "policy.yaml"), filepath.Join(dir, "one.yaml"), filepath.Join(dir, "two.yaml")
	require.NoError(t, os.WriteFile(policy, []byte("policy: 1\n"), 0o600))
	for _, file := range []string{one, two} {
		require.NoError(t, os.WriteFile(file, []byte("document: {dsl: 1.0.3, namespace: cases, name: judged, version: 1.0.0}\ndo: [{a: {set: {x: 1}}}]\n"), 0o600))
	}
	opened := countOpens(t, policy)

	var out, err bytes.Buffer
	require.Zero(t, (&app{stdout: &out, stderr: &err}).execute(t.Context(), []string{"validate", "--policy", policy, one, two}), err.String())
	assert.Equal(t, 1, opened())
}

// countOpens has the kernel tell of every time that a file is opened.
func countOpens(t *testing.T, file string) func() int {
	t.Helper()
	fd, err := unix.InotifyInit1(unix.IN_NONBLOCK | unix.IN_CLOEXEC)
	require.NoError(t, err)
	t.Cleanup(func() { _ = unix.Close(fd) })
	_, err = unix.InotifyAddWatch(fd, file, unix.IN_OPEN)
	require.NoError(t, err)
	return func() (n int) {
		events := make([]byte, 4096)
		size, err := unix.Read(fd, events)
		if err != nil {
			return 0
		}
		for events = events[:size]; len(events) >= unix.SizeofInotifyEvent; n++ {
			events = events[unix.SizeofInotifyEvent+binary.NativeEndian.Uint32(events[12:]):]
		}
		return n
	}
}
