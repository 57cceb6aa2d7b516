package sandbox

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"lazaret.dev/lazaret/sandbox/seccomp"
)

// Class is a kind of act and what it says about a program. The acts of one class
// are system calls by name, narrowed by their registers and by the file they name.
type Class struct {
	Name     string
	Type     ViolationType
	Severity Severity // 0: not worth a record when the call was permitted
	Calls    string   // names, separated by spaces; empty means every call
	When     []seccomp.Condition
	Access   Access
	Paths    string // patterns, see pattern; empty means any act, with or without a path
	// Hidden classes hold also for a path that exists: the worker sees it in
	// the sandbox's /proc, where the program does not.
	Hidden bool
}

// Access is what a call wants of the file it names.
type Access int

// The kinds of access.
const (
	AnyAccess Access = iota
	Read
	Write // create, change or remove
	Share // lock or watch the file itself, whatever its content
)

const newNamespaces = unix.CLONE_NEWUSER | unix.CLONE_NEWPID | unix.CLONE_NEWNS | unix.CLONE_NEWNET |
	unix.CLONE_NEWIPC | unix.CLONE_NEWUTS | unix.CLONE_NEWCGROUP

// Classes are tried in order; the first that fits an act decides. This table is
// the only place that says what a denied act means.
//
// A denied call that no class names is an unauthorized system call of medium
// severity. A permitted one is judged by the classes with paths alone.
func Classes() []Class { return classes }

