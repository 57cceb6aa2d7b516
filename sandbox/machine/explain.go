package machine

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// Reason is why a step was probably refused, and what an operator can do.
type Reason struct{ Cause, Remedy string }

// Explain says why the kernel may have answered a step of building a sandbox with
// an error. A step is named as sandbox.StepError names it. The Reason is zero
// when nothing that is known explains it.
func (m Machine) Explain(step string, err error) Reason {
	for _, s := range steps {
		if !slices.ContainsFunc(s.names, func(name string) bool { return strings.HasPrefix(step, name) }) {
			continue
		}
		for _, explain := range s.reasons {
			if r := explain(m, err); r != (Reason{}) {
				return r
			}
		}
	}
	return Reason{}
}

// steps are looked through in their order, the reasons of each likewise.
var steps = []struct {
	names   []string
	reasons []func(Machine, error) Reason
}{
	{[]string{"clone", "unshare"}, []func(Machine, error) Reason{
		countLimit, noNamespaces, unprivilegedClone, clonesFiltered, namespacesRestricted, noTasks, chrooted,
	}},
	{[]string{"write uid_map", "write gid_map", "deny setgroups"}, []func(Machine, error) Reason{namespacesRestricted, noIDs}},
	{[]string{`mount "/proc"`}, []func(Machine, error) Reason{maskedProc, mountsFiltered, namespacesRestricted, mountsConfined}},
	{[]string{"pivot"}, []func(Machine, error) Reason{noRoot}},
	{
		[]string{"mount", "open", "make", "attach", "create the root", "configure the root", "pivot", "detach"},
		[]func(Machine, error) Reason{mountsFiltered, namespacesRestricted, mountsConfined, oldMounts},
	},
	{
		[]string{"open a socket for the interface", "bring the loopback", "add the synthetic", "widen"},
		[]func(Machine, error) Reason{namespacesRestricted, noNetAdmin},
	},
	{[]string{"set the host name", "set the NIS"}, []func(Machine, error) Reason{namesFiltered}},
	{[]string{"drop", "set the", "lock securebits", "keep the capabilities"}, []func(Machine, error) Reason{noIDs}},
	{[]string{"ask for Landlock", "create a Landlock", "restrict by Landlock"}, []func(Machine, error) Reason{noLandlock}},
	{[]string{"load the system-call filter", "seccomp", "hand over the seccomp"}, []func(Machine, error) Reason{filterTaken, filterFiltered, oldFilter}},
	{
		[]string{"use the", "join the cgroup", "make a cgroup", "set the cgroup's", "limit the processes"},
		[]func(Machine, error) Reason{readOnlyGroups, swapUncounted, noController, groupShared, notDelegated},
	},
	{[]string{"execute"}, []func(Machine, error) Reason{noProgram}},
}

func is(err error, any ...unix.Errno) bool {
	return slices.ContainsFunc(any, func(e unix.Errno) bool { return errors.Is(err, e) })
}

func countLimit(m Machine, err error) Reason {
	for _, name := range sysctls[:7] {
		if m.Sysctls[name] == "0" {
			return Reason{name + " is 0", "sysctl -w " + name + "=15000, and in /etc/sysctl.d"}
		}
	}
	if is(err, unix.ENOSPC) {
		return Reason{"as many namespaces as user.max_*_namespaces permits exist, or they are nested 32 deep", "raise user.max_*_namespaces"}
	}
	return Reason{}
}

func noNamespaces(_ Machine, err error) Reason {
	if is(err, unix.EINVAL) {
		return Reason{"the kernel was built without one of the namespaces", "use a kernel with CONFIG_USER_NS and the other CONFIG_*_NS"}
	}
	return Reason{}
}

func unprivilegedClone(m Machine, err error) Reason {
	if is(err, unix.EPERM) && !m.Has(unix.CAP_SYS_ADMIN) && m.Sysctls["kernel.unprivileged_userns_clone"] == "0" {
		return Reason{"kernel.unprivileged_userns_clone is 0", "sysctl -w kernel.unprivileged_userns_clone=1, and in /etc/sysctl.d; or run the worker as root"}
	}
	return Reason{}
}

