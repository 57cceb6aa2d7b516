package sandboxtest

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"lazaret.dev/lazaret/sandbox/seccomp"
)

// The circumstances.
const (
	// User is an ordinary one, UserID, without any capability or cgroup.
	User = "user"
	// Nobody is an ordinary user whom the machine's user database knows.
	Nobody = "nobody-user"
	// UserNoLandlock is an ordinary user, with no_new_privs, on a kernel without Landlock.
	UserNoLandlock = "user-no-landlock"
	// DelegatedUser has a part of the unified cgroup hierarchy to divide. Its
	// controllers are those that this machine has there, which may be none.
	DelegatedUser = "delegated-user"
	// DeniedNamespaces is root where a filter forbids user namespaces alone.
	DeniedNamespaces = "denied-namespaces"
	// NoNamespaces is root of a user namespace in which no other may be made.
	NoNamespaces = "no-namespaces"
	// FewIDs is root of a user namespace with 65536 ids, as rootless containers have.
	FewIDs = "few-ids"
	// OneID is root of a user namespace with itself alone.
	OneID = "one-id"
	// MaskedProc is root where parts of /proc are covered.
	MaskedProc = "masked-proc"
	// ReadOnlyGroups is root where the cgroup mounts are read-only.
	ReadOnlyGroups = "read-only-groups"
	// NoGroups is root where no cgroup hierarchy is mounted.
	NoGroups = "no-groups"
	// Docker is root in what Docker makes by default: its capabilities, its
	// filter's denials, masked /proc, read-only cgroups.
	Docker = "docker"
	// DockerAdmin is the same with --cap-add SYS_ADMIN, by which Docker's filter
	// permits namespaces and mounts.
	DockerAdmin = "docker-admin"
	// UnfilteredDocker is Docker with --security-opt seccomp=unconfined and
	// systempaths=unconfined.
	UnfilteredDocker = "unfiltered-docker"
	// TakenListener is root under a filter with a listener, as system-call
	// interception makes it: the kernel has room for one.
	TakenListener = "taken-listener"
	// RootAlone is root that can become nobody else.
	RootAlone = "root-alone"
	// NoLandlock is root where a filter knows no Landlock calls.
	NoLandlock = "no-landlock"
)

// UserID is the ordinary user's, and its group's.
const UserID = 12345

// NobodyID is Nobody's, and its group's.
const NobodyID = 65534

// circumstance is what makes one. The changes happen in their order, by a process
// in the namespaces, under the user.
type circumstance struct {
	namespaces   uintptr
	firstID, ids int // of the user namespace, from 0
	user         *syscall.Credential
	delegated    bool
	changes      []func() error
	env          []string
}

var ordinary = &syscall.Credential{Uid: UserID, Gid: UserID}

const allIDs = 1<<32 - 1

var circumstances = map[string]circumstance{
	User:             {user: ordinary},
	Nobody:           {user: &syscall.Credential{Uid: NobodyID, Gid: NobodyID}},
	UserNoLandlock:   {user: ordinary, changes: []func() error{noNewPrivileges, filter(denyLandlock...)}},
	DelegatedUser:    {user: ordinary, delegated: true},
	DeniedNamespaces: {changes: []func() error{filter(denyUserNamespaces...)}},
	NoNamespaces:     {namespaces: unix.CLONE_NEWUSER, ids: allIDs, changes: []func() error{noMoreNamespaces}},
	FewIDs:           {namespaces: unix.CLONE_NEWUSER, firstID: 100000, ids: 65536},
	OneID:            {namespaces: unix.CLONE_NEWUSER, firstID: UserID, ids: 1},
	MaskedProc:       {namespaces: unix.CLONE_NEWNS, changes: []func() error{private, mask}},
	ReadOnlyGroups:   {namespaces: unix.CLONE_NEWNS, changes: []func() error{private, readOnlyGroups}},
	NoGroups:         {namespaces: unix.CLONE_NEWNS, changes: []func() error{private, noGroups}},
	Docker: {
		namespaces: unix.CLONE_NEWNS | unix.CLONE_NEWPID, env: []string{"container=docker"},
		changes: []func() error{private, ownProc, mask, readOnlyGroups, filter(dockerDenials...), capabilities(dockerCapabilities...)},
	},
	DockerAdmin: {
		namespaces: unix.CLONE_NEWNS | unix.CLONE_NEWPID, env: []string{"container=docker"},
		changes: []func() error{private, ownProc, mask, readOnlyGroups, capabilities(append(dockerCapabilities, unix.CAP_SYS_ADMIN)...)},
	},
	UnfilteredDocker: {
		namespaces: unix.CLONE_NEWNS | unix.CLONE_NEWPID, env: []string{"container=docker"},
		changes: []func() error{private, ownProc, readOnlyGroups, capabilities(dockerCapabilities...)},
	},
	RootAlone:     {changes: []func() error{capabilities(unix.CAP_SYS_ADMIN, unix.CAP_NET_ADMIN, unix.CAP_DAC_OVERRIDE)}},
	TakenListener: {changes: []func() error{takeListener}},
	NoLandlock:    {changes: []func() error{filter(denyLandlock...)}},
}

