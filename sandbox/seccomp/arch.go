package seccomp

import (
	"fmt"
	"runtime"

	"golang.org/x/sys/unix"
)

// Arch is a system-call ABI: its audit number and its table.
type Arch struct {
	GOARCH string
	Audit  uint32 // AUDIT_ARCH_*, what the kernel puts into seccomp_data
	calls  map[string]uint32
	names  map[uint32]string
	// abi is a bit that marks calls of another ABI under the same audit number.
	abi uint32
}

// x32Bit is __X32_SYSCALL_BIT.
const x32Bit = 0x40000000

// The architectures.
var (
	X86 = newArch("amd64", unix.AUDIT_ARCH_X86_64, x86Calls, x32Bit)
	ARM = newArch("arm64", unix.AUDIT_ARCH_AARCH64, armCalls, 0)
)

func newArch(goarch string, audit uint32, calls map[string]uint32, abi uint32) Arch {
	names := make(map[uint32]string, len(calls))
	for name, nr := range calls {
		names[nr] = name
	}
	return Arch{goarch, audit, calls, names, abi}
}

// Native is the architecture of this process.
func Native() (Arch, error) {
	switch runtime.GOARCH {
	case X86.GOARCH:
		return X86, nil
	case ARM.GOARCH:
		return ARM, nil
	}
	return Arch{}, fmt.Errorf("system-call table for %s: %w", runtime.GOARCH, unix.ENOSYS)
}

// Name is the name of a call, or empty.
func (a Arch) Name(nr uint32) string { return a.names[nr] }

// Number is the number of a call; false if the architecture does not have it.
func (a Arch) Number(name string) (uint32, bool) {
	nr, ok := a.calls[name]
	return nr, ok
}

// Known says whether any architecture here has a call of that name.
func Known(name string) bool {
	_, x86 := x86Calls[name]
	_, arm := armCalls[name]
	return x86 || arm
}

func (a Arch) foreign(nr uint32) bool { return nr&a.abi != 0 }