func clonesFiltered(m Machine, err error) Reason {
	if m.Filtered && is(err, unix.EPERM, unix.ENOSYS) {
		return Reason{"a seccomp profile around the worker forbids new namespaces" + m.in(), m.unfiltered()}
	}
	return Reason{}
}

// namespacesRestricted: Ubuntu lets ordinary users make user namespaces and takes
// the capabilities in them.
func namespacesRestricted(m Machine, err error) Reason {
	if is(err, unix.EPERM, unix.EACCES) && m.UID != 0 && m.Sysctls["kernel.apparmor_restrict_unprivileged_userns"] == "1" {
		return Reason{
			"kernel.apparmor_restrict_unprivileged_userns is 1",
			"give lazaret an AppArmor profile with the rule \"userns,\", or sysctl -w kernel.apparmor_restrict_unprivileged_userns=0, or run the worker as root",
		}
	}
	return Reason{}
}

func noTasks(_ Machine, err error) Reason {
	if is(err, unix.EAGAIN, unix.ENOMEM) {
		return Reason{"the worker may have no more processes, or no more memory", "raise TasksMax or MemoryMax of its service, --pids-limit of its container, or its ulimit -u"}
	}
	return Reason{}
}

func chrooted(m Machine, err error) Reason {
	if is(err, unix.EPERM) {
		return Reason{"the worker runs in a chroot, or a security module forbids namespaces" + m.in(), "run it on the machine's own root, without confinement"}
	}
	return Reason{}
}

func namesFiltered(m Machine, err error) Reason {
	if m.Filtered && is(err, unix.EPERM, unix.ENOSYS) {
		return Reason{"a seccomp profile around the worker forbids sethostname(2)" + m.in(), m.unfiltered()}
	}
	return Reason{}
}

func noIDs(m Machine, err error) Reason {
	switch {
	case !is(err, unix.EPERM, unix.EINVAL):
		return Reason{}
	case m.UID == 0 && !m.Setter():
		return Reason{"the worker is root without CAP_SETUID or CAP_SETGID", "give it both, or run it as an ordinary user"}
	case m.UID == 0:
		return Reason{"the worker's own user namespace has no ids to give", "run it in the host's, or map at least 1024 ids into its container"}
	}
	return Reason{"a security module forbids the mapping", "look into the kernel's log, or run the worker as root"}
}

func maskedProc(m Machine, err error) Reason {
	if is(err, unix.EPERM) && len(m.Masked) > 0 {
		paths := strings.Join(m.Masked[:min(len(m.Masked), 3)], ", ")
		return Reason{
			"parts of /proc are masked: " + paths,
			"unmask them (Docker: --security-opt systempaths=unconfined; podman: --security-opt unmask=ALL; Kubernetes: procMount: Unmasked)",
		}
	}
	return Reason{}
}

func mountsFiltered(m Machine, err error) Reason {
	if m.Filtered && is(err, unix.EPERM, unix.ENOSYS) {
		return Reason{"a seccomp profile around the worker forbids the mount calls" + m.in(), m.unfiltered()}
	}
	return Reason{}
}

func mountsConfined(m Machine, err error) Reason {
	switch {
	case m.AppArmor != "" && is(err, unix.EPERM, unix.EACCES):
		return Reason{
			fmt.Sprintf("the AppArmor profile %q forbids mounting", m.AppArmor),
			"run the worker without it (Docker: --security-opt apparmor=unconfined), or permit mount, umount and pivot_root in it",
		}
	case m.Container != "" && is(err, unix.EPERM, unix.EACCES):
		return Reason{"a profile of the container forbids mounting" + m.in(), "permit mount, umount and pivot_root in it, or give the container CAP_SYS_ADMIN"}
	}
	return Reason{}
}

func oldMounts(m Machine, err error) Reason {
	if is(err, unix.ENOSYS) {
		return Reason{"Linux " + m.Kernel + " is too old", "use Linux 5.13 or newer"}
	}
	return Reason{}
}

func noRoot(_ Machine, err error) Reason {
	if is(err, unix.EINVAL) {
		return Reason{"the worker's root is the initial ramfs or is shared", "give it a root that is a mount of its own"}
	}
	return Reason{}
}

