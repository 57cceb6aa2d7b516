package audit

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// rotateIfDue closes the current file when it is full or old. Needs the lock.
func (l *Log) rotateIfDue() error {
	if l.size < l.limits.Size && l.now().Sub(l.opened) < l.limits.Age {
		return nil
	}
	return l.rotate()
}

// Rotate closes the current file and begins the next, as for a backup.
func (l *Log) Rotate() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lock == nil {
		return &Error{Reason: "audit log is closed", Err: ErrUnwritable}
	}
	return l.locked(func() error {
		if err := l.follow(); err != nil {
			return err
		}
		return l.rotate()
	})
}

func (l *Log) rotate() error {
	first, _, _, err := ends(l.file)
	if err != nil {
		return err
	}
	var line Line
	if err := json.Unmarshal(first, &line); err != nil {
		return err
	}
	if err := l.file.Sync(); err != nil {
		return err
	}
	closed := segment{name: segmentFor(line.Seq), first: line.Seq}
	if err := os.Rename(filepath.Join(l.dir, currentFile), filepath.Join(l.dir, closed.name)); err != nil {
		return err
	}
	if err := l.resume(); err != nil {
		return err
	}
	l.compressLater(closed)
	return l.prune()
}

// prune deletes closed files that are too many or too old. Each leaves a line
// that says where the rest of the chain begins. Needs the lock.
func (l *Log) prune() error {
	segments, err := listSegments(l.dir)
	if err != nil {
		return err
	}
	closed := segments[:max(0, len(segments)-1)] // the last is the current file
	for i, s := range closed {
		s, info, err := s.find(l.dir)
		if err != nil {
			return err
		}
		if len(closed)-i <= l.limits.Keep && l.now().Sub(info.ModTime()) <= l.limits.Retain {
			return nil
		}
		if err := l.pruneOne(s, info.ModTime()); err != nil {
			return err
		}
	}
	return nil
}

func (l *Log) pruneOne(s segment, changed time.Time) error {
	seq, hash, err := lastLine(l.dir, s)
	if err != nil {
		return err
	}
	err = l.write(Event{
		Kind: Pruned, Subject: s.name, Message: "a file was deleted at the end of its retention",
		Detail: map[string]string{
			"lastSeq": strconv.FormatUint(seq, 10), "lastHash": hash.String(), "lastWritten": changed.UTC().Format(time.RFC3339),
		},
	})
	if err != nil {
		return err
	}
	for _, name := range []string{segmentFor(s.first), segmentFor(s.first) + ".zst"} {
		if err := os.Remove(filepath.Join(l.dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// compressLater compresses a closed file while others write. A failure leaves the
// plain file, which is as good; the next opening tries again.
func (l *Log) compressLater(s segment) {
	l.compressing.Go(func() { _ = compress(l.dir, s) })
}

// compressLeftovers compresses the files that an ended process left plain.
func (l *Log) compressLeftovers() {
	segments, err := listSegments(l.dir)
	if err != nil {
		return
	}
	for _, s := range segments {
		if !s.current() && !s.compressed() {
			l.compressLater(s)
		}
	}
}
