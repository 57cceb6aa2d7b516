package sandbox

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"lazaret.dev/lazaret/sandbox/machine"
)

// identity is as whom programs run on the host.
type identity int

const (
	// slotIdentity maps the program's user to a host id that no other live sandbox has.
	slotIdentity identity = iota
	// ownIdentity maps it to the worker's own, the only one that an ordinary user
	// has: the pid namespace keeps sandboxes apart.
	ownIdentity
	// bareIdentity is a host id of its own without a user namespace around it, which
	// takes root's capabilities to become.
	bareIdentity
)

// Identity of the program inside its user namespace.
const insideUID = 1000

const namespaces = unix.CLONE_NEWPID | unix.CLONE_NEWNS | unix.CLONE_NEWNET | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS | unix.CLONE_NEWCGROUP

// chooseIdentity picks what this process has the rights and the ids for. Whether
// the kernel plays along the trial shows.
func chooseIdentity(m machine.Machine, hasIDs bool) identity {
	if m.Setter() && hasIDs || hostRoot(m) {
		return slotIdentity
	}
	return ownIdentity
}

// hostRoot says whether this process's user is, or may be, root outside its user
// namespace too: a program must never run as that.
func hostRoot(m machine.Machine) bool {
	outer := strings.Fields(m.UIDMap)
	return m.UID == 0 && (len(outer) < 2 || outer[0] != "0" || outer[1] == "0")
}

// bareCapable says whether this process could build sandboxes without user namespaces.
func bareCapable(m machine.Machine) bool {
	return m.Setter() && m.Has(unix.CAP_SYS_ADMIN) && m.Has(unix.CAP_SETPCAP)
}

// identify makes the namespaces' and the ids' part of a plan.
func (p *plan) identify(who identity, uid int) {
	p.Namespaces = namespaces
	switch who {
	case slotIdentity:
		p.Namespaces |= unix.CLONE_NEWUSER
		p.UIDMap = fmt.Sprintf("%d %d 1\n", insideUID, uid)
		p.GIDMap = p.UIDMap
		p.become(insideUID)
	case ownIdentity:
		p.Namespaces |= unix.CLONE_NEWUSER
		p.UIDMap = fmt.Sprintf("%d %d 1\n", insideUID, os.Geteuid())
		p.GIDMap = fmt.Sprintf("%d %d 1\n", insideUID, os.Getegid())
		p.DenySetgroups = true
	case bareIdentity:
		// Root's capabilities are still needed after root is left.
		p.call("keep the capabilities", unix.SYS_PRCTL, num(unix.PR_SET_SECUREBITS), num(noSetuidFixup), num(0), num(0), num(0))
		p.become(uid)
	}
	p.call("set the umask", unix.SYS_UMASK, num(0o022))
}

// noSetuidFixup is SECBIT_NO_SETUID_FIXUP.
const noSetuidFixup = 1 << 2

// become leaves the worker's identity. In a user namespace all capabilities stay,
// since it has no root to lose them from.
func (p *plan) become(id int) {
	p.call("drop the supplementary groups", unix.SYS_SETGROUPS)
	p.call("set the group id", unix.SYS_SETRESGID, num(id), num(id), num(id))
	p.call("set the user id", unix.SYS_SETRESUID, num(id), num(id), num(id))
}
