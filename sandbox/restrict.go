package sandbox

import (
	"errors"
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// ErrNoLandlock says that the kernel has no Landlock, or that it is switched off.
var ErrNoLandlock = errors.New("the kernel has no Landlock")

// Restriction is what Landlock leaves to a process of the worker's own. Of all that
// the kernel's Landlock can deny, the rest is denied: other files, other writing, TCP
// ports from version 4 on, abstract sockets and signals to the outside from 6 on.
type Restriction struct {
	// Read are files and folders that may be read, Execute those that may be read and
	// executed. What does not exist is left out.
	Read, Execute []string
	// Write are files that may be read and written.
	Write []string
	// Connect are the ports to which it may connect; AnyPort, that it may to all.
	Connect []uint16
	AnyPort bool
}

// Thread restricts the calling thread, for ever, with whatever it executes; other
// threads of the process stay as they are. It sets no_new_privs. Preconditions: the
// goroutine is locked to its thread. Its error is ErrNoLandlock where there is none.
func (r Restriction) Thread() error {
	abi, err := probeLandlock()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNoLandlock, err)
	}
	files, network, scopes := abi.handled()
	if r.AnyPort {
		network &^= unix.LANDLOCK_ACCESS_NET_CONNECT_TCP
	}
	attr := [3]uint64{files, network, scopes}
	fd, _, e := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(&attr)), uintptr(abi.attrSize()), 0)
	if e != 0 {
		return fmt.Errorf("create a Landlock ruleset: %w", e)
	}
	ruleset := int(fd)
	defer func() { _ = unix.Close(ruleset) }()
	err = errors.Join(
		permit(ruleset, landlockRead, r.Read),
		permit(ruleset, landlockRead|unix.LANDLOCK_ACCESS_FS_EXECUTE, r.Execute),
		permit(ruleset, landlockRead|unix.LANDLOCK_ACCESS_FS_WRITE_FILE, r.Write),
	)
	if network&unix.LANDLOCK_ACCESS_NET_CONNECT_TCP != 0 {
		err = errors.Join(err, permitPorts(ruleset, r.Connect))
	}
	if err != nil {
		return err
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("no_new_privs: %w", err)
	}
	if _, _, e := unix.Syscall(unix.SYS_LANDLOCK_RESTRICT_SELF, fd, 0, 0); e != 0 {
		return fmt.Errorf("restrict by Landlock: %w", e)
	}
	return nil
}

func permit(ruleset int, access uint64, paths []string) error {
	for _, path := range paths {
		if err := permitPath(ruleset, access, path); err != nil {
			return fmt.Errorf("grant %s by Landlock: %w", path, err)
		}
	}
	return nil
}

// pathBeneath is struct landlock_path_beneath_attr, which is packed: of its 16 bytes
// the kernel reads 12.
type pathBeneath struct {
	access uint64
	fd     int32
	_      int32
}

func permitPath(ruleset int, access uint64, path string) error {
	fd, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.EACCES) {
		return nil // there is nothing, or nothing for this user
	}
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(fd) }()
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil {
		return err
	}
	if stat.Mode&unix.S_IFMT != unix.S_IFDIR {
		access &^= unix.LANDLOCK_ACCESS_FS_READ_DIR
	}
	rule := pathBeneath{access: access, fd: int32(fd)}
	return addRule(ruleset, unix.LANDLOCK_RULE_PATH_BENEATH, unsafe.Pointer(&rule))
}

func permitPorts(ruleset int, ports []uint16) error {
	for _, port := range ports {
		rule := [2]uint64{unix.LANDLOCK_ACCESS_NET_CONNECT_TCP, uint64(port)}
		if err := addRule(ruleset, landlockRuleNetPort, unsafe.Pointer(&rule)); err != nil {
			return fmt.Errorf("grant port %d by Landlock: %w", port, err)
		}
	}
	return nil
}

func addRule(ruleset, kind int, rule unsafe.Pointer) error {
	if _, _, e := unix.Syscall6(unix.SYS_LANDLOCK_ADD_RULE, uintptr(ruleset), uintptr(kind), uintptr(rule), 0, 0, 0); e != 0 {
		return e
	}
	return nil
}