// Circumstances lists their names, in alphabetical order.
func Circumstances() []string { return slices.Sorted(maps.Keys(circumstances)) }

var denyUserNamespaces = []seccomp.Rule{
	seccomp.Call(seccomp.Errno(unix.ENOSYS), "clone3"),
	seccomp.Call(seccomp.Errno(unix.EPERM), "clone", "unshare").If(seccomp.LongBits(0, unix.CLONE_NEWUSER, unix.CLONE_NEWUSER)),
}

var denyLandlock = []seccomp.Rule{
	seccomp.Call(seccomp.Errno(unix.ENOSYS), "landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self"),
}

// dockerDenials are the calls that Docker's default profile ties to CAP_SYS_ADMIN,
// moby/profiles/seccomp.
var dockerDenials = append(eachNamespace(),
	seccomp.Call(seccomp.Errno(unix.ENOSYS), "clone3"),
	seccomp.Call(seccomp.Errno(unix.EPERM), "unshare", "setns", "mount", "umount2", "pivot_root", "open_tree", "move_mount",
		"fsopen", "fsconfig", "fsmount", "fspick", "mount_setattr", "sethostname", "setdomainname", "bpf", "perf_event_open"),
)

func eachNamespace() []seccomp.Rule {
	var rules []seccomp.Rule
	for _, flag := range []uint64{
		unix.CLONE_NEWUSER, unix.CLONE_NEWPID, unix.CLONE_NEWNS, unix.CLONE_NEWNET, unix.CLONE_NEWIPC, unix.CLONE_NEWUTS, unix.CLONE_NEWCGROUP,
	} {
		rules = append(rules, seccomp.Call(seccomp.Errno(unix.EPERM), "clone").If(seccomp.LongBits(0, flag, flag)))
	}
	return rules
}

// dockerCapabilities are those that Docker leaves to root.
var dockerCapabilities = []int{
	unix.CAP_CHOWN, unix.CAP_DAC_OVERRIDE, unix.CAP_FSETID, unix.CAP_FOWNER, unix.CAP_MKNOD, unix.CAP_NET_RAW, unix.CAP_SETGID,
	unix.CAP_SETUID, unix.CAP_SETFCAP, unix.CAP_SETPCAP, unix.CAP_NET_BIND_SERVICE, unix.CAP_SYS_CHROOT, unix.CAP_KILL, unix.CAP_AUDIT_WRITE,
}

// filter forbids calls by the rules and permits all others, for this thread and
// what it executes.
func filter(rules ...seccomp.Rule) func() error {
	return func() error { return load(0, rules) }
}

// takeListener keeps the listener open, which nobody answers: nothing asks it.
func takeListener() error { return load(unix.SECCOMP_FILTER_FLAG_NEW_LISTENER, nil) }

