package install

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Namespace is the one Temporal namespace of an installation.
const Namespace = "default"

// Install is an opened state folder. It is immutable and safe for concurrent use.
type Install struct {
	dir        string
	tokens     map[Principal]string
	signingKey []byte
}

// DefaultDir returns $XDG_STATE_HOME/lazaret, or ~/.local/state/lazaret when the
// variable is unset or, as the XDG specification asks, not absolute.
func DefaultDir() (string, error) {
	if state := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(state) {
		return filepath.Join(state, "lazaret"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", &Error{Reason: "state folder unknown", Hint: "set XDG_STATE_HOME or HOME", Err: err}
	}
	return filepath.Join(home, ".local", "state", "lazaret"), nil
}

// Open opens the installation in dir, or in [DefaultDir] when dir is empty. What
// is missing (folder, tokens, key) is created; two processes opening a new
// folder at once agree on the same secrets. Errors are of type [*Error].
func Open(dir string) (*Install, error) {
	if dir == "" {
		var err error
		if dir, err = DefaultDir(); err != nil {
			return nil, err
		}
	}
	if err := privateFolder(dir); err != nil {
		return nil, err
	}
	i := &Install{dir: dir, tokens: make(map[Principal]string, len(principals))}
	for _, p := range principals {
		secret, err := loadSecret(i.Path("token." + string(p)))
		if err != nil {
			return nil, err
		}
		i.tokens[p] = fmt.Sprintf("%x", secret)
	}
	key, err := loadSecret(i.Path("grant.key"))
	if err != nil {
		return nil, err
	}
	i.signingKey = key
	return i, nil
}

// Dir returns the state folder.
func (i *Install) Dir() string { return i.dir }

// Path returns the path of the file name in the state folder.
func (i *Install) Path(name string) string { return filepath.Join(i.dir, name) }

// SigningKey returns a copy of the 32-byte key that signs level grants.
func (i *Install) SigningKey() []byte { return append([]byte(nil), i.signingKey...) }

// privateFolder creates dir (0700) if need be and checks that it is ours alone
// and can be written.
func privateFolder(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return unusableFolder(dir, err)
	}
	info, err := os.Stat(dir)
	if err != nil {
		return unusableFolder(dir, err)
	}
	if err := ownedByUs(dir, info); err != nil {
		return err
	}
	// A wider folder is refused and not tightened: dir may come from the user,
	// and 0700 on a shared folder would lock others out of it.
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return &Error{
			Reason: fmt.Sprintf("state folder %q is open to other users (mode %04o)", dir, mode),
			Hint:   fmt.Sprintf("chmod 700 %q, or name another folder with --state-dir", dir),
		}
	}
	return writable(dir)
}

// writable proves that files can be made in dir. Permission bits alone would not
// tell: the file system may be read-only or full.
func writable(dir string) error {
	probe, err := os.CreateTemp(dir, ".probe-*")
	if err != nil {
		return unusableFolder(dir, err)
	}
	defer func() { _ = os.Remove(probe.Name()) }()
	if err := probe.Close(); err != nil {
		return unusableFolder(dir, err)
	}
	return nil
}

func unusableFolder(dir string, err error) error {
	// The path stands in the reason already.
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		err = pathErr.Err
	}
	return &Error{
		Reason: fmt.Sprintf("state folder %q cannot be written", dir),
		Hint:   "make it writable for this user, or name another folder with --state-dir",
		Err:    err,
	}
}

// ownedByUs refuses a file that belongs to another user: its owner could change
// it under us.
func ownedByUs(path string, info fs.FileInfo) error {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok || int(stat.Uid) == os.Geteuid() {
		return nil
	}
	return &Error{
		Reason: fmt.Sprintf("%q belongs to user id %d, this process runs as %d", path, stat.Uid, os.Geteuid()),
		Hint:   "run as its owner, or name another folder with --state-dir",
	}
}
