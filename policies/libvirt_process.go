package policies

import (
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"lazaret.dev/lazaret/sandbox/seccomp"
)

// LibvirtProcess is what the process that holds the libvirt client of a URI may
// do: read files, compute, and talk over sockets of the families that the URI's
// transport needs. It starts a program only where the transport is one (ssh).
// Everything else fails, unreported: nobody listens.
func LibvirtProcess(uri string) seccomp.Policy {
	rules := slices.Concat(base, ioctls, prctls, fcntls, archPrctl, threads, generatedCode, libvirtClient)
	scheme, rest, _ := strings.Cut(uri, "://")
	_, transport, _ := strings.Cut(scheme, "+")
	local := transport == "unix" || transport == "" && strings.HasPrefix(rest, "/")
	if !local {
		rules = append(rules, seccomp.Call(seccomp.Allow, "socket").If(seccomp.Is(0, unix.AF_INET)).Because("a host elsewhere"),
			seccomp.Call(seccomp.Allow, "socket").If(seccomp.Is(0, unix.AF_INET6)).Because("a host elsewhere"))
	}
	if transport == "ssh" {
		rules = append(rules, seccomp.Call(seccomp.Allow, "execve", "fork", "vfork", "setpgid", "setsid", "kill", "prlimit64"),
			seccomp.Call(seccomp.Allow, "clone").If(seccomp.LongBits(0, newNamespaces, 0)).Because("to start ssh"))
	}
	return seccomp.Policy{Name: "libvirt", Rules: rules}
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
