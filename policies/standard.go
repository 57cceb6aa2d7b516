package policies

import (
	"slices"

	"golang.org/x/sys/unix"

	"lazaret.dev/lazaret/sandbox/seccomp"
)

// standard adds processes and threads, the environment's own programs, work in
// /scratch and /tmp, and sockets within the sandbox.
var standard = seccomp.Policy{
	Name:  "standard",
	Rules: slices.Concat(base, opening, ioctls, prctls, fcntls, archPrctl, processes, workFiles, localSockets, generatedCode),
}

// processes: the pid namespace and the pids limit are around them. Which files
// can be executed is decided by noexec mounts and Landlock.
var processes = []seccomp.Rule{
	seccomp.Call(seccomp.Notify, "kill", "tkill", "tgkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "pidfd_open").If(seccomp.Is(0, 1)).
		Because("the reaper, which no signal reaches anyway: the attempt is to be seen"),
	seccomp.Call(seccomp.Allow, "fork", "vfork", "kill", "tkill", "tgkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo",
		"pidfd_open", "pidfd_send_signal", "setpgid", "setsid", "sched_setaffinity", "sched_setscheduler", "sched_setparam", "setpriority"),
	seccomp.Call(seccomp.Watch, "execve").Because("programs outside the environment are to be seen"),
	seccomp.Call(seccomp.Allow, "clone").If(seccomp.LongBits(0, newNamespaces, 0)).Because("no namespaces"),
	seccomp.Call(seccomp.Watch, "execveat").If(seccomp.Bits(4, unix.AT_EMPTY_PATH, 0)).Because("a descriptor alone may be a memfd, which no mount option covers"),
	seccomp.Call(seccomp.Allow, "prlimit64", "setrlimit").If(seccomp.Is(0, 0)).Because("its own limits, which can only sink"),
	allowPrctl(unix.PR_SET_PDEATHSIG), allowPrctl(unix.PR_SET_CHILD_SUBREAPER), allowPrctl(unix.PR_GET_CHILD_SUBREAPER),
	seccomp.Call(seccomp.Allow, "personality").If(seccomp.Is(0, 0xffffffff)).Because("a question"),
}

const newNamespaces = unix.CLONE_NEWUSER | unix.CLONE_NEWPID | unix.CLONE_NEWNS | unix.CLONE_NEWNET |
	unix.CLONE_NEWIPC | unix.CLONE_NEWUTS | unix.CLONE_NEWCGROUP

// workFiles change the file tree; the mounts say where.
var workFiles = []seccomp.Rule{
	seccomp.Call(seccomp.Watch, "mkdir", "mkdirat", "rmdir", "unlink", "unlinkat", "rename", "renameat", "renameat2",
		"link", "linkat", "symlink", "symlinkat", "chmod", "fchmodat", "fchmodat2", "chown", "lchown", "fchownat", "creat", "truncate").
		Because("attempts outside the work space are to be seen"),
	seccomp.Call(seccomp.Allow, "fchmod", "fchown", "utime", "utimes", "utimensat", "futimesat", "ftruncate", "fallocate", "fsync", "fdatasync",
		"sync_file_range", "inotify_init", "inotify_init1", "inotify_rm_watch"),
	seccomp.Call(seccomp.Watch, "flock", "inotify_add_watch").Because("by a file that they share, sandboxes could signal each other"),
	seccomp.Call(seccomp.Allow, "mknod").If(seccomp.Bits(1, unix.S_IFMT, unix.S_IFIFO)).Because("os.mkfifo"),
	seccomp.Call(seccomp.Allow, "mknodat").If(seccomp.Bits(2, unix.S_IFMT, unix.S_IFIFO)).Because("os.mkfifo"),
	watchFcntl(unix.F_GETLK), watchFcntl(unix.F_SETLK), watchFcntl(unix.F_SETLKW),
	watchFcntl(unix.F_OFD_GETLK), watchFcntl(unix.F_OFD_SETLK), watchFcntl(unix.F_OFD_SETLKW),
	allowFcntl(unix.F_SETOWN), allowFcntl(unix.F_GETOWN),
}

// watchFcntl permits a lock as flock is permitted.
func watchFcntl(command uint32) seccomp.Rule {
	return seccomp.Call(seccomp.Watch, "fcntl").If(seccomp.Is(1, command))
}

// localSockets are of one family, whose addresses are files and names inside the
// sandbox: its network namespace bounds the abstract ones.
var localSockets = []seccomp.Rule{
	seccomp.Call(seccomp.Allow, "socket").If(seccomp.Is(0, unix.AF_UNIX)),
	seccomp.Call(seccomp.Watch, "connect").Because("a daemon of the host may be meant"),
	seccomp.Call(seccomp.Allow, "bind", "listen", "accept", "accept4", "sendto", "sendmsg", "sendmmsg", "recvmmsg", "setsockopt").
		Because("on AF_UNIX: there is no other socket"),
}

// threads permits threads of the one process, with what libraries do to place them.
var threads = []seccomp.Rule{
	seccomp.Call(seccomp.Allow, "clone").If(
		seccomp.LongBits(0, unix.CLONE_THREAD|newNamespaces, unix.CLONE_THREAD),
	).Because("CLONE_THREAD, without which clone makes a process"),
	seccomp.Call(seccomp.Allow, "sched_setaffinity").Because("numeric libraries pin their pool"),
}

// generatedCode permits compilers of the running program and foreign-function
// interfaces. A memfd must be one that can never be executed.
var generatedCode = []seccomp.Rule{
	seccomp.Call(seccomp.Allow, "mmap", "mprotect", "pkey_mprotect"),
	seccomp.Call(seccomp.Allow, "memfd_create").If(seccomp.Bits(1, unix.MFD_NOEXEC_SEAL, unix.MFD_NOEXEC_SEAL)),
}