func load(flags uintptr, rules []seccomp.Rule) error {
	arch, err := seccomp.Native()
	if err != nil {
		return err
	}
	all := seccomp.AllExcept(arch)
	all.Rules = append(rules, all.Rules...)
	f, err := seccomp.Compile(all, arch)
	if err != nil {
		return err
	}
	program := f.Program()
	fprog := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	fd, _, e := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, flags, uintptr(unsafe.Pointer(&fprog)))
	if e != 0 {
		return fmt.Errorf("load the filter: %w", e)
	}
	if flags != 0 {
		_, err = unix.FcntlInt(fd, unix.F_SETFD, 0)
	}
	return err
}

// capabilities leaves only these to programs that are executed from here on.
func capabilities(kept ...int) func() error {
	return func() error {
		for c := range unix.CAP_LAST_CAP + 1 {
			if slices.Contains(kept, c) {
				continue
			}
			if err := unix.Prctl(unix.PR_CAPBSET_DROP, uintptr(c), 0, 0, 0); err != nil {
				return fmt.Errorf("drop capability %d: %w", c, err)
			}
		}
		return nil
	}
}

func noNewPrivileges() error { return unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) }

func noMoreNamespaces() error {
	return os.WriteFile("/proc/sys/user/max_user_namespaces", []byte("0"), 0)
}

func private() error { return unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, "") }

func ownProc() error { return unix.Mount("proc", "/proc", "proc", 0, "") }

// mask covers what Docker covers.
func mask() error {
	for _, path := range []string{"/proc/kcore", "/proc/keys", "/proc/timer_list", "/proc/interrupts"} {
		if _, err := os.Stat(path); err != nil {
			continue // not in this kernel
		}
		if err := unix.Mount("/dev/null", path, "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("mask %s: %w", path, err)
		}
	}
	return unix.Mount("/proc/sys", "/proc/sys", "", unix.MS_BIND, "")
}

func readOnlyGroups() error {
	for _, at := range groupMounts() {
		if err := unix.Mount("", at, "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY, ""); err != nil {
			return fmt.Errorf("%s: %w", at, err)
		}
	}
	return nil
}

func noGroups() error {
	for _, at := range groupMounts() {
		if err := unix.Unmount(at, unix.MNT_DETACH); err != nil {
			return fmt.Errorf("%s: %w", at, err)
		}
	}
	return nil
}

// groupMounts lists the cgroup mounts, the innermost first.
func groupMounts() []string {
	var found []string
	info, _ := os.ReadFile("/proc/self/mountinfo")
	for line := range bytes.Lines(info) {
		words := strings.Fields(string(line))
		if i := slices.Index(words, "-"); i > 4 && strings.HasPrefix(words[i+1], "cgroup") {
			found = append(found, words[4])
		}
	}
	slices.Reverse(found)
	return found
}

// delegate starts a process in a group of the unified hierarchy that belongs to
// its user, as systemd's Delegate=yes does. The returned function removes the group.
func delegate(attr *syscall.SysProcAttr, user *syscall.Credential) (func(), error) {
	base := unifiedMount()
	if base == "" {
		return nil, fmt.Errorf("no unified cgroup hierarchy is mounted")
	}
	dir := filepath.Join(base, "delegated-"+strconv.Itoa(os.Getpid()))
	if err := os.Mkdir(dir, 0o755); err != nil { //nolint:gosec // cgroups are world-readable
		return nil, err
	}
	for _, name := range []string{"", "cgroup.procs", "cgroup.threads", "cgroup.subtree_control"} {
		if err := os.Chown(filepath.Join(dir, name), int(user.Uid), int(user.Gid)); err != nil {
			return nil, err
		}
	}
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	attr.UseCgroupFD, attr.CgroupFD = true, int(f.Fd())
	return func() {
		_ = f.Close()
		inner, _ := filepath.Glob(filepath.Join(dir, "*/"))
		for _, d := range append(inner, dir) {
			_ = unix.Rmdir(d)
		}
	}, nil
}

func unifiedMount() string {
	info, _ := os.ReadFile("/proc/self/mountinfo")
	for line := range bytes.Lines(info) {
		words := strings.Fields(string(line))
		if i := slices.Index(words, "-"); i > 4 && words[i+1] == "cgroup2" {
			return words[4]
		}
	}
	return ""
}
