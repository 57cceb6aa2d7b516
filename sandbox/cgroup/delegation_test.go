package cgroup

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// TestUndelegated imitates systemd's marks on the directory of a group.
func TestUndelegated(t *testing.T) {
	t.Parallel()
	group := func(name string) string {
		dir := filepath.Join(t.TempDir(), name)
		require.NoError(t, os.Mkdir(dir, 0o750))
		return dir
	}
	bare, marked := group("w.service"), group("w.service")
	require.NoError(t, unix.Setxattr(marked, "user.delegate", []byte("1"), 0))
	assert.Equal(t, "w.service", undelegated(bare, unix.Getxattr))
	assert.Empty(t, undelegated(marked, unix.Getxattr))
	assert.Empty(t, undelegated(group("session-1.scope"), unix.Getxattr), "no service")
	assert.Empty(t, undelegated(filepath.Join(t.TempDir(), "gone.service"), unix.Getxattr))

	// An older systemd sets the trusted one alone; an older kernel has no user one.
	answers := func(user, trusted error) func(string, string, []byte) (int, error) {
		return func(_, name string, value []byte) (int, error) {
			err := user
			if name == "trusted.delegate" {
				err = trusted
			}
			return copy(value, "1"), err
		}
	}
	assert.Empty(t, undelegated(bare, answers(unix.ENODATA, nil)))
	assert.Empty(t, undelegated(bare, answers(unix.EOPNOTSUPP, unix.ENODATA)), "nothing tells")
	assert.Empty(t, undelegated(bare, answers(unix.ENODATA, unix.EPERM)), "nothing tells")
	assert.Equal(t, "w.service", undelegated(bare, answers(unix.ENODATA, unix.ENODATA)))
}
