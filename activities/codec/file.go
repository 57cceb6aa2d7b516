package codec

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// maxFile bounds a ring's file, in bytes: thousands of keys.
const maxFile = 1 << 20

// ReadFile reads a ring from a file that belongs to this user, or to root, and
// that nobody else may read. No such file matches [fs.ErrNotExist].
func ReadFile(path string) (Ring, error) {
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0) // a pipe must not hang us
	if err != nil {
		return Ring{}, &Error{Reason: fmt.Sprintf("key ring %q", path), Err: cause(err)}
	}
	defer func() { _ = file.Close() }()
	if err := checkPrivate(path, file); err != nil {
		return Ring{}, err
	}
	text, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err != nil || len(text) > maxFile {
		return Ring{}, &Error{Reason: fmt.Sprintf("key ring %q cannot be read, or is longer than %d bytes", path, maxFile), Err: err}
	}
	ring, err := ParseRing(text)
	if wrong, ok := errors.AsType[*Error](err); ok {
		wrong.Reason = fmt.Sprintf("%s: %s", path, wrong.Reason)
	}
	return ring, err
}

// checkPrivate looks at the opened file, so that nothing is swapped in between.
// systemd gives a service its credentials as files of root's with mode 0440 in a
// folder of the service's own, or as the service's own with 0400.
func checkPrivate(path string, file *os.File) error {
	info, err := file.Stat()
	if err != nil {
		return &Error{Reason: fmt.Sprintf("key ring %q", path), Err: cause(err)}
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok || !info.Mode().IsRegular() {
		return &Error{Reason: fmt.Sprintf("key ring %q is not a regular file", path)}
	}
	if uid := os.Geteuid(); int(stat.Uid) != uid && stat.Uid != 0 {
		return &Error{Reason: fmt.Sprintf("key ring %q belongs to uid %d, not to uid %d", path, stat.Uid, uid), Hint: fmt.Sprintf("chown %d %s", uid, path)}
	}
	open := fs.FileMode(0o077)
	if inCredentials(path) {
		open = 0o037
	}
	if mode := info.Mode().Perm(); mode&open != 0 {
		return &Error{
			Reason: fmt.Sprintf("key ring %q is open to others (mode %04o)", path, mode),
			Hint:   "chmod 600 " + path + "; others may have read it: think of lazaret keys rotate",
		}
	}
	return nil
}

func inCredentials(path string) bool {
	dir := os.Getenv("CREDENTIALS_DIRECTORY")
	return dir != "" && filepath.Dir(filepath.Clean(path)) == filepath.Clean(dir)
}

// CreateFile writes a ring to a new file (0600); an existing one is left alone and
// matches [fs.ErrExist].
func CreateFile(path string, ring Ring) error { return writeFile(path, ring, os.Link) }

// ReplaceFile writes a ring over a file: readers see the old one or the new one.
func ReplaceFile(path string, ring Ring) error { return writeFile(path, ring, os.Rename) }

func writeFile(path string, ring Ring, place func(from, to string) error) error {
	text, err := ring.Encode()
	if err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*") // 0600
	if err != nil {
		return &Error{Reason: fmt.Sprintf("key ring %q cannot be written", path), Err: cause(err)}
	}
	defer func() { _ = os.Remove(tmp.Name()) }()
	_, err = tmp.Write(text)
	if err = errors.Join(err, tmp.Sync(), tmp.Close()); err == nil {
		err = place(tmp.Name(), path)
	}
	if err != nil {
		return &Error{Reason: fmt.Sprintf("key ring %q cannot be written", path), Err: cause(err)}
	}
	return nil
}

// cause is an error without the paths around it, which the reason has.
func cause(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	if e, ok := errors.AsType[*os.LinkError](err); ok {
		return e.Err
	}
	return err
}
