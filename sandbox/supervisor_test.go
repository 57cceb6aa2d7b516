package sandbox

import (
	"strconv"
	"strings"
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

// TestDenied pins what denied calls mean, one or more a class.
func TestDenied(t *testing.T) {
	for _, c := range []struct {
		call   string
		args   [6]uint64
		files  []file
		typ    ViolationType
		level  Severity
		detail string
	}{
		{call: "ptrace", typ: UnauthorizedSystemCall, level: High, detail: "operation 0x0"},
		{call: "bpf", typ: UnauthorizedSystemCall, level: Critical, detail: "operation 0x0"},
		{call: "mkdir", files: []file{{path: "/x", access: Write}}, typ: UnauthorizedFileAccess, level: Low, detail: `write "/x"`},
		{call: "mkdir", files: []file{{path: "/etc/x", access: Write}}, typ: UnauthorizedFileAccess, level: Medium, detail: `write "/etc/x"`},
		{
			call: "rename", files: []file{{path: "/x", access: Write}, {path: "/root/.ssh/authorized_keys", access: Write}}, typ: UnauthorizedFileAccess, level: High,
			detail: `write "/x", write "/root/.ssh/authorized_keys"`,
		},
		{call: "execve", files: []file{{path: "/bin/sh", access: Read}}, typ: UnauthorizedSystemCall, level: Medium, detail: `execute "/bin/sh"`},
		{call: "setuid", typ: InvalidPermission, level: High, detail: "id 0"},
		{call: "setrlimit", typ: ResourceLimitExceeded, level: Low},
		{call: "socket", args: [6]uint64{unix.AF_INET6, unix.SOCK_STREAM | unix.SOCK_CLOEXEC}, typ: UnauthorizedNetworkAccess, level: Medium, detail: "AF_INET6, SOCK_STREAM"},
		{call: "socket", args: [6]uint64{unix.AF_INET, unix.SOCK_RAW}, typ: UnauthorizedNetworkAccess, level: High, detail: "AF_INET, SOCK_RAW"},
		{call: "socket", args: [6]uint64{unix.AF_VSOCK, 1}, typ: UnauthorizedNetworkAccess, level: High, detail: "AF_VSOCK, SOCK_STREAM"},
		{call: "clone", args: [6]uint64{unix.CLONE_THREAD}, typ: UnauthorizedSystemCall, level: Low, detail: "flags THREAD"},
		{call: "clone", typ: UnauthorizedSystemCall, level: Medium, detail: "flags of a fork"},
		{call: "clone", args: [6]uint64{unix.CLONE_NEWUSER | unix.CLONE_NEWPID}, typ: UnauthorizedSystemCall, level: High, detail: "flags NEWUSER|NEWPID"},
		{call: "mprotect", args: [6]uint64{0, 0, 5}, typ: UnauthorizedSystemCall, level: Medium, detail: "protection rx"},
		{call: "ioctl", args: [6]uint64{0, unix.TIOCSTI | 1<<32}, typ: UnauthorizedSystemCall, level: High, detail: "request 0x5412"},
	} {
		t.Run(c.call, func(t *testing.T) {
			a := act{call: c.call, args: c.args, files: c.files}
			v := judge{root: noRoot}.denied(a)
			assert.Equal(t, Violation{Type: c.typ, Severity: c.level, Action: actionDeny}, v)
			assert.Equal(t, c.detail, describe(a, memory{}))
		})
	}
}

// TestWatched pins which files a program is not to look for.
func TestWatched(t *testing.T) {
	for _, c := range []struct {
		call string
		file file
		want Severity
	}{
		{"openat", file{path: "/etc/shadow", access: Read}, High},
		{"openat", file{path: "/etc/hostname", access: Read}, 0},
		{"openat", file{path: "/home/ada/.ssh/id_ed25519", access: Read}, High},
		{"openat", file{path: "/home/ada/notes", access: Read}, Medium},
		{"openat", file{path: "/proc/1/environ", access: Read}, High},
		{"openat", file{path: "/proc/kcore", access: Read}, High},
		{"openat", file{path: "/proc/self/status", access: Read}, 0},
		{"openat", file{path: "/proc/meminfo", access: Read}, 0},
		{"openat", file{path: "/sys/devices/system/cpu/online", access: Read}, 0},
		{"openat", file{path: "/sys/kernel/security/lsm", access: Read}, High},
		{"openat", file{path: "/dev/null", access: Write}, 0},
		{"openat", file{path: "/dev/tty", access: Write}, Low},
		{"openat", file{path: "/dev/mem", access: Write}, High},
		{"openat", file{path: "/scratch/x", access: Write}, 0},
		{"openat", file{path: "/dev/shm/x", access: Write}, 0},
		{"openat", file{path: "/x", access: Write}, Low},
		{"openat", file{path: "/usr/lib/python3/__pycache__/x.pyc", access: Write}, Low},
		{"openat", file{path: "/usr/bin/x", access: Write}, Medium},
		{"openat", file{path: "/proc/sys/kernel/core_pattern", access: Write}, High},
		{"connect", file{path: "/var/run/docker.sock", access: Read}, High},
		{"connect", file{path: "/var/run/nscd/socket", access: Read}, 0},
		{"execve", file{path: "/scratch/x", access: Read}, Medium},
		{"execve", file{path: "/usr/bin/id", access: Read}, 0},
	} {
		t.Run(c.call+c.file.path, func(t *testing.T) {
			v, ok := judge{work: true, root: noRoot}.watched(act{call: c.call, files: []file{c.file}})
			assert.Equal(t, c.want > 0, ok)
			assert.Equal(t, c.want, v.Severity)
			if ok {
				assert.Equal(t, UnauthorizedFileAccess, v.Type)
			}
		})
	}
}

func TestPattern(t *testing.T) {
	for _, c := range []struct {
		pattern string
		yes, no []string
	}{
		{"/etc/shadow", []string{"/etc/shadow"}, []string{"/etc/shadow-", "/etc", "/etc/shadow/x"}},
		{"/root/**", []string{"/root", "/root/a/b"}, []string{"/rooted"}},
		{"**/.ssh/**", []string{"/.ssh", "/home/a/.ssh/id", "/a/b/.ssh/c/d"}, []string{"/home/a/ssh"}},
		{"/proc/[0-9]*/**", []string{"/proc/12/mem"}, []string{"/proc/self/mem"}},
		{"/*", []string{"/x", "/"}, []string{"/x/y"}},
	} {
		for _, path := range c.yes {
			assert.True(t, newPattern(c.pattern).match(path), "%s %s", c.pattern, path)
		}
		for _, path := range c.no {
			assert.False(t, newPattern(c.pattern).match(path), "%s %s", c.pattern, path)
		}
	}
}

func TestAbsolute(t *testing.T) {
	for text, want := range map[string]string{
		"/a/../b//c/.":                                      "/b/c",
		"/proc/self/root/etc/shadow":                        "/etc/shadow",
		"/proc/2/root/proc/thread-self/root/etc":            "/etc",
		"/proc/self/task/2/root":                            "/",
		"/proc/self/root/../etc/./shadow":                   "/etc/shadow",
		"/proc/1/root/etc":                                  "/proc/1/root/etc",
		"/proc/self/rootless":                               "/proc/self/rootless",
		strings.Repeat("/.", 2000) + "/../../etc/./gshadow": "/etc/gshadow",
	} {
		assert.Equal(t, want, absolute(memory{}, 0, text))
	}
}

func TestParseAddress(t *testing.T) {
	for _, c := range []struct {
		raw  string
		want string
	}{
		{"\x02\x00\x00\x50\x01\x02\x03\x04", "AF_INET 1.2.3.4:80"},
		{"\x0a\x00\x01\xbb\x00\x00\x00\x00" + strings.Repeat("\x00", 15) + "\x01", "AF_INET6 [::1]:443"},
		{"\x01\x00/run/x\x00y", `AF_UNIX "/run/x"`},
		{"\x01\x00\x00name", `AF_UNIX abstract "name"`},
		{"\x01\x00/\x1b[2J", `AF_UNIX "/\x1b[2J"`},
		{"\x02\x00", "AF_INET"},
		{"", "AF_UNSPEC"},
	} {
		assert.Equal(t, c.want, parseAddress([]byte(c.raw)).String())
	}
}

func TestClassesNameRealCalls(t *testing.T) {
	for _, c := range Classes() {
		assert.NotEmpty(t, c.Name)
		for name := range strings.FieldsSeq(c.Calls) {
			switch name {
			case "vm86", "uselib", "lookup_dcookie", "nfsservctl": // i386, old, or AArch64 alone
				continue
			}
			assert.True(t, seccomp.Known(name), name)
		}
	}
}

func TestLedger_Aggregates(t *testing.T) {
	l := newLedger(&Spec{ID: "run"})
	v := Violation{Type: UnauthorizedNetworkAccess, Severity: Medium, Syscall: "socket", Detail: "AF_INET, SOCK_STREAM", Action: actionDeny}
	for i := range 3 {
		assert.Equal(t, i == 0, l.add(v))
	}
	v.Detail = "AF_INET6, SOCK_STREAM"
	l.add(v)
	require.Len(t, l.list(), 2)
	assert.Equal(t, 3, l.list()[0].Count)
	assert.Equal(t, 4, l.total)
	assert.NotEqual(t, l.list()[0].ID, l.list()[1].ID)
	for seed, same := range map[string]bool{"run": true, "other": false, "": false} {
		other := newLedger(&Spec{ID: seed})
		other.add(v)
		assert.Equal(t, same, l.list()[1].ID == other.list()[0].ID, "seed %q", seed)
	}
}

func TestLedger_IsBounded(t *testing.T) {
	l := newLedger(&Spec{})
	for i := range 1000 {
		l.add(Violation{Type: UnauthorizedFileAccess, Severity: Medium, Syscall: "openat", Detail: strconv.Itoa(i)})
	}
	assert.Len(t, l.list(), maxKinds+1)
	assert.Equal(t, 1000-maxKinds, l.list()[maxKinds].Count)
}

// deafListener knows of no call.
func deafListener(t *testing.T) *seccomp.Listener {
	t.Helper()
	var ends [2]int
	require.NoError(t, unix.Pipe2(ends[:], unix.O_CLOEXEC))
	t.Cleanup(func() { _ = unix.Close(ends[1]) })
	l, err := seccomp.NewListener(ends[0])
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// TestLedger_Alerts: the first of each kind that is High or worse is told at once;
// nobody who does not listen holds up the supervisor (A26).
func TestLedger_Alerts(t *testing.T) {
	alerts := make(chan Violation, 2)
	s := &supervisor{arch: seccomp.X86, ledger: newLedger(&Spec{Alerts: alerts}), killAt: NoKill, listener: deafListener(t)}
	for _, severity := range []Severity{Low, Medium, High, High, Critical} {
		s.record(Violation{Type: UnauthorizedSystemCall, Severity: severity, Action: actionDeny}, act{call: "ptrace"}, seccomp.Notification{})
	}
	s.record(Violation{Type: UnauthorizedFileAccess, Severity: High, Action: actionDeny}, act{call: "openat"}, seccomp.Notification{})
	require.Len(t, alerts, 2, "what finds no room is dropped")
	first, second := <-alerts, <-alerts
	assert.Equal(t, []Severity{High, Critical}, []Severity{first.Severity, second.Severity})
	assert.Equal(t, s.ledger.list()[2].ID, first.ID)
	assert.Equal(t, 1, first.Count)
	assert.Len(t, s.ledger.list(), 5)
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
