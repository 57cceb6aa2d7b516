package sandbox

import (
	"errors"
	"fmt"
	"path"
	"strings"

	"golang.org/x/sys/unix"
)

// rootView looks into a running sandbox's root from outside, with the worker's
// rights and under openat2's restrictions, so that no link leads out of it. What
// it sees may change while the program runs: it serves reports, never decisions.
//
// The work space can be looked at also when the sandbox's processes, and with
// them its tree of mounts, are gone. It stays in memory until close.
type rootView struct {
	fd   int
	work []workDir
}

// workDir is one bounded file system of the sandbox.
type workDir struct {
	path string
	fd   int
}

// noRoot shows nothing.
var noRoot = rootView{fd: -1}

// openRoot takes over the root directory that the sandbox has handed over.
func openRoot(fd int, work bool) (rootView, error) {
	r := rootView{fd: fd}
	for _, dir := range workPaths {
		if !work {
			break
		}
		at, err := r.open(dir, unix.O_DIRECTORY, unix.RESOLVE_NO_SYMLINKS)
		if err != nil {
			return noRoot, errors.Join(fmt.Errorf("open the sandbox's %s: %w", dir, err), r.close())
		}
		r.work = append(r.work, workDir{dir, at})
	}
	return r, nil
}

func (r rootView) close() error {
	if r.fd < 0 {
		return nil
	}
	errs := []error{unix.Close(r.fd)}
	for _, w := range r.work {
		errs = append(errs, unix.Close(w.fd))
	}
	return errors.Join(errs...)
}

func (r rootView) open(file string, flags, resolve uint64) (int, error) {
	return unix.Openat2(r.fd, file, &unix.OpenHow{
		Flags:   flags | unix.O_PATH | unix.O_CLOEXEC,
		Resolve: resolve | unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS,
	})
}

// exists says whether a path leads to something.
func (r rootView) exists(file string) bool {
	fd, err := r.open(file, 0, 0)
	if err != nil {
		return false
	}
	_ = unix.Close(fd)
	return true
}

// maxLinks is how many symbolic links are followed, as in the kernel.
const maxLinks = 40

// follow resolves the symbolic links of a path as far as it exists, so that the
// result tells what was meant even if that is not there.
func (r rootView) follow(file string) string {
	if r.direct(file) {
		return file
	}
	for range maxLinks {
		next, ok := r.step(file)
		if !ok {
			return file
		}
		file = next
	}
	return file
}

// direct says in one or two calls, for most paths, that no link is on the way.
func (r rootView) direct(file string) bool {
	for _, p := range []string{file, path.Dir(file)} {
		fd, err := r.open(p, 0, unix.RESOLVE_NO_SYMLINKS)
		if err == nil {
			_ = unix.Close(fd)
			return true
		}
		if !errors.Is(err, unix.ENOENT) {
			return false
		}
	}
	return false
}

// step replaces the first symbolic link of a path by its target.
func (r rootView) step(file string) (string, bool) {
	for end := 1; end <= len(file); end++ {
		if end < len(file) && file[end] != '/' {
			continue
		}
		if target, ok := r.link(file[:end]); ok {
			if !strings.HasPrefix(target, "/") {
				target = path.Join(path.Dir(file[:end]), target)
			}
			return path.Join(target, file[end:]), true
		}
	}
	return file, false
}

func (r rootView) link(file string) (string, bool) {
	fd, err := r.open(file, unix.O_NOFOLLOW, 0)
	if err != nil {
		return "", false
	}
	defer func() { _ = unix.Close(fd) }()
	b := make([]byte, maxPath)
	n, err := unix.Readlinkat(fd, "", b)
	if err != nil || n == 0 {
		return "", false
	}
	return string(b[:n]), true
}

// full says what has no room left.
func (w workDir) full() (string, bool) {
	var st unix.Statfs_t
	err := unix.Fstatfs(w.fd, &st)
	switch {
	case err != nil:
		return "", false
	case st.Bavail == 0:
		return w.path + " is full", true
	case st.Ffree == 0:
		return w.path + " has no inodes left", true
	}
	return "", false
}