var classes = []Class{
	// What honest libraries look at or leave behind without harm.
	{
		Name: "machine facts", Type: UnauthorizedFileAccess, Access: Read,
		Paths: "/sys/devices/system/cpu/** /sys/devices/system/node/** /sys/fs/cgroup/** /sys/kernel/mm/** /sys/devices/virtual/dmi/** " +
			"/proc/sys/vm/* /proc/sys/kernel/* /proc/*/cgroup /proc/*/mountinfo /var/cache/** /var/lib/locales/**",
	},
	{
		Name: "name-service daemon", Type: UnauthorizedFileAccess, Access: Read,
		Paths: "/var/run/nscd/** /run/nscd/** /run/systemd/userdb/** /var/lib/sss/** /var/db/**",
	},
	{Name: "terminals and streams", Type: UnauthorizedFileAccess, Severity: Low, Paths: "/dev/tty /dev/console /dev/ptmx /dev/pts/** /dev/stdin /dev/stdout /dev/stderr /dev/fd/** /dev/log"},
	{
		Name: "places for temporary files and caches", Type: UnauthorizedFileAccess, Severity: Low, Access: Write,
		Paths: "/* /tmp/** /scratch/** /var/tmp/** /usr/tmp/** /dev/shm/** **/__pycache__/** **/.cache/**",
	},

	// Files of the work space are a sandbox's own; all others are the same files in
	// all sandboxes, and what is done to them shows there. The supervisor itself
	// refuses these acts, since nothing else does.
	{Name: "files in memory", Type: UnauthorizedFileAccess, Access: Share, Paths: "/memfd:*"},
	{Name: "signals by a shared file", Type: UnauthorizedFileAccess, Severity: Medium, Access: Share, Paths: "/**"},

	// The host's secrets and the ways to its daemons.
	{
		Name: "host secrets", Type: UnauthorizedFileAccess, Severity: High,
		Paths: "/etc/shadow /etc/shadow- /etc/gshadow /etc/gshadow- /etc/sudoers /etc/sudoers.d/** /etc/ssh/** /etc/ssl/private/** " +
			"/etc/kubernetes/** /etc/lazaret/** /var/lib/lazaret/** **/lazaret/*.token /run/secrets/** /var/run/secrets/** /run/credentials/** " +
			"**/.ssh/** **/.aws/** **/.azure/** **/.kube/** **/.docker/** **/.gnupg/** **/.config/gcloud/** **/.netrc **/.git-credentials **/.pgpass **/id_rsa **/id_ed25519",
	},
	{
		Name: "sockets of the host's daemons", Type: UnauthorizedFileAccess, Severity: High,
		Paths: "/run/docker.sock /var/run/docker.sock /run/libvirt/** /var/run/libvirt/** /run/containerd/** /var/run/containerd/** " +
			"/run/podman/** /var/run/podman/** /run/crio/** /var/run/crio/** /run/dbus/** /var/run/dbus/** /run/systemd/** /run/user/**",
	},
	{Name: "other processes", Type: UnauthorizedFileAccess, Severity: High, Hidden: true, Paths: "/proc/1 /proc/1/**"},
	{
		Name: "kernel memory and controls", Type: UnauthorizedFileAccess, Severity: High,
		Paths: "/proc/kcore /proc/kmsg /proc/kallsyms /proc/kpage* /proc/keys /proc/key-users /proc/sysrq-trigger /proc/sys/** /proc/bus/** /proc/scsi/** /proc/acpi/** " +
			"/sys/kernel/** /sys/fs/bpf/** /sys/firmware/** /sys/module/** /dev/mem /dev/kmem /dev/port /dev/kmsg /dev/kvm /dev/vsock /dev/fuse /dev/net/** " +
			"/dev/sd* /dev/vd* /dev/nvme* /dev/dm-* /dev/mapper/** /dev/loop* /dev/input/** /dev/hwrng /dev/uinput /dev/vhost-*",
	},
	{Name: "other processes", Type: UnauthorizedFileAccess, Severity: Medium, Paths: "/proc/[0-9]*/**"},
	{
		Name: "the host's people and services", Type: UnauthorizedFileAccess, Severity: Medium, Access: Read,
		Paths: "/root/** /home/** /run/** /var/** /boot/** /srv/** /mnt/** /media/** /host/** /sys/** /dev/** /old_root/**",
	},
	{
		Name: "system files", Type: UnauthorizedFileAccess, Severity: Medium, Access: Write,
		Paths: "/etc/** /usr/** /bin/** /sbin/** /lib/** /lib64/** /lib32/** /libx32/** /proc/** /sys/** /dev/** /root/** /home/** /run/** /var/** /boot/** /srv/** /opt/**",
	},
	{
		Name: "programs outside the environment", Type: UnauthorizedFileAccess, Severity: Medium, Hidden: true,
		Calls: "execve execveat", Paths: "/scratch/** /tmp/** /dev/** /proc/**",
	},
	{Name: "writing outside the work space", Type: UnauthorizedFileAccess, Severity: Low, Access: Write, Paths: "/**"},

	// The kernel's own surface. No honest program comes near it.
	{
		Name: "kernel surface", Type: UnauthorizedSystemCall, Severity: Critical,
		Calls: "bpf perf_event_open userfaultfd init_module finit_module delete_module kexec_load kexec_file_load " +
			"reboot swapon swapoff iopl ioperm modify_ldt io_uring_setup io_uring_enter io_uring_register open_by_handle_at " +
			"acct quotactl quotactl_fd syslog settimeofday clock_settime clock_adjtime adjtimex vm86 uselib lookup_dcookie nfsservctl",
	},
	{
		Name: "other processes and filters", Type: UnauthorizedSystemCall, Severity: High,
		Calls: "ptrace process_vm_readv process_vm_writev process_madvise process_mrelease pidfd_getfd kcmp " +
			"add_key request_key keyctl seccomp personality landlock_create_ruleset landlock_add_rule landlock_restrict_self",
	},
	{
		Name: "namespaces and mounts", Type: UnauthorizedSystemCall, Severity: High,
		Calls: "unshare setns mount umount2 pivot_root chroot move_mount open_tree open_tree_attr fsopen fsconfig fsmount fspick mount_setattr " +
			"statmount listmount name_to_handle_at fanotify_init fanotify_mark",
	},
	{
		Name: "namespaces and mounts", Type: UnauthorizedSystemCall, Severity: High,
		Calls: "clone", When: []seccomp.Condition{{Arg: 0, Width: seccomp.Long, Mask: newNamespaces, Not: true}},
	},
	{
		Name: "terminal injection", Type: UnauthorizedSystemCall, Severity: High,
		Calls: "ioctl", When: []seccomp.Condition{seccomp.Is(1, unix.TIOCSTI)},
	},
	{
		Name: "terminal injection", Type: UnauthorizedSystemCall, Severity: High,
		Calls: "ioctl", When: []seccomp.Condition{seccomp.Is(1, tioclinux)},
	},
	{
		Name: "identity and capabilities", Type: InvalidPermission, Severity: High,
		Calls: "setuid setgid setreuid setregid setresuid setresgid setgroups setfsuid setfsgid capset",
	},
	{
		Name: "identity and capabilities", Type: InvalidPermission, Severity: Medium,
		Calls: "sethostname setdomainname vhangup",
	},
	{Name: "own protections", Type: InvalidPermission, Severity: High, Calls: "prctl", When: []seccomp.Condition{seccomp.Is(0, unix.PR_SET_DUMPABLE)}},
	{Name: "own protections", Type: InvalidPermission, Severity: High, Calls: "prctl", When: []seccomp.Condition{seccomp.Is(0, unix.PR_SET_PTRACER)}},
	{Name: "own protections", Type: InvalidPermission, Severity: High, Calls: "prctl", When: []seccomp.Condition{seccomp.Is(0, unix.PR_SET_SECCOMP)}},
	{Name: "own protections", Type: InvalidPermission, Severity: High, Calls: "prctl", When: []seccomp.Condition{seccomp.Is(0, unix.PR_CAP_AMBIENT)}},

	{Name: "the hypervisor's sockets", Type: UnauthorizedNetworkAccess, Severity: High, // not contained by an empty network namespace
		Calls: "socket socketpair", When: []seccomp.Condition{seccomp.Is(0, unix.AF_VSOCK)}},
	{Name: "the kernel's network configuration", Type: UnauthorizedNetworkAccess, Severity: Medium, // the C library asks it about addresses
		Calls: "socket", When: []seccomp.Condition{seccomp.Is(0, unix.AF_NETLINK)}},
	{
		Name: "raw and packet sockets", Type: UnauthorizedNetworkAccess, Severity: High,
		Calls: "socket", When: []seccomp.Condition{seccomp.Is(0, unix.AF_PACKET)},
	},
	{
		Name: "raw and packet sockets", Type: UnauthorizedNetworkAccess, Severity: High,
		Calls: "socket", When: []seccomp.Condition{seccomp.Bits(1, 0xf, unix.SOCK_RAW)},
	},
	{Name: "local sockets", Type: UnauthorizedNetworkAccess, Severity: Low, // the C library asks a name-service daemon before it reads /etc/passwd
		Calls: "socket", When: []seccomp.Condition{seccomp.Is(0, unix.AF_UNIX)}},
	{
		Name: "network", Type: UnauthorizedNetworkAccess, Severity: Medium,
		Calls: "socket socketpair connect bind listen accept accept4 sendto sendmsg sendmmsg recvmmsg setsockopt",
	},

	{Name: "threads", Type: UnauthorizedSystemCall, Severity: Low, // numeric libraries start a pool and live without one
		Calls: "clone", When: []seccomp.Condition{{Arg: 0, Width: seccomp.Long, Mask: unix.CLONE_THREAD, Value: unix.CLONE_THREAD}}},

	// The mounts refuse these already; programs that try to cache something do them.
	{
		Name: "changes to the file tree", Type: UnauthorizedFileAccess, Severity: Low,
		Calls: "mkdir mkdirat rmdir unlink unlinkat rename renameat renameat2 link linkat symlink symlinkat " +
			"chmod fchmod fchmodat fchmodat2 chown fchown lchown fchownat utime utimes utimensat futimesat truncate ftruncate fallocate " +
			"creat flock sync syncfs fsync fdatasync",
	},
	{Name: "device nodes", Type: UnauthorizedFileAccess, Severity: Medium, Calls: "mknod mknodat"},
	{
		Name: "own limits and priorities", Type: ResourceLimitExceeded, Severity: Low,
		Calls: "setrlimit prlimit64 setpriority sched_setscheduler sched_setparam sched_setattr sched_setaffinity ioprio_set " +
			"mlock mlock2 mlockall mbind set_mempolicy migrate_pages move_pages",
	},
}

