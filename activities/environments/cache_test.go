package environments_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/activities/environments"
)

// filled makes an environment of some size.
func filled(size int64) func(string) (int64, error) {
	return func(dir string) (int64, error) {
		return size, os.WriteFile(filepath.Join(dir, "x.py"), nil, 0o444)
	}
}

func acquire(t *testing.T, c *environments.Cache, key string, size int64) (dir string, release func()) {
	t.Helper()
	dir, release, err := c.Acquire(t.Context(), key, filled(size))
	require.NoError(t, err)
	return dir, release
}

// aged makes an environment look unused since then.
func aged(t *testing.T, dir string, ago time.Duration) {
	t.Helper()
	then := time.Now().Add(-ago)
	require.NoError(t, os.Chtimes(dir+".lock", then, then))
}

func TestCache_RemovesTheLeastRecentlyUsed(t *testing.T) {
	c := &environments.Cache{Dir: t.TempDir(), MaxBytes: 100, MaxAge: time.Hour}
	old, release := acquire(t, c, "old", 40)
	release()
	aged(t, old, 20*time.Minute)
	used, releaseUsed := acquire(t, c, "used", 40)
	aged(t, used, 30*time.Minute)
	fresh, release := acquire(t, c, "fresh", 40)
	release()
	assert.NoDirExists(t, old, "over the limit of size")
	assert.DirExists(t, used, "in use")
	assert.DirExists(t, fresh)

	aged(t, used, 2*time.Hour)
	c.Sweep(t.Context())
	assert.DirExists(t, used, "in use, however old")
	releaseUsed()
	c.Sweep(t.Context())
	assert.NoDirExists(t, used)
	assert.DirExists(t, fresh)
	_, release = acquire(t, c, "used", 40)
	release()
}

func TestCache_FailedAndAbandonedBuilds(t *testing.T) {
	c := &environments.Cache{Dir: t.TempDir()}
	broken := errors.New("broken")
	_, _, err := c.Acquire(t.Context(), "a", func(dir string) (int64, error) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, "half"), nil, 0o600))
		return 0, broken
	})
	require.ErrorIs(t, err, broken)
	assert.NoDirExists(t, filepath.Join(c.Dir, "a"))
	assert.NoDirExists(t, filepath.Join(c.Dir, "a.tmp"))

	// What a killed worker leaves is neither used nor kept.
	abandoned := filepath.Join(c.Dir, "b.tmp")
	require.NoError(t, os.MkdirAll(filepath.Join(abandoned, "half"), 0o700))
	c.Sweep(t.Context())
	assert.NoDirExists(t, abandoned)
	require.NoError(t, os.MkdirAll(filepath.Join(abandoned, "half"), 0o700))
	dir, release := acquire(t, c, "b", 1)
	release()
	assert.NoDirExists(t, filepath.Join(dir, "half"))
}

// A build that somebody is at is waited for, no longer than the caller wants.
func TestCache_WaitsForABuild(t *testing.T) {
	c := &environments.Cache{Dir: t.TempDir()}
	begun, finish := make(chan struct{}), make(chan struct{})
	built := make(chan error)
	go func() {
		_, release, err := c.Acquire(context.Background(), "a", func(dir string) (int64, error) {
			close(begun)
			<-finish
			return 1, nil
		})
		if err == nil {
			release()
		}
		built <- err
	}()
	<-begun
	c.Sweep(t.Context())
	assert.DirExists(t, filepath.Join(c.Dir, "a.tmp"), "not abandoned")
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Millisecond)
	defer cancel()
	_, _, err := c.Acquire(ctx, "a", filled(1))
	require.ErrorIs(t, err, context.DeadlineExceeded)
	close(finish)
	require.NoError(t, <-built)
	_, release := acquire(t, c, "a", 1)
	release()
}
