package environments

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Python is an interpreter of this machine.
type Python struct {
	Version string // "3.11"
	Path    string // of the program itself, not of a link or a shim
	Prefix  string // what it needs besides the system's own folders; may be empty
}

// Pythons are the interpreters that definitions may name, by version.
type Pythons map[string]Python

// systemFolders hold the interpreters of the distribution and of its administrator.
var systemFolders = []string{"/usr/local/bin", "/usr/bin"}

// FindPythons finds the interpreters in the system's folders.
func FindPythons() Pythons {
	found := Pythons{}
	for _, folder := range systemFolders {
		paths, _ := filepath.Glob(filepath.Join(folder, "python3.*")) // the pattern is a good one
		for _, path := range paths {
			if p, err := newPython(path); err == nil {
				found[p.Version] = p
			}
		}
	}
	return found
}

// Configure adds the interpreter of a text VERSION=PATH, such as
// 3.12=/opt/python/bin/python3.12, and goes over one that was found.
func (ps Pythons) Configure(text string) error {
	version, path, ok := strings.Cut(text, "=")
	if !ok || !versionForm.MatchString(version) || !filepath.IsAbs(path) {
		return fmt.Errorf("interpreter %.100q is not of the form 3.12=/path/to/python3.12", text)
	}
	p, err := newPython(path)
	if err != nil {
		return err
	}
	if p.Version != version {
		return fmt.Errorf("interpreter %q is Python %s, not %s", p.Path, p.Version, version)
	}
	ps[version] = p
	return nil
}

// Choose gives the interpreter of a version. Its error is a *Fault that lists
// those there are.
func (ps Pythons) Choose(version string) (Python, error) {
	if p, ok := ps[version]; ok {
		return p, nil
	}
	known := ps.versions()
	if len(known) == 0 {
		known = []string{"none"}
	}
	return Python{}, fault(Invalid, "Python %.20q is not on this worker, which has %s; the operator may add it with --python %s=PATH",
		version, strings.Join(known, ", "), preview(version))
}

// Default gives the interpreter behind a link such as /usr/bin/python3.
func (ps Pythons) Default(path string) (Python, error) {
	p, err := newPython(path)
	if err != nil {
		return p, fault(Invalid, "the interpreter for python is missing: %v; install it (apt-get install python3) on the worker's machine", err)
	}
	return p, nil
}

// versions are those there are, the oldest first.
func (ps Pythons) versions() []string {
	var all []string
	for version := range ps {
		all = append(all, version)
	}
	slices.SortFunc(all, func(a, b string) int { return minor(a) - minor(b) })
	return all
}

func minor(version string) int {
	n, _ := strconv.Atoi(strings.TrimPrefix(version, "3."))
	return n
}

// oldest is the minor version from which on lazaret's own Python programs run: the
// one that starts a script, and the checker.
const oldest = 10

var (
	versionForm = regexp.MustCompile(`^3\.[0-9]{1,2}$`)
	programForm = regexp.MustCompile(`^python(3\.[0-9]{1,2})$`)
)

// newPython follows links to the program itself. A shim, which is a script that
// looks for one, would need all that it looks at.
func newPython(path string) (Python, error) {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		if cause, ok := errors.AsType[*fs.PathError](err); ok { // its path is but the part that is missing
			err = cause.Err
		}
		return Python{}, fmt.Errorf("interpreter %q: %w", path, err)
	}
	match := programForm.FindStringSubmatch(filepath.Base(real))
	if match == nil {
		return Python{}, fmt.Errorf("interpreter %q is not named like python3.12", real)
	}
	if !isProgram(real) {
		return Python{}, fmt.Errorf("interpreter %q is a script, such as a version manager's shim; name the program itself", real)
	}
	p := Python{Version: match[1], Path: real}
	if minor(p.Version) < oldest {
		return Python{}, fmt.Errorf("interpreter %q is Python %s; the oldest that scripts may have is 3.%d", real, p.Version, oldest)
	}
	prefix := filepath.Dir(filepath.Dir(real))
	if prefix != "/usr" && !strings.HasPrefix(prefix, "/usr/") {
		p.Prefix = prefix
	}
	if _, err := os.Stat(filepath.Join(prefix, "lib", "python"+p.Version)); err != nil {
		return p, fmt.Errorf("interpreter %q without its library: %w", real, err)
	}
	return p, nil
}

// isProgram tells an ELF file.
func isProgram(path string) bool {
	file, err := os.Open(path)
	if err != nil {
		return false
	}
	defer func() { _ = file.Close() }()
	head := make([]byte, 4)
	_, err = file.Read(head)
	return err == nil && bytes.Equal(head, []byte("\x7fELF"))
}

// preview is a bounded text of a definition's, for a message.
func preview(text string) string {
	if len(text) > 40 {
		text = text[:40] + "…"
	}
	return text
}
