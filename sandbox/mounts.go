package sandbox

import (
	"cmp"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"lazaret.dev/lazaret/sandbox/initproc"
)

// source is one bind, looked up on the host.
type source struct {
	path string
	link string // its target, when it is a symbolic link: then that is all there is
	dir  bool
	data bool         // nothing in it is code
	fd   initproc.Arg // detached, read-only copy of the mount tree
}

// readOnly is what every bind gets, on itself and on all mounts below it. A
// remount that is not recursive would leave those writable.
const readOnly = unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV

const (
	treeFlags = unix.AT_RECURSIVE | unix.AT_SYMLINK_NOFOLLOW
	cloneTree = unix.OPEN_TREE_CLONE | unix.O_CLOEXEC
)

var here = num(unix.AT_FDCWD)

// openBinds takes a detached copy of each bind and each data folder while the
// host's root is still there and the process still has the worker's identity. A
// test may have them writable.
func (p *plan) openBinds(binds, data []string, keep bool) ([]source, error) {
	var sources []source
	for _, b := range append(outermost(binds), outermost(data)...) {
		s, err := lookUp(b)
		if err != nil {
			return nil, fmt.Errorf("%w: bind: %w", ErrSpec, err)
		}
		s.data = slices.Contains(data, b)
		if s.link == "" {
			s.fd = p.openTree(b, s.attributes(keep))
		}
		sources = append(sources, s)
	}
	return sources, nil
}

func (s source) attributes(keep bool) uint64 {
	attr := uint64(readOnly)
	if s.data {
		attr |= unix.MOUNT_ATTR_NOEXEC
	}
	if !keep {
		attr &^= unix.MOUNT_ATTR_RDONLY
	}
	return attr
}

// outermost sorts and leaves out what lies below another bind: it is there already.
func outermost(binds []string) []string {
	sorted := slices.Clone(binds)
	slices.SortFunc(sorted, func(a, b string) int {
		return cmp.Or(cmp.Compare(strings.Count(a, "/"), strings.Count(b, "/")), cmp.Compare(a, b))
	})
	var kept []string
	for _, b := range sorted {
		if !slices.ContainsFunc(kept, func(k string) bool { return within(b, k) }) {
			kept = append(kept, b)
		}
	}
	return kept
}

func lookUp(path string) (source, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return source{}, err
	}
	s := source{path: path, dir: info.IsDir()}
	if info.Mode()&fs.ModeSymlink != 0 {
		s.link, err = os.Readlink(path)
	} else if !s.dir && !info.Mode().IsRegular() {
		err = fmt.Errorf("%q is neither file nor directory", path)
	}
	return s, err
}

func (p *plan) openTree(path string, attr uint64) initproc.Arg {
	fd := p.save(quoted("open", path), unix.SYS_OPEN_TREE, here, p.str(path), num(cloneTree|treeFlags))
	p.call(quoted("make read-only", path), unix.SYS_MOUNT_SETATTR, fd, p.str(""),
		num(unix.AT_EMPTY_PATH|unix.AT_RECURSIVE), p.words(attr, 0, 0, 0), num(32))
	return fd
}

// devices are the nodes in /dev. Each has no state that a program could change.
var devices = []string{"null", "zero", "random", "urandom"}

// root builds the program's root in an empty tmpfs and leaves the host's behind.
// Symbolic links come last, so that no path used before can lead through one.
func (p *plan) root(s *Spec, sources []source) {
	defer p.scope()()
	var nodes []initproc.Arg
	for _, d := range devices {
		nodes = append(nodes, p.openTree("/dev/"+d, unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NOEXEC))
	}
	p.call("make mounts private", unix.SYS_MOUNT, p.str(""), p.str("/"), num(0), num(unix.MS_REC|unix.MS_PRIVATE))
	p.tmpfsOnRoot(s)
	made := map[string]bool{".": true}
	p.ownMounts(s, made)
	for _, b := range sources {
		if b.link == "" {
			p.target(made, b.path, b.dir)
			p.attach(b.path, b.fd)
		}
	}
	for i, d := range devices {
		p.target(made, "/dev/"+d, false)
		p.attach("/dev/"+d, nodes[i])
	}
	for _, f := range s.files() {
		p.file(made, f)
	}
	p.late(made, s)
	if s.Scratch > 0 { // for POSIX shared memory and semaphores, see shm_overview(7)
		p.link(made, "/dev/shm", "../tmp")
	}
	for _, b := range sources {
		if b.link != "" {
			p.link(made, b.path, b.link)
		}
	}
}

const rootAttr = unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV | unix.MOUNT_ATTR_NOEXEC

// tmpfsOnRoot puts the new root over the old one and makes it the working
// directory: no directory of the host is needed as a mount point, so none is
// ever left behind.
func (p *plan) tmpfsOnRoot(s *Spec) {
	size, inodes := int64(1<<20), 1024+len(s.Files)+len(s.Binds)+len(s.Data)
	for _, f := range s.Files {
		size += int64(len(f.Content)) + 4096
	}
	if s.late != "" {
		size += maxLate
	}
	ctx := p.save("open a tmpfs", unix.SYS_FSOPEN, p.str("tmpfs"), num(unix.FSOPEN_CLOEXEC))
	p.option(ctx, "size", strconv.FormatInt(size, 10))
	p.option(ctx, "nr_inodes", strconv.Itoa(inodes))
	p.option(ctx, "mode", "0755")
	p.call("create the root", unix.SYS_FSCONFIG, ctx, num(unix.FSCONFIG_CMD_CREATE))
	root := p.save("mount the root", unix.SYS_FSMOUNT, ctx, num(unix.FSMOUNT_CLOEXEC), num(rootAttr))
	p.call("attach the root", unix.SYS_MOVE_MOUNT, root, p.str(""), here, p.str("/"), num(unix.MOVE_MOUNT_F_EMPTY_PATH))
	p.call("enter the root", unix.SYS_FCHDIR, root)
}

