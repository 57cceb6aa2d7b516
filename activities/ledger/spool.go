package ledger

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"lazaret.dev/lazaret/activities/contract"
)

// Spool keeps reports that could not be filed, one a file, through crashes and
// power cuts. Several processes may share its folder. Its methods are safe for
// concurrent use.
type Spool struct{ dir string }

// maxSpooled bounds the files of a spool.
const maxSpooled = 50_000

// reportSuffix ends the names of whole files, in the order of which they are filed.
const (
	reportSuffix  = ".report"
	damagedSuffix = ".damaged"
)

// OpenSpool makes the folder unless it is there.
func OpenSpool(dir string) (*Spool, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("spool of violations: %w", err)
	}
	return &Spool{dir}, nil
}

// Keep returns once the report would survive a power cut.
func (s *Spool) Keep(report contract.ViolationReport) error {
	text, err := json.Marshal(report)
	if err != nil {
		return fmt.Errorf("spool of violations: %w", err)
	}
	if waiting, err := s.names(); err == nil && len(waiting) >= maxSpooled {
		return fmt.Errorf("spool of violations %q is full: %d reports wait", s.dir, len(waiting))
	}
	name := fmt.Sprintf("%020d-%s", time.Now().UnixNano(), rand.Text()[:8])
	if err := s.write(name, text); err != nil {
		return fmt.Errorf("spool of violations %q: %w", s.dir, err)
	}
	return nil
}

func (s *Spool) write(name string, text []byte) error {
	tmp, err := os.CreateTemp(s.dir, "."+name+"-*") // 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(tmp.Name()) }()
	_, err = tmp.Write(text)
	if err = errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	if err := os.Rename(tmp.Name(), filepath.Join(s.dir, name+reportSuffix)); err != nil {
		return err
	}
	return syncFolder(s.dir)
}

func syncFolder(dir string) error {
	folder, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// Drain hands every report to file, the oldest first, and forgets those that it
// takes. It stops at the first that it does not. A file that holds no report is
// put aside and named to damaged.
func (s *Spool) Drain(file func(contract.ViolationReport) error, damaged func(path string, err error)) error {
	names, err := s.names()
	if err != nil {
		return fmt.Errorf("spool of violations: %w", err)
	}
	for _, name := range names {
		path := filepath.Join(s.dir, name)
		text, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue // another process was first
		}
		if err != nil {
			return fmt.Errorf("spool of violations: %w", err)
		}
		var report contract.ViolationReport
		if err := json.Unmarshal(text, &report); err != nil || report.Name == "" {
			damaged(path, err)
			_ = os.Rename(path, path+damagedSuffix)
			continue
		}
		if err := file(report); err != nil {
			return err
		}
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("spool of violations: %w", err)
		}
	}
	return nil
}

// Waiting is how many reports wait.
func (s *Spool) Waiting() int {
	names, _ := s.names()
	return len(names)
}

func (s *Spool) names() ([]string, error) {
	entries, err := os.ReadDir(s.dir) // sorted
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), reportSuffix) {
			names = append(names, e.Name())
		}
	}
	return names, nil
}
