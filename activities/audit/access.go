package audit

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// checkAccess refuses what another user owns or could write: whoever can write
// the folder can replace the log and its key together.
func checkAccess(path string, info fs.FileInfo) error {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return &Error{Reason: fmt.Sprintf("owner of %q is unknown", path), Err: ErrAccess}
	}
	if uid := os.Geteuid(); stat.Uid != uint32(uid) { //nolint:gosec // a uid fits
		return &Error{
			Reason: fmt.Sprintf("%q belongs to uid %d, not to uid %d", path, stat.Uid, uid),
			Hint:   fmt.Sprintf("chown %d %s, or name another folder", uid, path), Err: ErrAccess,
		}
	}
	if mode := info.Mode().Perm(); mode&0o022 != 0 {
		return &Error{
			Reason: fmt.Sprintf("%q can be written by others (mode %#o)", path, mode),
			Hint:   "chmod go-w " + path, Err: ErrAccess,
		}
	}
	return nil
}

// checkSecret refuses a secret that others can read.
func checkSecret(path string, info fs.FileInfo) error {
	if err := checkAccess(path, info); err != nil {
		return err
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return &Error{
			Reason: fmt.Sprintf("key %q can be read by others (mode %#o)", path, mode),
			Hint:   "chmod 600 " + path + ", and think of whoever could have read it", Err: ErrAccess,
		}
	}
	return nil
}

// checkLstat applies a check to what stands at the path itself; a symbolic link
// is refused, since its target is another's choice.
func checkLstat(path string, check func(string, fs.FileInfo) error) error {
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	if info.Mode()&fs.ModeSymlink != 0 {
		return &Error{Reason: fmt.Sprintf("%q is a symbolic link", path), Hint: "name the folder itself", Err: ErrAccess}
	}
	return check(path, info)
}

// CheckFolder refuses a log's folder, or a file in it, that another user owns or
// could write, and a signing key that others can read (A44).
func CheckFolder(dir string) error {
	for _, checked := range []struct {
		path  string
		check func(string, fs.FileInfo) error
	}{{dir, checkAccess}, {filepath.Join(dir, currentFile), checkAccess}, {filepath.Join(dir, keyFile), checkSecret}} {
		if err := checkLstat(checked.path, checked.check); err != nil {
			return err
		}
	}
	return nil
}
