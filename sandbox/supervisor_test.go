package sandbox

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
	"lazaret.dev/lazaret/sandbox/seccomp"
)

// TestSupervisor_PanicDenies: a fault of ours while a call is being judged must
// come out as an error, after which serve closes the listener, and never as a
// permission.
func TestSupervisor_PanicDenies(t *testing.T) {
	s := &supervisor{arch: seccomp.X86, started: true} // no ledger
	err := s.answer(seccomp.Notification{Call: unix.SYS_PTRACE})
	require.ErrorContains(t, err, "BUG: supervisor")
}

func TestViolation_Actions(t *testing.T) {
	nr := func(name string) uint32 { n, _ := seccomp.X86.Number(name); return n }
	for _, c := range []struct {
		call   string
		args   [6]uint64
		strict bool
		before int
		want   Violation
	}{
		{call: "ptrace", want: Violation{Type: UnauthorizedSystemCall, Severity: High, Detail: "operation 0x0", Action: "EPERM"}},
		{call: "ptrace", strict: true, want: Violation{Type: UnauthorizedSystemCall, Severity: High, Detail: "operation 0x0", Action: "kill"}},
		{call: "bpf", want: Violation{Type: UnauthorizedSystemCall, Severity: Critical, Detail: "operation 0x0", Action: "kill"}},
		{call: "mkdir", strict: true, want: Violation{Type: UnauthorizedFileAccess, Severity: Low, Action: "EPERM"}},
		{call: "mkdir", before: maxDenials, want: Violation{Type: UnauthorizedFileAccess, Severity: Low, Action: "kill"}},
		{call: "setuid", want: Violation{Type: InvalidPermission, Severity: High, Action: "EPERM"}},
		{call: "setrlimit", want: Violation{Type: ResourceLimitExceeded, Severity: Low, Action: "EPERM"}},
		{call: "socket", args: [6]uint64{unix.AF_INET6, unix.SOCK_STREAM | unix.SOCK_CLOEXEC}, want: Violation{Type: UnauthorizedNetworkAccess, Severity: Medium, Detail: "AF_INET6, type 1", Action: "EPERM"}},
		{call: "socket", args: [6]uint64{unix.AF_VSOCK, 1}, want: Violation{Type: UnauthorizedNetworkAccess, Severity: High, Detail: "AF_VSOCK, type 1", Action: "EPERM"}},
		{call: "clone", args: [6]uint64{unix.CLONE_THREAD}, strict: true, want: Violation{Type: UnauthorizedSystemCall, Severity: Low, Detail: "flags THREAD", Action: "EPERM"}},
		{call: "clone", args: [6]uint64{unix.CLONE_NEWUSER}, want: Violation{Type: UnauthorizedSystemCall, Severity: High, Detail: "flags namespaces", Action: "EPERM"}},
		{call: "mprotect", args: [6]uint64{0, 0, 5}, want: Violation{Type: UnauthorizedSystemCall, Severity: Medium, Detail: "protection rx", Action: "EPERM"}},
	} {
		t.Run(c.call, func(t *testing.T) {
			s := &supervisor{arch: seccomp.X86, strict: c.strict, ledger: newLedger()}
			s.ledger.total = c.before
			c.want.Syscall = c.call
			assert.Equal(t, c.want, s.violation(c.call, seccomp.Notification{Call: nr(c.call), Args: c.args}))
		})
	}
	unknown := (&supervisor{arch: seccomp.X86, ledger: newLedger()}).violation("", seccomp.Notification{Call: 999})
	assert.Equal(t, "system call 999", unknown.Detail)
}

func TestClassesNameRealCalls(t *testing.T) {
	for name := range classOf {
		switch name {
		case "vm86", "uselib", "lookup_dcookie", "nfsservctl": // i386, old, or AArch64 alone
			continue
		}
		assert.True(t, seccomp.Known(name), name)
	}
}

func TestLedger_Aggregates(t *testing.T) {
	l := newLedger()
	for range 3 {
		l.add(Violation{Type: UnauthorizedNetworkAccess, Syscall: "socket", Detail: "AF_INET, type 1", Action: actionDeny})
	}
	l.add(Violation{Type: UnauthorizedNetworkAccess, Syscall: "socket", Detail: "AF_INET6, type 1", Action: actionDeny})
	require.Len(t, l.list(), 2)
	assert.Equal(t, 3, l.list()[0].Count)
	assert.Equal(t, 4, l.total)
	assert.NotEqual(t, l.list()[0].ID, l.list()[1].ID)
	other := newLedger()
	other.add(l.list()[0])
	assert.NotEqual(t, l.list()[0].ID, other.list()[0].ID, "ids of two runs")
}

func TestSeverityText(t *testing.T) {
	for _, s := range []Severity{Low, Medium, High, Critical} {
		b, err := s.MarshalText()
		require.NoError(t, err)
		var got Severity
		require.NoError(t, got.UnmarshalText(b))
		assert.Equal(t, s, got)
	}
	var s Severity
	assert.Error(t, s.UnmarshalText([]byte("severe")))
}