func (p *plan) option(ctx initproc.Arg, key, value string) {
	p.call("configure the root", unix.SYS_FSCONFIG, ctx, num(unix.FSCONFIG_SET_STRING), p.str(key), p.str(value))
}

// inRoot is a path relative to the new root, which is the working directory.
func inRoot(path string) string { return strings.TrimPrefix(path, "/") }

func (p *plan) directory(made map[string]bool, dir string) {
	if made[dir] {
		return
	}
	p.directory(made, path.Dir(dir))
	made[dir] = true
	p.call(quoted("make directory", "/"+dir), unix.SYS_MKDIRAT, here, p.str(dir), num(0o755))
}

// target makes the directory or empty file that a mount will cover.
func (p *plan) target(made map[string]bool, at string, dir bool) {
	at = inRoot(at)
	if dir {
		p.directory(made, at)
		return
	}
	p.directory(made, path.Dir(at))
	p.call(quoted("make file", "/"+at), unix.SYS_MKNODAT, here, p.str(at), num(unix.S_IFREG|0o444), num(0))
}

func (p *plan) attach(at string, fd initproc.Arg) {
	p.call(quoted("attach", at), unix.SYS_MOVE_MOUNT, fd, p.str(""), here, p.str(inRoot(at)), num(unix.MOVE_MOUNT_F_EMPTY_PATH))
	p.call(quoted("close", at), unix.SYS_CLOSE, fd)
}

func (p *plan) file(made map[string]bool, f File) {
	defer p.scope()()
	at := inRoot(f.Path)
	p.directory(made, path.Dir(at))
	fd := p.save(quoted("create", f.Path), unix.SYS_OPENAT, here, p.str(at),
		num(unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC), num(0o444))
	p.call(quoted("write", f.Path), unix.SYS_WRITE, fd, p.bytes(f.Content), num(len(f.Content))).Min = uint64(len(f.Content))
	p.call(quoted("close", f.Path), unix.SYS_CLOSE, fd)
}

func (p *plan) link(made map[string]bool, at, target string) {
	at = inRoot(at)
	p.directory(made, path.Dir(at))
	p.call(quoted("link", "/"+at), unix.SYS_SYMLINKAT, p.str(target), here, p.str(at))
}

// showRoot hands the worker the root directory: through /proc only a worker with
// CAP_SYS_PTRACE could open it.
func (p *plan) showRoot() {
	defer p.scope()()
	root := p.save("open the root", unix.SYS_OPENAT, here, p.str("/"), num(unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC))
	p.call("place the root", unix.SYS_DUP3, root, num(firstSocket), num(unix.O_CLOEXEC))
	p.handOver("hand over the root", initproc.Root, 1)
	p.call("close the root", unix.SYS_CLOSE_RANGE, num(firstSocket), num(firstSocket), num(0))
	p.call("close the root", unix.SYS_CLOSE, root)
}

const mountFlags = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC

// ownMounts makes what only this run has. /proc must come before the host's root
// is gone: the kernel lets a user namespace mount it only next to a visible one.
func (p *plan) ownMounts(s *Spec, made map[string]bool) {
	if s.Proc {
		p.directory(made, "proc")
		options := "hidepid=invisible"
		if !s.forks { // what a zygote forks may mount one only next to a whole one
			options += ",subset=pid"
		}
		p.mount("proc", "proc", mountFlags|unix.MS_RDONLY, options)
	}
	if s.Scratch == 0 {
		return
	}
	for _, at := range []string{"scratch", "tmp"} {
		p.directory(made, at)
		p.mount("tmpfs", at, mountFlags, fmt.Sprintf("mode=1777,size=%d,nr_inodes=%d", s.Scratch, scratchInodes(s.Scratch)))
	}
}

// scratchInodes gives one inode for every 4 KiB, as the kernel's default does,
// within bounds: each takes a kilobyte of the kernel's memory.
func scratchInodes(size int64) int64 { return min(max(size/4096, 64), 32<<10) }

func (p *plan) mount(kind, at string, flags uintptr, options string) {
	p.call(quoted("mount", "/"+at), unix.SYS_MOUNT, p.str(kind), p.str(at), p.str(kind), num(flags), p.str(options))
}

// leaveHost makes the working directory the root. pivot_root with twice the same
// directory stacks the old root on the new one, pivot_root(2), from where it is
// detached with everything below it.
func (p *plan) leaveHost(readOnly bool) {
	p.call("pivot the root", unix.SYS_PIVOT_ROOT, p.str("."), p.str("."))
	p.call("detach the host's root", unix.SYS_UMOUNT2, p.str("."), num(unix.MNT_DETACH))
	p.call("enter the new root", unix.SYS_CHDIR, p.str("/"))
	if !readOnly {
		return
	}
	p.call("make the root read-only", unix.SYS_MOUNT_SETATTR, here, p.str("/"), num(0),
		p.words(rootAttr|unix.MOUNT_ATTR_RDONLY, 0, 0, 0), num(32))
}
