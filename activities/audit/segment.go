package audit

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/sys/unix"
)

const currentFile = "audit.log"

// segment is one file of a log.
type segment struct {
	name  string
	first uint64 // number of its first line; the greatest of all for the current file
}

const currentFirst = ^uint64(0)

var segmentName = regexp.MustCompile(`^audit-(\d{12,20})\.log(\.zst)?$`)

func segmentFor(first uint64) string { return fmt.Sprintf("audit-%012d.log", first) }

func (s segment) current() bool    { return s.name == currentFile }
func (s segment) compressed() bool { return strings.HasSuffix(s.name, ".zst") }

// listSegments returns the folder's files, the oldest first. Of a file and its
// compressed form the plain one counts: compression was interrupted.
func listSegments(dir string) ([]segment, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var all []segment
	for _, e := range entries {
		if e.Name() == currentFile {
			all = append(all, segment{name: currentFile, first: currentFirst})
			continue
		}
		match := segmentName.FindStringSubmatch(e.Name())
		if match == nil {
			continue
		}
		first, err := strconv.ParseUint(match[1], 10, 64)
		if err != nil {
			continue // no number of ours
		}
		all = append(all, segment{name: e.Name(), first: first})
	}
	slices.SortFunc(all, func(a, b segment) int { return cmp.Or(cmp.Compare(a.first, b.first), cmp.Compare(a.name, b.name)) })
	return slices.CompactFunc(all, func(a, b segment) bool { return a.first == b.first }), nil
}

// find returns the segment as it stands now: it may have been compressed since
// it was listed.
func (s segment) find(dir string) (segment, fs.FileInfo, error) {
	info, err := os.Stat(filepath.Join(dir, s.name))
	if errors.Is(err, fs.ErrNotExist) && !s.compressed() {
		s.name += ".zst"
		info, err = os.Stat(filepath.Join(dir, s.name))
	}
	return s, info, err
}

// compress replaces the plain segment by its compressed form. A crash leaves the
// plain one, or both with the same lines.
func compress(dir string, s segment) error {
	plain := filepath.Join(dir, s.name)
	in, err := os.Open(plain)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // another process did it
	}
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	out, err := os.CreateTemp(dir, "."+s.name+"-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(out.Name()) }()
	encoder, err := zstd.NewWriter(out, zstd.WithEncoderConcurrency(1))
	if err != nil {
		return errors.Join(err, out.Close())
	}
	_, err = io.Copy(encoder, in)
	if err = errors.Join(err, encoder.Close(), out.Chmod(fileMode), out.Sync(), out.Close()); err != nil {
		return err
	}
	// Retention counts from the last line, not from now.
	if info, err := in.Stat(); err == nil {
		_ = os.Chtimes(out.Name(), time.Time{}, info.ModTime())
	}
	return replacePlain(dir, plain, out.Name())
}

// replacePlain puts the compressed file in the place of the plain one, unless
// that was pruned meanwhile.
func replacePlain(dir, plain, compressed string) error {
	lock, err := os.Open(filepath.Join(dir, lockFile))
	if err != nil {
		return err
	}
	defer func() { _ = lock.Close() }()
	if err := flock(lock, unix.LOCK_EX); err != nil {
		return err
	}
	if _, err := os.Stat(plain); err != nil {
		return err
	}
	return errors.Join(os.Rename(compressed, plain+".zst"), os.Remove(plain))
}
