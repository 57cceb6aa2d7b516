package sandbox

import (
	"fmt"
	"os"
	"path"
	"strings"

	"golang.org/x/sys/unix"
)

// describe renders the arguments by which one kind of act differs from another.
// Files and addresses come from the caller's memory and are advisory; the rest is
// what the kernel saw in its registers.
func describe(a act, m memory) string {
	args := a.args
	if len(a.files) > 0 {
		return describeFiles(a)
	}
	switch a.call {
	case "socket", "socketpair":
		return family(uint32(args[0])) + ", " + socketType(uint32(args[1]))
	case "connect", "bind":
		return m.address(args[1], args[2]).String()
	case "sendto":
		return m.address(args[4], args[5]).String()
	case "sendmsg", "sendmmsg": // msg_name and msg_namelen begin struct msghdr
		return m.address(m.word(args[1]), m.word(args[1]+8)&0xffffffff).String()
	case "mount":
		return fmt.Sprintf("%s at %s, type %s, flags %#x", clip(m.text(args[0])), clip(m.text(args[1])), clip(m.text(args[2])), args[3])
	case "umount2", "swapon", "swapoff", "acct", "sethostname", "setdomainname", "fsopen":
		return clip(m.text(args[0]))
	case "pivot_root":
		return clip(m.text(args[0])) + ", " + clip(m.text(args[1]))
	case "clone", "unshare":
		return "flags " + flagNames(args[0], cloneFlags, "of a fork")
	case "setns":
		return "flags " + flagNames(args[1], cloneFlags, "of any kind")
	case "kill", "tkill":
		return fmt.Sprintf("pid %d, signal %d", int32(args[0]), int32(args[1]))
	case "tgkill":
		return fmt.Sprintf("pid %d, signal %d", int32(args[0]), int32(args[2]))
	case "mmap", "mprotect", "pkey_mprotect":
		return "protection " + protection(args[2])
	case "prctl", "ptrace", "keyctl", "bpf", "fcntl", "arch_prctl", "seccomp":
		return fmt.Sprintf("operation %#x", operation(a.call, args))
	case "ioctl":
		return fmt.Sprintf("request %#x", uint32(args[1]))
	case "process_vm_readv", "process_vm_writev", "pidfd_open":
		return fmt.Sprintf("pid %d", int32(args[0]))
	case "setuid", "setgid", "setfsuid", "setfsgid":
		return fmt.Sprintf("id %d", int32(args[0]))
	case "memfd_create":
		return fmt.Sprintf("%s, flags %#x", clip(m.text(args[0])), uint32(args[1]))
	}
	return ""
}

// describeFiles names what a call wanted of which files.
func describeFiles(a act) string {
	var parts []string
	for _, f := range a.files {
		verb := "read "
		switch {
		case a.call == "execve" || a.call == "execveat":
			verb = "execute "
		case a.call == "connect":
			verb = "AF_UNIX "
		case f.access == Write:
			verb = "write "
		case f.access == Share:
			verb = "share "
		}
		text := verb + clip(f.path)
		if f.target != "" {
			text += " → " + clip(f.target)
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, ", ")
}

func parent(file string) string { return path.Dir(file) }

func operation(name string, args [6]uint64) uint32 {
	if name == "fcntl" {
		return uint32(args[1])
	}
	return uint32(args[0])
}

var families = map[uint32]string{
	unix.AF_UNSPEC: "AF_UNSPEC", unix.AF_UNIX: "AF_UNIX", unix.AF_INET: "AF_INET", unix.AF_INET6: "AF_INET6", unix.AF_NETLINK: "AF_NETLINK",
	unix.AF_PACKET: "AF_PACKET", unix.AF_VSOCK: "AF_VSOCK", unix.AF_ALG: "AF_ALG", unix.AF_BLUETOOTH: "AF_BLUETOOTH",
	unix.AF_CAN: "AF_CAN", unix.AF_TIPC: "AF_TIPC", unix.AF_XDP: "AF_XDP", unix.AF_RDS: "AF_RDS", unix.AF_KEY: "AF_KEY",
}

func family(f uint32) string {
	if name, ok := families[f]; ok {
		return name
	}
	return fmt.Sprintf("family %d", f)
}

var socketTypes = map[uint32]string{
	unix.SOCK_STREAM: "SOCK_STREAM", unix.SOCK_DGRAM: "SOCK_DGRAM", unix.SOCK_RAW: "SOCK_RAW", unix.SOCK_SEQPACKET: "SOCK_SEQPACKET",
}

// socketType drops SOCK_CLOEXEC and SOCK_NONBLOCK.
func socketType(t uint32) string {
	if name, ok := socketTypes[t&0xf]; ok {
		return name
	}
	return fmt.Sprintf("type %d", t&0xf)
}

type flagName struct {
	bit  uint64
	name string
}

var cloneFlags = []flagName{
	{unix.CLONE_THREAD, "THREAD"},
	{unix.CLONE_VFORK, "VFORK"},
	{unix.CLONE_NEWUSER, "NEWUSER"},
	{unix.CLONE_NEWNS, "NEWNS"},
	{unix.CLONE_NEWPID, "NEWPID"},
	{unix.CLONE_NEWNET, "NEWNET"},
	{unix.CLONE_NEWIPC, "NEWIPC"},
	{unix.CLONE_NEWUTS, "NEWUTS"},
	{unix.CLONE_NEWCGROUP, "NEWCGROUP"},
	{unix.CLONE_NEWTIME, "NEWTIME"},
}

func flagNames(flags uint64, known []flagName, none string) string {
	var names []string
	for _, f := range known {
		if flags&f.bit != 0 {
			names = append(names, f.name)
		}
	}
	if len(names) == 0 {
		return none
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

// processOf finds the process id that the program knows itself by, and the
// thread's name, which is the program's to choose. Zero and empty if it is gone.
func processOf(tid int) (pid int, command string) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", tid))
	if err != nil {
		return 0, ""
	}
	for line := range strings.Lines(string(b)) {
		key, value, _ := strings.Cut(line, ":")
		switch fields := strings.Fields(value); {
		case key == "Name":
			command = strings.Trim(clip(strings.TrimSpace(value)), `"`)
		case key == "NStgid" && len(fields) > 0:
			_, _ = fmt.Sscan(fields[len(fields)-1], &pid)
		}
	}
	return pid, command
}
