package sources

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"time"
)

// maxStored bounds a store, in bytes: far more scripts than run at a time.
const maxStored = 256 << 20

// Store keeps texts by their digest, in a folder that several workers of one
// machine may share. What is least recently used goes when it is full.
type Store struct{ Dir string }

// Digest is a text's name: its SHA-256 in hex.
func Digest(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

var digestForm = regexp.MustCompile(`^[0-9a-f]{64}$`)

// Get returns the text of a digest. Bytes that no longer have their digest are
// removed and count as not there.
func (s Store) Get(digest string) ([]byte, bool) {
	if !digestForm.MatchString(digest) {
		return nil, false
	}
	path := filepath.Join(s.Dir, digest)
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, false
	}
	if Digest(content) != digest {
		_ = os.Remove(path)
		return nil, false
	}
	now := time.Now()
	_ = os.Chtimes(path, now, now) // for trim; without it the text only goes sooner
	return content, true
}

// Put keeps a text. It is there whole or not at all.
func (s Store) Put(content []byte) error {
	if err := s.write(Digest(content), content); err != nil {
		return fmt.Errorf("script store: %w", err)
	}
	return s.trim()
}

func (s Store) write(digest string, content []byte) error {
	if err := os.MkdirAll(s.Dir, 0o700); err != nil {
		return err
	}
	file, err := os.CreateTemp(s.Dir, "new-")
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	err = errors.Join(err, file.Close())
	if err == nil {
		err = os.Rename(file.Name(), filepath.Join(s.Dir, digest))
	}
	if err != nil {
		_ = os.Remove(file.Name())
	}
	return err
}

// trim removes the least recently used, and what a worker that died had begun.
func (s Store) trim() error {
	entries, err := os.ReadDir(s.Dir)
	if err != nil {
		return fmt.Errorf("script store: %w", err)
	}
	var files []fs.FileInfo
	for _, entry := range entries {
		if info, err := entry.Info(); err == nil { // else another worker removed it
			files = append(files, info)
		}
	}
	slices.SortFunc(files, func(a, b fs.FileInfo) int { return b.ModTime().Compare(a.ModTime()) })
	var total int64
	for _, file := range files {
		total += file.Size()
		abandoned := !digestForm.MatchString(file.Name()) && time.Since(file.ModTime()) > time.Hour
		if total > maxStored || abandoned {
			_ = os.Remove(filepath.Join(s.Dir, file.Name()))
		}
	}
	return nil
}
