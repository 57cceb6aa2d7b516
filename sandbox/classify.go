package sandbox

import (
	"strings"

	"golang.org/x/sys/unix"
	"lazaret.dev/lazaret/sandbox/seccomp"
)

// class is what a denied call means.
type class struct {
	violation ViolationType
	severity  Severity
	calls     string
}

// classes sorts denied calls. What it does not list is an unauthorized system
// call of medium severity.
var classes = []class{
	// The kernel's own surface. No honest program comes near it.
	{UnauthorizedSystemCall, Critical, "bpf perf_event_open userfaultfd init_module finit_module delete_module kexec_load kexec_file_load " +
		"reboot swapon swapoff iopl ioperm modify_ldt io_uring_setup io_uring_enter io_uring_register open_by_handle_at " +
		"acct quotactl quotactl_fd syslog settimeofday clock_settime clock_adjtime adjtimex vm86 uselib lookup_dcookie nfsservctl"},
	// Ways into other processes or out of namespaces.
	{UnauthorizedSystemCall, High, "ptrace process_vm_readv process_vm_writev process_madvise pidfd_getfd kcmp unshare setns " +
		"mount umount2 pivot_root chroot move_mount open_tree open_tree_attr fsopen fsconfig fsmount fspick mount_setattr " +
		"add_key request_key keyctl seccomp personality name_to_handle_at fanotify_init fanotify_mark " +
		"landlock_create_ruleset landlock_add_rule landlock_restrict_self"},
	{InvalidPermission, High, "setuid setgid setreuid setregid setresuid setresgid setgroups setfsuid setfsgid capset"},
	{UnauthorizedNetworkAccess, Medium, "socket socketpair connect bind listen accept accept4 sendto sendmsg sendmmsg recvmmsg setsockopt"},
	// The mounts refuse these already; programs that try to cache something do them.
	{UnauthorizedFileAccess, Low, "mkdir mkdirat rmdir unlink unlinkat rename renameat renameat2 link linkat symlink symlinkat " +
		"chmod fchmod fchmodat fchmodat2 chown fchown lchown fchownat utime utimes utimensat futimesat truncate ftruncate fallocate " +
		"creat flock sync syncfs fsync fdatasync"},
	{UnauthorizedFileAccess, Medium, "mknod mknodat"},
	{ResourceLimitExceeded, Low, "setrlimit prlimit64 setpriority sched_setscheduler sched_setparam sched_setattr sched_setaffinity ioprio_set " +
		"mlock mlock2 mlockall mbind set_mempolicy migrate_pages move_pages"},
}

var classOf = indexClasses()

func indexClasses() map[string]class {
	index := map[string]class{}
	for _, c := range classes {
		for _, name := range strings.Fields(c.calls) {
			index[name] = c
		}
	}
	return index
}

// classify says what a denied call means, from its registers alone.
func classify(name string, n seccomp.Notification) Violation {
	v := Violation{Type: UnauthorizedSystemCall, Severity: Medium, Detail: describe(name, n.Args)}
	if c, ok := classOf[name]; ok {
		v.Type, v.Severity = c.violation, c.severity
	}
	switch {
	case name == "clone" && n.Args[0]&newNamespaces != 0:
		v.Severity = High
	case name == "clone" && n.Args[0]&unix.CLONE_THREAD != 0:
		v.Severity = Low // numeric libraries start a pool and live without one
	case name == "socket" && n.Args[0] == unix.AF_UNIX:
		v.Severity = Low // the C library asks a name-service daemon before it reads /etc/passwd
	case name == "socket" && n.Args[0] == unix.AF_VSOCK:
		v.Severity = High // the one family that an empty network namespace does not contain
	}
	return v
}

const newNamespaces = unix.CLONE_NEWUSER | unix.CLONE_NEWPID | unix.CLONE_NEWNS | unix.CLONE_NEWNET |
	unix.CLONE_NEWIPC | unix.CLONE_NEWUTS | unix.CLONE_NEWCGROUP
