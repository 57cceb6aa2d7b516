package sandbox

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

// describe renders the arguments by which one kind of denied call differs from
// another. It uses registers only, so that it says what the kernel saw.
func describe(name string, args [6]uint64) string {
	switch name {
	case "socket", "socketpair":
		return fmt.Sprintf("%s, type %d", family(uint32(args[0])), uint32(args[1])&0xf)
	case "clone":
		return "flags " + cloneFlags(args[0])
	case "unshare", "setns":
		return fmt.Sprintf("flags %#x", args[0])
	case "kill", "tkill":
		return fmt.Sprintf("pid %d, signal %d", int32(args[0]), int32(args[1]))
	case "tgkill":
		return fmt.Sprintf("pid %d, signal %d", int32(args[0]), int32(args[2]))
	case "mmap", "mprotect", "pkey_mprotect":
		return "protection " + protection(args[2])
	case "prctl", "ptrace", "keyctl", "bpf", "fcntl", "arch_prctl":
		return fmt.Sprintf("operation %#x", operation(name, args))
	case "ioctl":
		return fmt.Sprintf("request %#x", uint32(args[1]))
	}
	return ""
}

func operation(name string, args [6]uint64) uint32 {
	if name == "fcntl" {
		return uint32(args[1])
	}
	return uint32(args[0])
}

var families = map[uint32]string{
	unix.AF_UNIX: "AF_UNIX", unix.AF_INET: "AF_INET", unix.AF_INET6: "AF_INET6", unix.AF_NETLINK: "AF_NETLINK",
	unix.AF_PACKET: "AF_PACKET", unix.AF_VSOCK: "AF_VSOCK", unix.AF_ALG: "AF_ALG", unix.AF_BLUETOOTH: "AF_BLUETOOTH",
}

func family(f uint32) string {
	if name, ok := families[f]; ok {
		return name
	}
	return fmt.Sprintf("family %d", f)
}

func cloneFlags(flags uint64) string {
	var names []string
	for _, f := range []struct {
		bit  uint64
		name string
	}{
		{unix.CLONE_THREAD, "THREAD"}, {unix.CLONE_VFORK, "VFORK"}, {newNamespaces, "namespaces"},
	} {
		if flags&f.bit != 0 {
			names = append(names, f.name)
		}
	}
	if len(names) == 0 {
		return "of a fork"
	}
	return strings.Join(names, "|")
}

func protection(p uint64) string {
	var b strings.Builder
	for i, letter := range "rwx" {
		if p&(1<<i) != 0 {
			b.WriteRune(letter)
		}
	}
	return b.String()
}
