package activities

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"lazaret.dev/lazaret/activities/virt"
	"lazaret.dev/lazaret/activities/virt/driver"
	"lazaret.dev/lazaret/activities/virt/libvirt"
	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/sandbox"
	"lazaret.dev/lazaret/sandbox/seccomp"
)

// MaybeLibvirt turns this process into a libvirt client for a driver.Pool if that
// is what it was started as, and then never returns.
func MaybeLibvirt() {
	if driver.Started() {
		os.Exit(serveLibvirt(libvirt.New(driver.URI())))
	}
}

// restricted marks a process whose every thread Landlock restricts. What starts
// such processes by other means than a Pool's gains nothing by it.
const restricted = "LAZARET_LIBVIRT_RESTRICTED"

// serveLibvirt serves an executor in two steps. Landlock restricts a thread and not
// a process, and Go has several threads by now: so one is restricted, and executes
// this program again, all of whose threads come from that one.
func serveLibvirt(executor driver.Executor) int {
	if os.Getenv(restricted) == "" {
		err := restrictLibvirt(driver.URI())
		return driver.Serve(executor, func(string) error { return err }) // it is still here: it failed
	}
	return driver.Serve(executor, filterLibvirt)
}

func reachOf(uri string) policies.LibvirtReach {
	transport := virt.Transport(uri)
	return policies.LibvirtReach{Remote: transport != virt.Local, SSH: transport == virt.SecureSSH, Port: virt.Port(uri)}
}

// restrictLibvirt restricts this thread and executes the program again. It returns
// only with an error.
func restrictLibvirt(uri string) error {
	runtime.LockOSThread()
	if err := renounceCapabilities(reachOf(driver.URI()).SSH); err != nil {
		return err
	}
	err := policies.LibvirtFiles(reachOf(uri), os.Getenv).Thread()
	if errors.Is(err, sandbox.ErrNoLandlock) {
		if !slices.Contains(driver.MayLack(), string(sandbox.Landlock)) {
			return fmt.Errorf("%w; --allow-degraded %s permits it", err, sandbox.Landlock)
		}
		err = nil
	}
	if err != nil {
		return err
	}
	return fmt.Errorf("execute this program again: %w", syscall.Exec("/proc/self/exe", os.Args, append(os.Environ(), restricted+"=1"))) //nolint:gosec // ourselves
}

// filterLibvirt loads the filter of a URI's process, for all its threads.
func filterLibvirt(uri string) error {
	if err := checkCapabilities(reachOf(uri).SSH); err != nil {
		return err
	}
	arch, err := seccomp.Native()
	if err != nil {
		return err
	}
	filter, err := seccomp.Compile(policies.LibvirtProcess(reachOf(uri)), arch)
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
