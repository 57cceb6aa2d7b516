package environments

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Cache keeps built environments by key, in a folder that the workers of a
// machine may share. The zero limits are the defaults.
type Cache struct {
	Dir      string
	MaxBytes int64         // of all environments; DefaultMaxBytes when zero
	MaxAge   time.Duration // since last use; DefaultMaxAge when zero
}

// The defaults of a Cache.
const (
	DefaultMaxBytes = 4 << 30
	DefaultMaxAge   = 30 * 24 * time.Hour
)

// unfinished is the end of the name of an environment that is being built.
const unfinished = ".tmp"

// Acquire returns the folder of an environment, which fill makes if it is not
// there: fill is given an empty folder and returns the bytes in it. Nobody
// removes the environment until release is called. One fill of a key runs at a
// time, on this machine; the others wait for it, and try themselves if it fails.
func (c *Cache) Acquire(ctx context.Context, key string, fill func(dir string) (int64, error)) (dir string, release func(), err error) {
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		return "", nil, fmt.Errorf("environments: %w", err)
	}
	dir = filepath.Join(c.Dir, key)
	for {
		lock, err := lockFile(ctx, dir+".lock", unix.LOCK_SH)
		if err != nil {
			return "", nil, err
		}
		if _, err := os.Stat(dir); err == nil {
			lock.touch()
			return dir, lock.release, nil
		}
		lock.release()
		if err := c.build(ctx, dir, fill); err != nil {
			return "", nil, err
		}
	}
}

// build fills an environment that is not there.
func (c *Cache) build(ctx context.Context, dir string, fill func(dir string) (int64, error)) error {
	lock, err := lockFile(ctx, dir+".lock", unix.LOCK_EX)
	if err != nil {
		return err
	}
	defer lock.release()
	if _, err := os.Stat(dir); err == nil {
		return nil // another was faster
	}
	size, err := fillWhole(dir, fill)
	if err != nil {
		return err
	}
	lock.setSize(size)
	c.trim(filepath.Base(dir))
	return nil
}

// fillWhole makes the environment appear whole, or not at all.
func fillWhole(dir string, fill func(dir string) (int64, error)) (int64, error) {
	temporary := dir + unfinished
	if err := removeTree(temporary); err != nil { // of a worker that died
		return 0, fmt.Errorf("environments: %w", err)
	}
	size, err := fillNew(temporary, fill)
	if err == nil {
		err = os.Rename(temporary, dir)
	}
	if err != nil {
		_ = removeTree(temporary)
	}
	return size, err
}

func fillNew(dir string, fill func(dir string) (int64, error)) (int64, error) {
	if err := os.Mkdir(dir, 0o755); err != nil { //nolint:gosec // G301: sandboxes read it as another user; the folder above is 0700
		return 0, fmt.Errorf("environments: %w", err)
	}
	size, err := fill(dir)
	if err != nil {
		return 0, err
	}
	return size, syncTree(dir)
}

// syncTree makes what was written last through a loss of power, before a rename
// says that it is there.
func syncTree(dir string) error {
	folder, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("environments: %w", err)
	}
	defer func() { _ = folder.Close() }()
	if err := unix.Syncfs(int(folder.Fd())); err != nil {
		return fmt.Errorf("environments: write out %q: %w", dir, err)
	}
	return nil
}

func removeTree(dir string) error {
	err := os.RemoveAll(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

// fileLock is a lock file of an environment. Its time of modification is that of
// the last use; its text is the environment's size in bytes.
type fileLock struct{ file *os.File }

// lockEvery is how long a lock that is held is left alone before it is asked for again.
const lockEvery = 50 * time.Millisecond

func lockFile(ctx context.Context, path string, how int) (*fileLock, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("environments: %w", err)
	}
	for {
		err := unix.Flock(int(file.Fd()), how|unix.LOCK_NB)
		if err == nil {
			return &fileLock{file}, nil
		}
		if !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR) {
			_ = file.Close()
			return nil, fmt.Errorf("environments: lock %q: %w", path, err)
		}
		select {
		case <-ctx.Done():
			_ = file.Close()
			return nil, ctx.Err()
		case <-time.After(lockEvery):
		}
	}
}

func (l *fileLock) release() { _ = l.file.Close() }

func (l *fileLock) touch() {
	now := time.Now()
	_ = os.Chtimes(l.file.Name(), now, now) // for trim; without it the environment only goes sooner
}

func (l *fileLock) setSize(size int64) {
	_ = l.file.Truncate(0)
	_, _ = l.file.WriteAt([]byte(strconv.FormatInt(size, 10)), 0)
}

func (l *fileLock) size() int64 {
	text := make([]byte, 20)
	n, _ := l.file.ReadAt(text, 0)
	size, _ := strconv.ParseInt(strings.TrimSpace(string(text[:n])), 10, 64)
	return size
}
