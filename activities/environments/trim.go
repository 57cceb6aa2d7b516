package environments

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// kept is one environment as trim sees it.
type kept struct {
	key  string
	used time.Time
	size int64
}

// trim removes what has not been used for long, what is least recently used
// while all are too large, and what a worker that died had begun. It leaves alone
// what is in use, and the environment that was built last.
func (c *Cache) trim(newest string) {
	all := c.list()
	slices.SortFunc(all, func(a, b kept) int { return a.used.Compare(b.used) })
	var total int64
	for _, k := range all {
		total += k.size
	}
	for _, k := range all {
		if k.key != newest && (total > c.maxBytes() || time.Since(k.used) > c.maxAge()) && c.remove(k.key) {
			total -= k.size
		}
	}
}

// list reads the lock files.
func (c *Cache) list() []kept {
	entries, _ := os.ReadDir(c.Dir)
	var all []kept
	for _, entry := range entries {
		key, ok := strings.CutSuffix(entry.Name(), ".lock")
		info, err := entry.Info()
		if !ok || err != nil {
			continue
		}
		file, err := os.Open(filepath.Join(c.Dir, entry.Name()))
		if err != nil {
			continue
		}
		lock := &fileLock{file}
		all = append(all, kept{key, info.ModTime(), lock.size()})
		lock.release()
	}
	return all
}

// remove removes an environment unless somebody holds its lock. The lock file
// stays, without a size: whoever waits for it has it open.
func (c *Cache) remove(key string) bool {
	file, err := os.OpenFile(filepath.Join(c.Dir, key+".lock"), os.O_RDWR, 0)
	if err != nil {
		return false
	}
	lock := &fileLock{file}
	defer lock.release()
	if unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB) != nil {
		return false
	}
	dir := filepath.Join(c.Dir, key)
	gone := dir + unfinished // so that a half-removed environment is none
	_ = removeTree(gone)
	if err := os.Rename(dir, gone); err != nil && !os.IsNotExist(err) {
		return false
	}
	lock.setSize(0)
	return removeTree(gone) == nil
}

// Sweep removes what is old, too much or half done. A worker calls it once when
// it starts; building does so too.
func (c *Cache) Sweep(ctx context.Context) {
	entries, _ := os.ReadDir(c.Dir)
	for _, entry := range entries {
		if ctx.Err() != nil {
			return
		}
		if key, ok := strings.CutSuffix(entry.Name(), unfinished); ok {
			c.sweepUnfinished(key)
		}
	}
	c.trim("")
}

// sweepUnfinished removes a build that nobody is at, and leaves what was built.
func (c *Cache) sweepUnfinished(key string) {
	file, err := os.OpenFile(filepath.Join(c.Dir, key+".lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return
	}
	lock := &fileLock{file}
	defer lock.release()
	if unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil {
		_ = removeTree(filepath.Join(c.Dir, key+unfinished))
	}
}

func (c *Cache) maxBytes() int64 {
	if c.MaxBytes == 0 {
		return DefaultMaxBytes
	}
	return c.MaxBytes
}

func (c *Cache) maxAge() time.Duration {
	if c.MaxAge == 0 {
		return DefaultMaxAge
	}
	return c.MaxAge
}
