package sandbox

import (
	"golang.org/x/sys/unix"

	"lazaret.dev/lazaret/sandbox/initproc"
)

// landlockABI is the kernel's Landlock version; 0 is none.
type landlockABI int

const stepLandlock = "ask for Landlock"

func probeLandlock() (landlockABI, error) {
	abi, _, e := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if e != 0 {
		return 0, e
	}
	return landlockABI(abi), nil
}

// handled is every right that the ABI knows: what is handled and not granted
// below is denied.
func (a landlockABI) handled() (files, network, scopes uint64) {
	files = 1<<13 - 1
	for _, added := range []struct {
		abi   landlockABI
		right uint64
	}{
		{2, unix.LANDLOCK_ACCESS_FS_REFER},
		{3, unix.LANDLOCK_ACCESS_FS_TRUNCATE},
		{5, unix.LANDLOCK_ACCESS_FS_IOCTL_DEV},
	} {
		if a >= added.abi {
			files |= added.right
		}
	}
	if a >= 4 {
		network = unix.LANDLOCK_ACCESS_NET_BIND_TCP | unix.LANDLOCK_ACCESS_NET_CONNECT_TCP
	}
	if a >= 6 {
		scopes = unix.LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET | unix.LANDLOCK_SCOPE_SIGNAL
	}
	return files, network, scopes
}

// attrSize is the size of struct landlock_ruleset_attr that the ABI takes.
func (a landlockABI) attrSize() int {
	switch {
	case a >= 6:
		return 24
	case a >= 4:
		return 16
	}
	return 8
}

const (
	landlockRead  = unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_READ_DIR
	landlockWrite = unix.LANDLOCK_ACCESS_FS_WRITE_FILE | unix.LANDLOCK_ACCESS_FS_TRUNCATE
	landlockMake  = unix.LANDLOCK_ACCESS_FS_MAKE_REG | unix.LANDLOCK_ACCESS_FS_MAKE_DIR | unix.LANDLOCK_ACCESS_FS_MAKE_SYM |
		unix.LANDLOCK_ACCESS_FS_MAKE_FIFO | unix.LANDLOCK_ACCESS_FS_MAKE_SOCK |
		unix.LANDLOCK_ACCESS_FS_REMOVE_FILE | unix.LANDLOCK_ACCESS_FS_REMOVE_DIR | unix.LANDLOCK_ACCESS_FS_REFER
)

// landlock restricts the program to reading its root, executing from its binds
// and writing to its scratch. Pid 1 stays outside, so that with ABI 6 the
// program cannot signal it.
func (p *plan) landlock(s *Spec, sources []source, abi landlockABI) {
	files, network, scopes := abi.handled()
	ruleset := p.save("create a Landlock ruleset", unix.SYS_LANDLOCK_CREATE_RULESET,
		p.words(files, network, scopes), num(abi.attrSize()))
	p.grant(ruleset, landlockRead, "/")
	p.grant(ruleset, unix.LANDLOCK_ACCESS_FS_EXECUTE, programs(sources)...)
	p.grant(ruleset, landlockWrite&files, "/dev/null", "/dev/zero", "/dev/random", "/dev/urandom")
	if s.Scratch > 0 {
		p.grant(ruleset, (landlockWrite|landlockMake)&files, "/scratch", "/tmp")
	}
	p.connectPorts(ruleset, s.Network.connectable(), abi)
	p.call("restrict by Landlock", unix.SYS_LANDLOCK_RESTRICT_SELF, ruleset, num(0))
}

// grant permits access beneath the paths. struct landlock_path_beneath_attr,
// {u64 access; s32 fd} packed, lies in two neighbouring registers, because the
// descriptor is not known before the plan runs.
func (p *plan) grant(ruleset initproc.Arg, access uint64, paths ...string) {
	attr, fd := p.pair()
	p.set(attr, access)
	for _, path := range paths {
		p.call(quoted("open for Landlock", path), unix.SYS_OPENAT, here, p.str(path), num(unix.O_PATH|unix.O_CLOEXEC)).Save = fd
		p.call(quoted("grant by Landlock", path), unix.SYS_LANDLOCK_ADD_RULE, ruleset,
			num(unix.LANDLOCK_RULE_PATH_BENEATH), regAddr(attr), num(0))
		p.call("close", unix.SYS_CLOSE, reg(fd))
	}
}

// programs are the binds in which programs may be.
func programs(sources []source) []string {
	var paths []string
	for _, s := range sources {
		if s.link == "" && !s.data {
			paths = append(paths, s.path)
		}
	}
	return paths
}
