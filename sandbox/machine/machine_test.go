package machine

import (
	"fmt"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"golang.org/x/sys/unix"
)

// docker is what a process in a default container of Docker's sees.
func docker() fstest.MapFS {
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	return fstest.MapFS{
		".dockerenv":                        file(""),
		"proc/self/status":                  file("Name:\tlazaret\nCapEff:\t00000000a80425fb\nNoNewPrivs:\t0\nSeccomp:\t2\n"),
		"proc/self/attr/current":            file("docker-default (enforce)\n"),
		"proc/self/uid_map":                 file("         0          0 4294967295\n"),
		"proc/sys/kernel/osrelease":         file("6.1.0-18-amd64\n"),
		"sys/kernel/security/lsm":           file("lockdown,capability,yama,apparmor"),
		"proc/sys/user/max_user_namespaces": file("15000\n"),
		"proc/self/mountinfo": file(`100 90 0:50 / / rw - overlay overlay rw
101 100 0:51 / /proc rw - proc proc rw
102 101 0:51 /sys /proc/sys ro - proc proc rw
103 101 0:52 / /proc/kcore rw - tmpfs tmpfs rw
104 100 0:30 / /sys/fs/cgroup ro,nosuid - cgroup2 cgroup rw
105 101 0:53 / /proc/sys/fs/binfmt_misc rw - binfmt_misc binfmt_misc rw
`),
	}
}

func noVariables(string) string { return "" }

func TestLook(t *testing.T) {
	t.Parallel()
	m := look(docker(), 0, noVariables)
	assert.True(t, m.Filtered)
	assert.Equal(t, "docker-default", m.AppArmor)
	assert.Equal(t, "docker", m.Container)
	assert.Equal(t, map[string]string{"user.max_user_namespaces": "15000"}, m.Sysctls)
	assert.Equal(t, []string{"/proc/sys", "/proc/kcore"}, m.Masked)
	assert.Equal(t, []string{"/sys/fs/cgroup"}, m.ReadOnly)
	assert.Equal(t, "6.1.0-18-amd64", m.Kernel)
	assert.True(t, m.Setter())
	assert.False(t, m.Has(unix.CAP_SYS_ADMIN))
	pod := look(docker(), 0, func(name string) string { return map[string]string{"KUBERNETES_SERVICE_HOST": "10.0.0.1"}[name] })
	assert.Equal(t, "kubernetes", pod.Container)
	assert.NotPanics(t, func() { look(fstest.MapFS{}, 1, noVariables) })
}

// TestExplain holds each known reason: a machine, a step, an error, and what is said.
func TestExplain(t *testing.T) {
	t.Parallel()
	user := Machine{UID: 1000, Kernel: "5.10.0", Modules: "capability,yama"}
	with := func(m Machine, change func(*Machine)) Machine { change(&m); return m }
	sysctl := func(name, value string) Machine {
		return with(user, func(m *Machine) { m.Sysctls = map[string]string{name: value} })
	}
	container := look(docker(), 0, noVariables)
	for _, c := range []struct {
		machine       Machine
		step          string
		err           error
		cause, remedy string // parts
	}{
		{sysctl("user.max_user_namespaces", "0"), "clone with new namespaces", unix.ENOSPC, "user.max_user_namespaces is 0", "sysctl -w user.max_user_namespaces=15000"},
		{user, "clone with new namespaces", unix.ENOSPC, "nested 32 deep", "user.max_*_namespaces"},
		{user, "clone with new namespaces", unix.EINVAL, "built without", "CONFIG_USER_NS"},
		{sysctl("kernel.unprivileged_userns_clone", "0"), "clone with new namespaces", unix.EPERM, "kernel.unprivileged_userns_clone is 0", "=1"},
		{container, "clone with new namespaces", unix.EPERM, "a seccomp profile around the worker forbids new namespaces (docker)", "seccomp=unconfined"},
		{sysctl("kernel.apparmor_restrict_unprivileged_userns", "1"), "clone with new namespaces", unix.EPERM, "apparmor_restrict", "userns,"},
		{user, "clone with new namespaces", unix.EAGAIN, "no more processes", "TasksMax"},
		{user, "clone with new namespaces", unix.EPERM, "chroot", "own root"},
		{sysctl("kernel.apparmor_restrict_unprivileged_userns", "1"), "open a tmpfs", unix.EPERM, "apparmor_restrict", "AppArmor profile"},
		{Machine{}, "write uid_map", unix.EPERM, "root without CAP_SETUID", "ordinary user"},
		{container, "write uid_map", unix.EPERM, "no ids to give", "1024 ids"},
		{user, "write gid_map", unix.EPERM, "security module", "root"},
		{container, `mount "/proc"`, unix.EPERM, "parts of /proc are masked: /proc/sys, /proc/kcore", "systempaths=unconfined"},
		{container, "open a tmpfs", unix.EPERM, "forbids the mount calls (docker)", "SYS_ADMIN"},
		{with(container, func(m *Machine) { m.Filtered = false }), `open "/usr"`, unix.EACCES, `the AppArmor profile "docker-default" forbids mounting`, "apparmor=unconfined"},
		{Machine{Container: "lxc"}, `mount "/tmp"`, unix.EACCES, "a profile of the container forbids mounting (lxc)", "pivot_root"},
		{user, `make read-only "/usr"`, unix.ENOSYS, "Linux 5.10.0 is too old", "5.13"},
		{container, "set the host name", unix.EPERM, "forbids sethostname(2) (docker)", "SYS_ADMIN"},
		{user, "pivot the root", unix.EINVAL, "initial ramfs", "mount of its own"},
		{user, "bring the loopback interface up", unix.EPERM, "CAP_NET_ADMIN", "--allow-net"},
		{user, "ask for Landlock", unix.EOPNOTSUPP, "not among the active security modules: capability,yama", "lsm=landlock,capability,yama"},
		{user, "ask for Landlock", unix.ENOSYS, "Linux 5.10.0 has no Landlock", "5.13"},
		{container, "ask for Landlock", unix.ENOSYS, "forbids the Landlock calls (docker)", "profile"},
		{user, "load the system-call filter", unix.EBUSY, "room for one listener", "intercept"},
		{container, "load the system-call filter", unix.EPERM, "forbids seccomp(2)", "profile"},
		{user, "load the system-call filter", unix.EINVAL, "has no seccomp notifications", "CONFIG_SECCOMP_FILTER"},
		{container, "use the memory controller", unix.EROFS, "the cgroup mount is read-only (docker)", "--cgroupns=private"},
		{user, "use the memory controller", unix.EACCES, "not its own to divide", "systemd-run --user"},
		{Machine{}, "use the memory controller", unix.EBUSY, "other processes", "Delegate=yes"},
		{user, "use the cpu controller", fmt.Errorf("no controller cpu for this process"), "switched off", "cgroup_disable="},
		{Machine{}, "use the memory controller", fmt.Errorf("boot with swapaccount=1: %w", unix.ENOENT), "does not count it", "swapaccount=1"},
		{user, `execute "/usr/bin/true"`, unix.ENOENT, "not installed", "install"},
	} {
		got := c.machine.Explain(c.step, fmt.Errorf("somewhere: %w", c.err))
		assert.Contains(t, got.Cause, c.cause, "%s: %v", c.step, c.err)
		assert.Contains(t, got.Remedy, c.remedy, "%s: %v", c.step, c.err)
	}
	assert.Equal(t, Reason{}, user.Explain("think", unix.EPERM))
	assert.Equal(t, Reason{}, user.Explain("open a tmpfs", unix.EIO))
}
