package sandbox

import (
	"path"
	"regexp"
	"strings"

	"golang.org/x/sys/unix"

	"lazaret.dev/lazaret/sandbox/seccomp"
)

// act is one stopped call with what was found in its memory.
type act struct {
	call  string
	args  [6]uint64
	files []file
}

// file is a path that a call names: absolute and clean, as far as its text tells.
type file struct {
	path   string
	access Access
	target string // where it leads, if that was followed and is elsewhere
}

// fileCall says where a call has its paths.
type fileCall struct {
	operands []operand
	flags    int // argument with open(2) flags, -1 when there is none
}

// operand is a path's argument and that of the directory it is relative to, or noDir.
type operand struct {
	dir, path int
	access    Access
}

const noDir = -1

func writes(dir, path int) fileCall {
	return fileCall{[]operand{{dir, path, Write}}, -1}
}

func reads(dir, path int) fileCall {
	return fileCall{[]operand{{dir, path, Read}}, -1}
}

var fileCalls = map[string]fileCall{
	"open": {[]operand{{noDir, 0, Read}}, 1}, "openat": {[]operand{{0, 1, Read}}, 2}, "creat": writes(noDir, 0),
	"execve": reads(noDir, 0), "execveat": reads(0, 1), "chroot": reads(noDir, 0),
	"mkdir": writes(noDir, 0), "mkdirat": writes(0, 1), "rmdir": writes(noDir, 0),
	"unlink": writes(noDir, 0), "unlinkat": writes(0, 1),
	"rename":    {[]operand{{noDir, 0, Write}, {noDir, 1, Write}}, -1},
	"renameat":  {[]operand{{0, 1, Write}, {2, 3, Write}}, -1},
	"renameat2": {[]operand{{0, 1, Write}, {2, 3, Write}}, -1},
	"link":      {[]operand{{noDir, 0, Read}, {noDir, 1, Write}}, -1},
	"linkat":    {[]operand{{0, 1, Read}, {2, 3, Write}}, -1},
	"symlink":   writes(noDir, 1), "symlinkat": writes(1, 2),
	"chmod": writes(noDir, 0), "fchmodat": writes(0, 1), "fchmodat2": writes(0, 1),
	"chown": writes(noDir, 0), "lchown": writes(noDir, 0), "fchownat": writes(0, 1),
	"truncate": writes(noDir, 0), "mknod": writes(noDir, 0), "mknodat": writes(0, 1),
	"inotify_add_watch": {[]operand{{noDir, 1, Share}}, -1},
	"utime":             writes(noDir, 0), "utimes": writes(noDir, 0), "utimensat": writes(0, 1), "futimesat": writes(0, 1),
}

const openToWrite = unix.O_WRONLY | unix.O_RDWR | unix.O_CREAT | unix.O_TRUNC

// observe reads what a stopped call's arguments point to.
func observe(name string, n seccomp.Notification) act {
	m := memory{n.PID}
	a := act{call: name, args: n.Args}
	if c, ok := fileCalls[name]; ok {
		a.files = c.files(m, n.Args)
	}
	if name == "flock" || name == "fcntl" {
		a.files = []file{{m.directory(n.Args[0]), Share, ""}}
	}
	if name == "connect" {
		if to := m.address(n.Args[1], n.Args[2]); to.path != "" {
			a.files = []file{{absolute(m, unix.AT_FDCWD&0xffffffff, to.path), Read, ""}}
		}
	}
	return a
}

func (c fileCall) files(m memory, args [6]uint64) []file {
	var files []file
	for _, o := range c.operands {
		text := m.text(args[o.path])
		if text == "" {
			continue
		}
		dir := uint64(unix.AT_FDCWD & 0xffffffff)
		if o.dir != noDir {
			dir = args[o.dir]
		}
		access := o.access
		if c.flags >= 0 && args[c.flags]&openToWrite != 0 {
			access = Write
		}
		files = append(files, file{absolute(m, dir, text), access, ""})
	}
	return files
}

// throughProc is a detour by which a path leads back to where it started; pid 1
// is not the program's.
var (
	throughProc = regexp.MustCompile(`^(/proc/(self|thread-self|[2-9]|[0-9]{2,})(/task/[0-9]+)?/root)+(/|$)`)
	nothing     = regexp.MustCompile(`/(\./|/)+`)
)

// absolute makes a path whole. One whose start is unknown is left as it is, which
// no pattern matches.
func absolute(m memory, dir uint64, text string) string {
	if !strings.HasPrefix(text, "/") {
		from := m.directory(dir)
		if from == "" {
			return text
		}
		text = path.Join(from, text)
	}
	if strings.Contains(text, "proc/") { // before "..", which leads elsewhere from a link's target
		text = throughProc.ReplaceAllString(nothing.ReplaceAllString(text, "/"), "/")
	}
	return path.Clean(text)
}