func noNetAdmin(m Machine, err error) Reason {
	if is(err, unix.EPERM, unix.EACCES) {
		return Reason{"a profile forbids CAP_NET_ADMIN in namespaces of the worker's" + m.in(), "permit it, or do without --allow-net, which alone needs it"}
	}
	return Reason{}
}

func noLandlock(m Machine, err error) Reason {
	switch {
	case is(err, unix.EOPNOTSUPP):
		return Reason{"Landlock is not among the active security modules: " + m.Modules, "boot with lsm=landlock," + m.Modules}
	case m.Filtered && is(err, unix.EPERM, unix.ENOSYS):
		return Reason{"a seccomp profile around the worker forbids the Landlock calls" + m.in(), m.unfiltered()}
	case is(err, unix.ENOSYS):
		return Reason{"Linux " + m.Kernel + " has no Landlock", "use Linux 5.13 or newer with CONFIG_SECURITY_LANDLOCK"}
	}
	return Reason{}
}

func filterTaken(_ Machine, err error) Reason {
	if is(err, unix.EBUSY) {
		return Reason{"what runs the worker's container listens for system calls itself, and the kernel has room for one listener", "switch its system-call interception off (LXD: security.syscalls.intercept.*)"}
	}
	return Reason{}
}

func filterFiltered(m Machine, err error) Reason {
	if m.Filtered && is(err, unix.EPERM, unix.ENOSYS, unix.EACCES) {
		return Reason{"a seccomp profile around the worker forbids seccomp(2)" + m.in(), m.unfiltered()}
	}
	return Reason{}
}

func oldFilter(m Machine, err error) Reason {
	if is(err, unix.ENOSYS, unix.EINVAL) {
		return Reason{"Linux " + m.Kernel + " has no seccomp notifications", "use Linux 5.13 or newer with CONFIG_SECCOMP_FILTER"}
	}
	return Reason{}
}

func readOnlyGroups(m Machine, err error) Reason {
	if is(err, unix.EROFS) {
		return Reason{"the cgroup mount is read-only" + m.in(), "mount it writable, with a cgroup namespace of the container's own (Docker: --cgroupns=private and a writable mount of /sys/fs/cgroup)"}
	}
	return Reason{}
}

func swapUncounted(_ Machine, err error) Reason {
	if strings.Contains(err.Error(), "swapaccount") {
		return Reason{"swap is on, and the kernel does not count it", "boot with swapaccount=1, or switch swap off"}
	}
	return Reason{}
}

func noController(m Machine, err error) Reason {
	if strings.Contains(err.Error(), "no controller") {
		return Reason{"the controller is switched off, or not passed on to the worker's group", m.delegation() + "; and cgroup_disable= on the kernel's command line must not name it"}
	}
	return Reason{}
}

func groupShared(m Machine, err error) Reason {
	if is(err, unix.EBUSY) {
		return Reason{"other processes are in the worker's group", m.delegation() + "; a script that starts it must end in exec"}
	}
	return Reason{}
}

func notDelegated(m Machine, err error) Reason {
	if is(err, unix.EACCES, unix.EPERM, unix.ENOENT) {
		return Reason{"the worker's group is not its own to divide", m.delegation()}
	}
	return Reason{}
}

func noProgram(_ Machine, err error) Reason {
	if is(err, unix.ENOENT) {
		return Reason{"the program is not installed", "install it"}
	}
	return Reason{}
}

func (m Machine) delegation() string {
	switch {
	case m.Container != "":
		return "mount a writable cgroup v2 into the container, with a cgroup namespace of its own"
	case m.UID != 0:
		return "run the worker as a systemd service with Delegate=yes, or by systemd-run --user --scope -p Delegate=yes"
	}
	return "run the worker as a systemd service with Delegate=yes, or by systemd-run --scope -p Delegate=yes"
}

// in names the container, where there is one.
func (m Machine) in() string {
	if m.Container == "" {
		return ""
	}
	return " (" + m.Container + ")"
}

func (m Machine) unfiltered() string {
	switch m.Container {
	case "docker", "podman":
		return "give the container a profile that permits it, or --security-opt seccomp=unconfined, or --cap-add SYS_ADMIN"
	case "kubernetes":
		return "give the pod a seccompProfile that permits it, or type: Unconfined"
	}
	return "permit it in the profile (systemd: SystemCallFilter=, RestrictNamespaces=)"
}
