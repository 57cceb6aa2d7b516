package install

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// secretSize is the size of every secret, in bytes.
const secretSize = 32

// loadSecret returns the secret in the file at path, making one up if there is
// no file. The file holds hexadecimal digits and a line end.
func loadSecret(path string) ([]byte, error) {
	secret, err := readSecret(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return secret, err
	}
	if err := createSecret(path); err != nil {
		return nil, &Error{Reason: fmt.Sprintf("secret file %q cannot be made", path), Err: err}
	}
	// Read back instead of returning our own: another process may have been first.
	return readSecret(path)
}

// readSecret reads the file at path. It returns an error matching
// [fs.ErrNotExist] if there is none, and refuses one that others may read.
func readSecret(path string) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return nil, &Error{Reason: "secret file cannot be opened", Err: err}
	}
	defer func() { _ = f.Close() }()
	if err := privateFile(path, f); err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(f, 4*secretSize))
	if err != nil {
		return nil, &Error{Reason: "secret file cannot be read", Err: err}
	}
	secret, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(secret) != secretSize {
		return nil, &Error{
			Reason: fmt.Sprintf("secret file %q is damaged: want %d hexadecimal digits", path, 2*secretSize),
			Hint:   fmt.Sprintf("stop every lazaret of this user and remove it; a new one is made (rm %q)", path),
		}
	}
	return secret, nil
}

// privateFile checks the opened file rather than the path, so that nothing can
// be swapped in between.
func privateFile(path string, f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return &Error{Reason: "secret file cannot be examined", Err: err}
	}
	if err := ownedByUs(path, info); err != nil {
		return err
	}
	if mode := info.Mode(); !mode.IsRegular() || mode.Perm()&0o077 != 0 {
		return &Error{
			Reason: fmt.Sprintf("secret file %q is open to other users (mode %04o)", path, mode.Perm()),
			Hint:   fmt.Sprintf("others may have read it: stop every lazaret of this user and remove it; a new one is made (rm %q)", path),
		}
	}
	return nil
}

// createSecret writes a random secret to a new file at path. The file appears
// whole or not at all; an existing one is left alone.
func createSecret(path string) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), ".secret-*") // 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(tmp.Name()) }()
	secret := make([]byte, secretSize)
	_, _ = rand.Read(secret) // never fails, by its contract
	if _, err := fmt.Fprintf(tmp, "%x\n", secret); err != nil {
		return errors.Join(err, tmp.Close())
	}
	if err := errors.Join(tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	if err := os.Link(tmp.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}
