package policies

import (
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"

	"lazaret.dev/lazaret/sandbox"
	"lazaret.dev/lazaret/sandbox/seccomp"
)

// LibvirtReach is how the process that holds a libvirt client gets to its host. The
// zero value is a host on this machine.
type LibvirtReach struct {
	Remote bool   // over the network
	SSH    bool   // by ssh, a program
	Port   uint16 // of a remote host that is not reached by ssh
}

// LibvirtProcess is what the process that holds the libvirt client of a URI may
// do: read files, compute, and talk over sockets of the families that it needs to
// reach its host. It starts a program, and opens files to write, only where that is
// ssh. Everything
// else fails, unreported: nobody listens.
func LibvirtProcess(reach LibvirtReach) seccomp.Policy {
	rules := slices.Concat(base, ioctls, prctls, fcntls, archPrctl, threads, generatedCode, libvirtClient)
	if reach.Remote {
		rules = append(rules, seccomp.Call(seccomp.Allow, "socket").If(seccomp.Is(0, unix.AF_INET)).Because("a host elsewhere"),
			seccomp.Call(seccomp.Allow, "socket").If(seccomp.Is(0, unix.AF_INET6)).Because("a host elsewhere"))
	}
	if reach.SSH {
		rules = append(rules, seccomp.Call(seccomp.Allow, "execve", "fork", "vfork", "setpgid", "setsid", "kill", "prlimit64"),
			seccomp.Call(seccomp.Allow, "clone").If(seccomp.LongBits(0, newNamespaces, 0)).Because("to start ssh"),
			seccomp.Call(seccomp.Allow, "capset"), allowPrctl(unix.PR_SET_KEEPCAPS).Because("libvirt leaves ssh no capability"),
			seccomp.Call(seccomp.Allow, "open", "openat").Because("ssh opens /dev/null to write; Landlock leaves it nothing else"))
	}
	return seccomp.Policy{Name: "libvirt", Rules: rules}
}

// LibvirtFiles is what Landlock leaves to the same process: libraries and what they
// read, no secrets of the host but the keys that its transport needs, nothing to
// write but, for ssh, /dev/null. environment is os.Getenv of the worker.
func LibvirtFiles(reach LibvirtReach, environment func(string) string) sandbox.Restriction {
	r := sandbox.Restriction{
		Read: slices.Concat(libvirtReads, below(environment("XDG_RUNTIME_DIR"), "libvirt"), below(environment("XDG_CONFIG_HOME"), "libvirt"), below(environment("HOME"), ".config/libvirt")),
		// This program again, with its loader: it is executed once more from a thread
		// that is restricted.
		Execute: append([]string{"/proc/self/exe", "/lib", "/lib64", "/usr/lib", "/usr/lib64"}, filepath.SplitList(environment("LD_LIBRARY_PATH"))...),
	}
	switch {
	case reach.SSH:
		r.AnyPort = true // the configuration of ssh says which
		r.Write = []string{"/dev/null"}
		r.Read = slices.Concat(r.Read, libvirtResolves, []string{"/etc/ssh"}, below(environment("HOME"), ".ssh"))
		r.Execute = append(r.Execute, "/bin", "/usr/bin", "/usr/local/bin")
	case reach.Remote:
		r.Connect = []uint16{reach.Port, 53}
		r.Read = slices.Concat(r.Read, libvirtResolves, []string{"/etc/pki"}, below(environment("HOME"), ".pki"))
	}
	return r
}

// libvirtReads is what the library and those below it read on their way up.
var libvirtReads = []string{
	"/usr/share", "/proc", "/sys/devices/system", "/sys/fs/cgroup", "/sys/kernel/mm", "/dev/null", "/dev/urandom", "/dev/random",
	"/etc/ld.so.cache", "/etc/ld.so.preload", "/etc/libvirt/libvirt.conf", "/etc/passwd", "/etc/group", "/etc/nsswitch.conf", "/etc/localtime",
	"/etc/machine-id", "/etc/gnutls", "/etc/crypto-policies", "/etc/ssl/openssl.cnf", "/etc/ssl/certs", "/etc/sasl2", "/etc/locale.alias",
}

// libvirtResolves is what finding a host by its name reads.
var libvirtResolves = []string{
	"/etc/hosts", "/etc/host.conf", "/etc/gai.conf", "/etc/resolv.conf", "/etc/services", "/etc/protocols",
	"/run/systemd/resolve", "/run/NetworkManager", "/run/resolvconf",
}

// below is a path in a folder that may be unknown.
func below(folder, path string) []string {
	if folder == "" {
		return nil
	}
	return []string{filepath.Join(folder, path)}
}

// libvirtClient is what the client needs beyond computing with threads.
var libvirtClient = []seccomp.Rule{
	seccomp.Call(seccomp.Allow, "open").If(seccomp.Bits(1, writing, 0)).Because("to read"),
	seccomp.Call(seccomp.Allow, "openat").If(seccomp.Bits(2, writing, 0)).Because("to read"),
	seccomp.Call(seccomp.Allow, "socket").If(seccomp.Is(0, unix.AF_UNIX)).Because("the daemon's socket"),
	seccomp.Call(seccomp.Allow, "connect", "sendto", "sendmsg", "sendmmsg", "recvmmsg", "setsockopt"),
	seccomp.Call(seccomp.Allow, "tgkill").Because("Go interrupts its own threads"),
	seccomp.Call(seccomp.Allow, "kill").If(seccomp.Is(1, 0)).Because("whether a process lives"),
}

const writing = unix.O_WRONLY | unix.O_RDWR | unix.O_CREAT | unix.O_TRUNC
