package policies

import (
	"golang.org/x/sys/unix"

	"lazaret.dev/lazaret/sandbox/seccomp"
)

// base is what every level permits: reading what is mounted, computing, waiting,
// and talking over descriptors that are already there.
var base = []seccomp.Rule{
	// Descriptors, once there; see opening.go for opening them.
	seccomp.Call(seccomp.Allow, "read", "write", "readv", "writev", "pread64", "pwrite64", "preadv", "pwritev", "preadv2", "pwritev2",
		"close", "close_range", "lseek", "dup", "dup2", "dup3", "pipe", "pipe2", "fadvise64", "readahead"),
	seccomp.Call(seccomp.Allow, "stat", "fstat", "lstat", "newfstatat", "statx", "statfs", "fstatfs", "access", "faccessat", "faccessat2",
		"readlink", "readlinkat", "getdents", "getdents64", "getcwd", "chdir", "fchdir", "umask"),
	seccomp.Call(seccomp.Allow, "poll", "ppoll", "select", "pselect6", "epoll_create", "epoll_create1", "epoll_ctl", "epoll_wait",
		"epoll_pwait", "epoll_pwait2", "eventfd", "eventfd2", "signalfd", "signalfd4",
		"timerfd_create", "timerfd_settime", "timerfd_gettime"),
	seccomp.Call(seccomp.Allow, "sendfile", "copy_file_range"),

	// Memory. mmap and mprotect differ by level.
	seccomp.Call(seccomp.Allow, "brk", "munmap", "mremap", "madvise", "msync", "mincore", "membarrier", "mseal"),

	// Threads' needs, which a single thread has as well.
	seccomp.Call(seccomp.Allow, "futex", "futex_waitv", "futex_wake", "futex_wait", "futex_requeue", "set_robust_list", "get_robust_list",
		"set_tid_address", "rseq", "sched_yield", "gettid", "getcpu"),

	// SIGSYS stands for a call through a foreign ABI: a program that sends it to
	// itself would be taken for one.
	seccomp.Call(seccomp.Notify, "kill", "tkill", "rt_sigqueueinfo", "pidfd_send_signal").If(seccomp.Is(1, uint32(unix.SIGSYS))),
	seccomp.Call(seccomp.Notify, "tgkill", "rt_tgsigqueueinfo").If(seccomp.Is(2, uint32(unix.SIGSYS))),

	// Signals to oneself and time.
	seccomp.Call(seccomp.Allow, "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "rt_sigpending", "rt_sigtimedwait", "rt_sigsuspend",
		"sigaltstack", "restart_syscall", "pause", "alarm", "getitimer", "setitimer",
		"timer_create", "timer_settime", "timer_gettime", "timer_getoverrun", "timer_delete"),
	seccomp.Call(seccomp.Allow, "clock_gettime", "clock_getres", "clock_nanosleep", "nanosleep", "gettimeofday", "time", "times"),

	// Asking about oneself and the machine.
	seccomp.Call(seccomp.Allow, "getpid", "getppid", "getuid", "geteuid", "getgid", "getegid", "getresuid", "getresgid", "getgroups",
		"getpgrp", "getpgid", "getsid", "capget", "uname", "sysinfo", "getrusage", "getrlimit", "getpriority", "getrandom",
		"sched_getaffinity", "sched_getparam", "sched_getscheduler", "sched_getattr", "sched_get_priority_max",
		"sched_get_priority_min", "sched_rr_get_interval"),
	seccomp.Call(seccomp.Allow, "prlimit64").If(seccomp.IsNull(2)).Because("reading a limit; setting one has a pointer here"),

	seccomp.Call(seccomp.Allow, "exit", "exit_group", "wait4", "waitid"),

	// A pair of sockets connected to each other: asyncio wakes itself up through one.
	seccomp.Call(seccomp.Allow, "socketpair").If(seccomp.Is(0, unix.AF_UNIX)),
	seccomp.Call(seccomp.Allow, "recvfrom", "recvmsg", "shutdown", "getsockopt", "getsockname", "getpeername"),
	seccomp.Call(seccomp.Allow, "sendto").If(seccomp.IsNull(4)).Because("to the peer; an address would be a pointer here"),

	// What libraries probe and live without.
	seccomp.Call(seccomp.Errno(unix.ENOSYS), "clone3").Because("its flags are in memory, out of a filter's sight; the C library falls back to clone"),
	seccomp.Call(seccomp.Errno(unix.ENOSYS), "openat2", "map_shadow_stack", "cachestat", "get_mempolicy", "pkey_alloc", "pkey_free"),
	seccomp.Call(seccomp.Errno(unix.ENOTSUP), "getxattr", "lgetxattr", "fgetxattr", "listxattr", "llistxattr", "flistxattr",
		"setxattr", "lsetxattr", "fsetxattr", "removexattr", "lremovexattr", "fremovexattr").Because("shutil copies them where it can"),
}