// tioclinux is TIOCLINUX, asm-generic/ioctls.h: it pastes into a console.
const tioclinux = 0x541c

// rule is a class made ready for matching.
type rule struct {
	Class
	calls map[string]bool
	paths []pattern
}

var classRules = indexClasses()

func indexClasses() []rule {
	rules := make([]rule, len(classes))
	for i, c := range classes {
		rules[i] = rule{Class: c, calls: map[string]bool{}}
		for name := range strings.FieldsSeq(c.Calls) {
			rules[i].calls[name] = true
		}
		for p := range strings.FieldsSeq(c.Paths) {
			rules[i].paths = append(rules[i].paths, newPattern(p))
		}
	}
	return rules
}

// String tells which acts a class holds, for people.
func (c Class) String() string {
	var parts []string
	if c.Calls != "" {
		parts = append(parts, "`"+c.Calls+"`")
	}
	for _, w := range c.When {
		operator := "is"
		if w.Not {
			operator = "is not"
		}
		masked := ""
		if w.Mask != 0 {
			masked = fmt.Sprintf(" masked by %#x", w.Mask)
		}
		parts = append(parts, fmt.Sprintf("argument %d%s %s %#x", w.Arg, masked, operator, w.Value))
	}
	if c.Access != AnyAccess {
		parts = append(parts, map[Access]string{Read: "reading", Write: "writing", Share: "locking or watching"}[c.Access])
	}
	if c.Paths != "" {
		parts = append(parts, "`"+c.Paths+"`")
	}
	return strings.Join(parts, ", ")
}
