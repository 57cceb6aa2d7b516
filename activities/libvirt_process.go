package activities

import (
	"fmt"
	"os"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"

	"lazaret.dev/lazaret/activities/virt/driver"
	"lazaret.dev/lazaret/activities/virt/libvirt"
	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/sandbox/seccomp"
)

// MaybeLibvirt turns this process into a libvirt client for a driver.Pool if that
// is what it was started as, and then never returns.
func MaybeLibvirt() {
	if driver.Started() && len(os.Args) == 2 {
		os.Exit(driver.Serve(libvirt.New(os.Args[1]), confineLibvirt))
	}
}

// confineLibvirt loads the filter of a URI's process, for all its threads.
func confineLibvirt(uri string) error {
	arch, err := seccomp.Native()
	if err != nil {
		return err
	}
	filter, err := seccomp.Compile(policies.LibvirtProcess(uri), arch)
	if err != nil {
		return err
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("no_new_privs: %w", err)
	}
	program := filter.Program()
	header := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}                                                                  //nolint:gosec // Compile bounds it
	_, _, e := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&header))) //nolint:gosec // as the kernel takes it
	if e != 0 {
		return fmt.Errorf("system-call filter: %w", e)
	}
	return nil
}
