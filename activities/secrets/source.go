package secrets

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"golang.org/x/sys/unix"
)

// maxValue bounds a secret, in bytes.
const maxValue = 64 << 10

// source is where a value is. Its errors hold no value.
type source interface {
	read(ctx context.Context) (text string, err error)
}

// SourceForms are the forms of a source, for messages.
const SourceForms = "env:VARIABLE, file:/PATH, credential:NAME or vault:PATH#FIELD"

// parseSource reads a source of this machine: all but vault's.
func parseSource(text string) (source, error) {
	kind, rest, found := strings.Cut(text, ":")
	if !found || rest == "" {
		return nil, fmt.Errorf("source %.40q: write %s", text, SourceForms)
	}
	switch kind {
	case "env":
		return environment(rest), nil
	case "file":
		if !filepath.IsAbs(rest) {
			return nil, fmt.Errorf("source %.100q: the path must be absolute", text)
		}
		return file(rest), nil
	case "credential":
		if strings.Contains(rest, "/") || strings.HasPrefix(rest, ".") {
			return nil, fmt.Errorf("source %.100q: a credential is a name without a folder", text)
		}
		return credential(rest), nil
	}
	return nil, fmt.Errorf("source %.40q: write %s", text, SourceForms)
}

// environment is a variable of this process.
type environment string

func (e environment) read(context.Context) (string, error) {
	value, ok := os.LookupEnv(string(e))
	if !ok {
		return "", fmt.Errorf("environment variable %s is not set", string(e))
	}
	return checkValue(value)
}

// file is a file that nobody else may read.
type file string

func (f file) read(context.Context) (string, error) { return readFile(string(f), true) }

// credential is a file in the folder that systemd made for this service, and
// keeps from others in its own way.
type credential string

func (c credential) read(context.Context) (string, error) {
	dir := os.Getenv("CREDENTIALS_DIRECTORY")
	if dir == "" {
		return "", errors.New("no systemd credentials: CREDENTIALS_DIRECTORY is not set; the unit needs LoadCredential=")
	}
	text, err := readFile(filepath.Join(dir, string(c)), false)
	if errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("there is no %s in CREDENTIALS_DIRECTORY, %s; the unit needs LoadCredential=%s:PATH", string(c), dir, string(c))
	}
	return text, err
}

func readFile(path string, private bool) (string, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0) //nolint:gosec // the operator names it
	if errors.Is(err, unix.ELOOP) {
		return "", fmt.Errorf("file %s is a symbolic link; name the file itself", path)
	}
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }()
	if err := checkFile(f, path, private); err != nil {
		return "", err
	}
	content, err := io.ReadAll(io.LimitReader(f, maxValue+1))
	if err != nil {
		return "", fmt.Errorf("file %s: %w", path, err)
	}
	return checkValue(strings.TrimSuffix(strings.TrimSuffix(string(content), "\n"), "\r"))
}

// checkFile judges the file that is open, so that nobody exchanges it in between.
func checkFile(f *os.File, path string, private bool) error {
	var stat unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &stat); err != nil {
		return fmt.Errorf("file %s: %w", path, err)
	}
	switch {
	case stat.Mode&unix.S_IFMT != unix.S_IFREG:
		return fmt.Errorf("file %s is no regular file", path)
	case private && stat.Mode&0o077 != 0:
		return fmt.Errorf("file %s can be read by others (mode %04o); chmod 0600 it", path, stat.Mode&0o777)
	case private && stat.Uid != 0 && int(stat.Uid) != os.Geteuid():
		return fmt.Errorf("file %s belongs to user %d; it must be this user's or root's", path, stat.Uid)
	}
	return nil
}

func checkValue(text string) (string, error) {
	switch {
	case text == "":
		return "", errors.New("it is empty")
	case len(text) > maxValue:
		return "", fmt.Errorf("it is over the limit of %d bytes", maxValue)
	case !utf8.ValidString(text):
		return "", errors.New("it is not UTF-8 text; encode it, for example as base64")
	}
	return text, nil
}
