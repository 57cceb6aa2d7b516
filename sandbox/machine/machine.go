package machine

import (
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Machine is what bears upon a sandbox, as the calling process sees it. What
// cannot be read is zero.
type Machine struct {
	UID          int               // effective
	Capabilities uint64            // effective, by number, see capabilities(7)
	Filtered     bool              // a seccomp filter is on this process
	AppArmor     string            // the profile that confines it; empty when none does
	Container    string            // what runs it in a container: docker, podman, kubernetes, lxc …; empty outside
	Sysctls      map[string]string // by name, those of sysctls that exist
	Masked       []string          // paths below /proc that something is mounted on
	ReadOnly     []string          // cgroup mounts that are read-only
	Modules      string            // active security modules, as in /sys/kernel/security/lsm
	Kernel       string            // release
	UIDMap       string            // of this process's user namespace
}

// sysctls are those that forbid namespaces.
var sysctls = []string{
	"user.max_user_namespaces", "user.max_pid_namespaces", "user.max_mnt_namespaces", "user.max_net_namespaces",
	"user.max_ipc_namespaces", "user.max_uts_namespaces", "user.max_cgroup_namespaces",
	"kernel.unprivileged_userns_clone", "kernel.apparmor_restrict_unprivileged_userns",
}

// Look looks at this machine.
func Look() Machine { return look(os.DirFS("/"), os.Geteuid(), os.Getenv) }

func look(root fs.FS, uid int, getenv func(string) string) Machine {
	status := fields(text(root, "proc/self/status"))
	capabilities, _ := strconv.ParseUint(status["CapEff"], 16, 64)
	m := Machine{
		UID: uid, Capabilities: capabilities, Filtered: status["Seccomp"] == "2",
		Container: container(root, getenv), Sysctls: map[string]string{},
		Modules: text(root, "sys/kernel/security/lsm"), Kernel: text(root, "proc/sys/kernel/osrelease"), UIDMap: text(root, "proc/self/uid_map"),
	}
	if profile, mode, _ := strings.Cut(text(root, "proc/self/attr/current"), " "); profile != "unconfined" && mode == "(enforce)" {
		m.AppArmor = profile
	}
	for _, name := range sysctls {
		if value := text(root, "proc/sys/"+strings.ReplaceAll(name, ".", "/")); value != "" {
			m.Sysctls[name] = value
		}
	}
	m.mounts(text(root, "proc/self/mountinfo"))
	return m
}

// Has says whether the process has a capability, unix.CAP_SYS_ADMIN for example.
func (m Machine) Has(capability int) bool { return m.Capabilities&(1<<capability) != 0 }

// mounts parses proc_pid_mountinfo(5).
func (m *Machine) mounts(info string) {
	for line := range strings.Lines(info) {
		before, after, _ := strings.Cut(line, " - ")
		left, right := strings.Fields(before), strings.Fields(after)
		if len(left) < 6 || len(right) < 1 {
			continue
		}
		at, options := left[4], strings.Split(left[5], ",")
		// binfmt_misc is an ordinary file system of its own, in a directory that is empty without it.
		if strings.HasPrefix(at, "/proc/") && right[0] != "binfmt_misc" && right[0] != "autofs" && !slices.Contains(m.Masked, at) {
			m.Masked = append(m.Masked, at)
		}
		if strings.HasPrefix(right[0], "cgroup") && slices.Contains(options, "ro") {
			m.ReadOnly = append(m.ReadOnly, at)
		}
	}
}

// container goes by the marks that runtimes leave. The variable is systemd's
// convention, see its CONTAINER_INTERFACE.
func container(root fs.FS, getenv func(string) string) string {
	exists := func(name string) bool {
		_, err := fs.Stat(root, name)
		return err == nil
	}
	switch {
	case getenv("KUBERNETES_SERVICE_HOST") != "":
		return "kubernetes"
	case exists(".dockerenv"):
		return "docker"
	case exists("run/.containerenv"):
		return "podman"
	}
	return getenv("container")
}

func text(root fs.FS, name string) string {
	b, _ := fs.ReadFile(root, path.Clean(name))
	return strings.Trim(string(b), "\n\x00 ")
}

// fields reads "Key:\tvalue" lines.
func fields(status string) map[string]string {
	values := map[string]string{}
	for line := range strings.Lines(status) {
		if key, value, ok := strings.Cut(line, ":"); ok {
			values[key] = strings.TrimSpace(value)
		}
	}
	return values
}

// Setter says whether the process may become other users and map them.
func (m Machine) Setter() bool { return m.Has(unix.CAP_SETUID) && m.Has(unix.CAP_SETGID) }
