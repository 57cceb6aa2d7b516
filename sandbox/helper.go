package sandbox

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"

	"lazaret.dev/lazaret/sandbox/initproc"
)

// initbin holds the init helper, if it was built before this package.
//
//go:embed initbin
var initbin embed.FS

var hooked bool

// MaybeInit turns this process into an init helper if that is what it was
// started as, and then never returns. Otherwise it only notes that it was
// called: a worker without an embedded helper starts itself, which would do
// harm in a program that does not begin with MaybeInit.
func MaybeInit() {
	if len(os.Args) > 0 && os.Args[0] == initproc.Name {
		initproc.Main()
	}
	hooked = true
}

// openHelper returns the executable to start helpers from. The caller closes it.
func openHelper() (*os.File, error) {
	program, err := initbin.ReadFile("initbin/" + initproc.Name)
	if err == nil {
		return sealed(program)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if !hooked {
		return nil, errors.New("none is embedded (go generate ./sandbox) and main does not call sandbox.MaybeInit")
	}
	return os.Open("/proc/self/exe")
}

// sealed puts a program into memory where nobody can change it any more, not
// even through /proc/PID/exe of a process that runs it.
func sealed(program []byte) (*os.File, error) {
	fd, err := memfd(initproc.Name, unix.MFD_ALLOW_SEALING|unix.MFD_EXEC)
	if errors.Is(err, unix.EINVAL) { // before Linux 6.3 every memfd is executable
		fd, err = memfd(initproc.Name, unix.MFD_ALLOW_SEALING)
	}
	if err != nil {
		return nil, err
	}
	if _, err := fd.Write(program); err != nil {
		return nil, errors.Join(fmt.Errorf("fill the helper's memfd: %w", err), fd.Close())
	}
	seals := unix.F_SEAL_SEAL | unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_WRITE
	if _, err := unix.FcntlInt(fd.Fd(), unix.F_ADD_SEALS, seals); err != nil {
		return nil, errors.Join(fmt.Errorf("seal the helper's memfd: %w", err), fd.Close())
	}
	return fd, nil
}

func memfd(name string, flags int) (*os.File, error) {
	fd, err := unix.MemfdCreate(name, unix.MFD_CLOEXEC|flags)
	if err != nil {
		return nil, fmt.Errorf("memfd_create: %w", err)
	}
	return os.NewFile(uintptr(fd), name), nil
}