// ioctls are those for any descriptor, or that ask a terminal what it is; none
// that writes to one (TIOCSTI, TIOCLINUX).
var ioctls = []seccomp.Rule{
	allowIoctl(unix.TCGETS), allowIoctl(unix.TIOCGWINSZ), allowIoctl(unix.TIOCGPGRP), allowIoctl(unix.TIOCINQ),
	allowIoctl(fioclex), allowIoctl(fionclex), allowIoctl(fionbio),
	seccomp.Call(seccomp.Errno(unix.EOPNOTSUPP), "ioctl").If(seccomp.Is(1, unix.FICLONE)).Because("file copying tries it first"),
}

// From asm-generic/ioctls.h. TIOCINQ is FIONREAD.
const (
	fionclex = 0x5450
	fioclex  = 0x5451
	fionbio  = 0x5421
)

func allowIoctl(request uint32) seccomp.Rule {
	return seccomp.Call(seccomp.Allow, "ioctl").If(seccomp.Is(1, request))
}

// prctls name the thread and ask questions. None changes what the process may do.
var prctls = []seccomp.Rule{
	allowPrctl(unix.PR_SET_NAME), allowPrctl(unix.PR_GET_NAME), allowPrctl(unix.PR_GET_DUMPABLE), allowPrctl(unix.PR_GET_PDEATHSIG),
	allowPrctl(unix.PR_GET_SECCOMP), allowPrctl(unix.PR_GET_NO_NEW_PRIVS), allowPrctl(unix.PR_CAPBSET_READ),
	allowPrctl(unix.PR_GET_TIMERSLACK), allowPrctl(unix.PR_GET_KEEPCAPS), allowPrctl(unix.PR_GET_SECUREBITS),
	allowPrctl(unix.PR_SET_VMA).Because("the allocator names its mappings"),
}

func allowPrctl(option uint32) seccomp.Rule {
	return seccomp.Call(seccomp.Allow, "prctl").If(seccomp.Is(0, option))
}

// fcntls work on the descriptor alone. Locks and leases act on the file, which
// other sandboxes share: they differ by level.
var fcntls = []seccomp.Rule{
	allowFcntl(unix.F_DUPFD), allowFcntl(unix.F_DUPFD_CLOEXEC), allowFcntl(unix.F_GETFD), allowFcntl(unix.F_SETFD),
	allowFcntl(unix.F_GETFL), allowFcntl(unix.F_SETFL), allowFcntl(unix.F_GETPIPE_SZ), allowFcntl(unix.F_SETPIPE_SZ),
	allowFcntl(unix.F_GET_SEALS), allowFcntl(unix.F_ADD_SEALS),
}

func allowFcntl(command uint32) seccomp.Rule {
	return seccomp.Call(seccomp.Allow, "fcntl").If(seccomp.Is(1, command))
}

// archPrctl sets a thread's base register, on x86-64; the C library also asks
// there for what the processor has.
var archPrctl = []seccomp.Rule{
	seccomp.Call(seccomp.Allow, "arch_prctl").If(seccomp.Is(0, archSetFS)),
	seccomp.Call(seccomp.Allow, "arch_prctl").If(seccomp.Is(0, archGetFS)),
	seccomp.Call(seccomp.Errno(unix.EINVAL), "arch_prctl"),
}

// From asm/prctl.h.
const (
	archSetFS = 0x1002
	archGetFS = 0x1003
)
