package audit

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/sys/unix"
)

const lockFile = "audit.lock"

// snapshot is a log as it stood at one moment: files that are rotated, compressed
// or pruned afterwards stay readable through it.
type snapshot struct {
	segments []segment
	files    []*os.File
	sizes    []int64
	head     []byte // text of the head file
}

// takeSnapshot opens all files of the folder between two writes.
func takeSnapshot(dir string) (s *snapshot, err error) {
	unlock, err := lockShared(dir)
	if errors.Is(err, fs.ErrNotExist) { // a restored copy that nobody wrote to
		unlock, err = func() {}, nil
	}
	if err != nil {
		return nil, err
	}
	defer unlock()
	s = &snapshot{}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	if s.head, err = readHeadFile(dir); err != nil {
		return s, err
	}
	if s.segments, err = listSegments(dir); err != nil {
		return s, err
	}
	for _, segment := range s.segments {
		file, err := os.Open(filepath.Join(dir, segment.name))
		if err != nil {
			return s, err
		}
		s.files = append(s.files, file)
		info, err := file.Stat()
		if err != nil {
			return s, err
		}
		s.sizes = append(s.sizes, info.Size())
	}
	return s, nil
}

func lockShared(dir string) (unlock func(), err error) {
	file, err := os.Open(filepath.Join(dir, lockFile))
	if err != nil {
		return nil, err
	}
	if err := flock(file, unix.LOCK_SH); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return func() { _ = file.Close() }, nil
}

// flock waits for the lock; it is released when the file is closed.
func flock(file *os.File, how int) error {
	for {
		err := unix.Flock(int(file.Fd()), how)
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

func (s *snapshot) close() {
	for _, file := range s.files {
		_ = file.Close()
	}
}

// maxUnfolded bounds the memory that unfolding a compressed file takes, in bytes.
const maxUnfolded = 64 << 20

// scan calls visit with each line of segment i.
func (s *snapshot) scan(i int, visit func(raw) error) error {
	var text io.Reader = io.NewSectionReader(s.files[i], 0, s.sizes[i])
	if s.segments[i].compressed() {
		decoder, err := zstd.NewReader(text, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxUnfolded))
		if err != nil {
			return err
		}
		defer decoder.Close()
		text = decoder
	}
	return scanLines(s.segments[i].name, text, visit)
}
