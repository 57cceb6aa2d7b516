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
	Rules: slices.Concat(base, ioctls, prctls, fcntls, archPrctl, processes, workFiles, localSockets, generatedCode),
}

// processes: the pid namespace and the pids limit are around them. Which files
// can be executed is decided by noexec mounts and Landlock.
var processes = []seccomp.Rule{
	seccomp.Call(seccomp.Allow, "fork", "vfork", "execve", "kill", "tkill", "tgkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo",
		"pidfd_open", "pidfd_send_signal", "setpgid", "setsid", "sched_setaffinity", "sched_setscheduler", "sched_setparam", "setpriority"),
	seccomp.Call(seccomp.Allow, "clone").If(seccomp.LongBits(0, newNamespaces, 0)).Because("no namespaces"),
	seccomp.Call(seccomp.Allow, "execveat").If(seccomp.Bits(4, unix.AT_EMPTY_PATH, 0)).Because("a descriptor alone may be a memfd, which no mount option covers"),
	seccomp.Call(seccomp.Allow, "prlimit64", "setrlimit").If(seccomp.Is(0, 0)).Because("its own limits, which can only sink"),
	seccomp.Call(seccomp.Allow, "prctl").If(seccomp.Is(0, unix.PR_SET_PDEATHSIG)),
	seccomp.Call(seccomp.Allow, "personality").If(seccomp.Is(0, 0xffffffff)).Because("a question"),
}

const newNamespaces = unix.CLONE_NEWUSER | unix.CLONE_NEWPID | unix.CLONE_NEWNS | unix.CLONE_NEWNET |
	unix.CLONE_NEWIPC | unix.CLONE_NEWUTS | unix.CLONE_NEWCGROUP

// workFiles change the file tree; the mounts say where.
var workFiles = []seccomp.Rule{
	seccomp.Call(seccomp.Allow, "mkdir", "mkdirat", "rmdir", "unlink", "unlinkat", "rename", "renameat", "renameat2",
		"link", "linkat", "symlink", "symlinkat", "chmod", "fchmod", "fchmodat", "fchmodat2", "chown", "fchown", "lchown", "fchownat",
		"utime", "utimes", "utimensat", "futimesat", "creat", "truncate", "ftruncate", "fallocate", "fsync", "fdatasync",
		"sync_file_range", "flock", "inotify_init", "inotify_init1", "inotify_add_watch", "inotify_rm_watch"),
	seccomp.Call(seccomp.Allow, "mknod").If(seccomp.Bits(1, unix.S_IFMT, unix.S_IFIFO)).Because("os.mkfifo"),
	seccomp.Call(seccomp.Allow, "mknodat").If(seccomp.Bits(2, unix.S_IFMT, unix.S_IFIFO)).Because("os.mkfifo"),
	allowFcntl(unix.F_GETLK), allowFcntl(unix.F_SETLK), allowFcntl(unix.F_SETLKW),
	allowFcntl(unix.F_OFD_GETLK), allowFcntl(unix.F_OFD_SETLK), allowFcntl(unix.F_OFD_SETLKW),
	allowFcntl(unix.F_SETOWN), allowFcntl(unix.F_GETOWN),
}

// localSockets are of one family, whose addresses are files and names inside the
// sandbox: its network namespace bounds the abstract ones.
var localSockets = []seccomp.Rule{
	seccomp.Call(seccomp.Allow, "socket").If(seccomp.Is(0, unix.AF_UNIX)),
	seccomp.Call(seccomp.Allow, "bind", "listen", "accept", "accept4", "connect", "sendto", "sendmsg", "sendmmsg", "recvmmsg", "setsockopt").
		Because("on AF_UNIX: there is no other socket"),
}

// generatedCode permits compilers of the running program and foreign-function
// interfaces. A memfd must be one that can never be executed.
var generatedCode = []seccomp.Rule{
	seccomp.Call(seccomp.Allow, "mmap", "mprotect", "pkey_mprotect"),
	seccomp.Call(seccomp.Allow, "memfd_create").If(seccomp.Bits(1, unix.MFD_NOEXEC_SEAL, unix.MFD_NOEXEC_SEAL)),
}
