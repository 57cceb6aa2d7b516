package activities

import (
	"errors"
	"fmt"
	"os"
	"slices"

	"golang.org/x/sys/unix"

	"lazaret.dev/lazaret/activities/virt/driver"
)

// noRoot is SECBIT_NOROOT, locked: executing a program gives root no capability.
const noRoot = 1<<0 | 1<<1

// renounceCapabilities has what this thread executes be without capabilities: root's
// client of libvirt is root by its name alone, which is what daemons and the owners of
// files look at (C02). With ssh it keeps CAP_SETPCAP, by which libvirt takes all from
// ssh, and which gives nobody another: root's are void, and so are those of files.
func renounceCapabilities(ssh bool) error {
	if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); err != nil {
		return fmt.Errorf("give up ambient capabilities: %w", err)
	}
	if os.Geteuid() != 0 {
		return nil // executing takes all from others
	}
	bits, err := unix.PrctlRetInt(unix.PR_GET_SECUREBITS, 0, 0, 0, 0)
	if err == nil {
		err = unix.Prctl(unix.PR_SET_SECUREBITS, uintptr(bits|noRoot), 0, 0, 0)
	}
	if err == nil && ssh {
		err = keepCapability(unix.CAP_SETPCAP)
	}
	if err != nil && !mayKeepCapabilities() && capabilities() != 0 {
		return fmt.Errorf("give up root's capabilities: %w; --allow-degraded %s permits it to keep them", err, driver.NetworkNamespace)
	}
	return nil
}

// keepCapability has what this thread executes keep one capability.
func keepCapability(one int) error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		return err
	}
	data[one/32].Inheritable |= 1 << (one % 32)
	if err := unix.Capset(&header, &data[0]); err != nil {
		return err
	}
	return unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_RAISE, uintptr(one), 0, 0)
}

// checkCapabilities fails if others are left than may be.
func checkCapabilities(ssh bool) error {
	left := capabilities()
	if ssh {
		left &^= 1 << unix.CAP_SETPCAP
	}
	if left != 0 && !mayKeepCapabilities() {
		return errors.New("it still has capabilities")
	}
	return nil
}

func mayKeepCapabilities() bool { return slices.Contains(driver.MayLack(), driver.NetworkNamespace) }

// capabilities are those that this thread has or can have; what cannot be told counts
// as all.
func capabilities() uint64 {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if unix.Capget(&header, &data[0]) != nil {
		return ^uint64(0)
	}
	return uint64(data[1].Permitted)<<32 | uint64(data[0].Permitted)
}
