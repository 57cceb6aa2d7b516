package policies

import (
	"slices"

	"golang.org/x/sys/unix"

	"lazaret.dev/lazaret/sandbox"
	"lazaret.dev/lazaret/sandbox/seccomp"
)

// maximum permits one process with one thread that reads, computes and writes to
// its pipes. No process or thread, no execve after the first, no socket with an
// address, no lock on a file, no memory that is both written and executed.
var maximum = seccomp.Policy{
	Name:  "maximum",
	Rules: slices.Concat(base, opening, ioctls, prctls, fcntls, archPrctl, noWrittenCode, signalSelf),
}

// noWrittenCode keeps code to what the read-only binds hold. The loader maps a
// library's code from its file, which is still possible, and the only files that
// can be mapped so are those: the root and the devices are mounted noexec, and
// memfd_create is denied. What it leaves is code reuse: jumping about in the code
// that is there.
var noWrittenCode = []seccomp.Rule{
	seccomp.Call(seccomp.Allow, "mmap", "mprotect").If(seccomp.LongBits(2, unix.PROT_EXEC, 0)),
	seccomp.Call(seccomp.Allow, "mmap").If(
		seccomp.LongBits(2, unix.PROT_EXEC|unix.PROT_WRITE, unix.PROT_EXEC),
		seccomp.LongBits(3, unix.MAP_ANONYMOUS, 0),
	).Because("code from a file"),
}

// signalSelf permits abort and raise.
var signalSelf = []seccomp.Rule{
	seccomp.Call(seccomp.Allow, "kill", "tkill", "tgkill").If(seccomp.Is(0, sandbox.ProgramPID)),
}
