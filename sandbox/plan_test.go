package sandbox

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"lazaret.dev/lazaret/sandbox/initproc"
	"lazaret.dev/lazaret/sandbox/machine"
	"lazaret.dev/lazaret/sandbox/seccomp"
)

func planned(t *testing.T, change func(*Spec)) *plan {
	t.Helper()
	env := HostEnvironment()
	s := Spec{
		Argv: []string{"/usr/bin/true"}, Binds: env.Binds, Files: env.Files, Scratch: 1 << 20, Proc: true,
		Limits: Limits{Wall: time.Second, Memory: 64 << 20, Processes: 1, Stdout: 1, Stderr: 1, OpenFiles: 64, FileSize: 1},
	}
	if change != nil {
		change(&s)
	}
	require.NoError(t, s.validate())
	filter, err := seccomp.Compile(seccomp.AllExcept(seccomp.X86), seccomp.X86)
	require.NoError(t, err)
	p, err := build(&s, 12345, features{arch: seccomp.X86, landlock: 7}, filter)
	require.NoError(t, err)
	return p
}

// TestBuild_Order pins the order on which the layers depend.
func TestBuild_Order(t *testing.T) {
	p := planned(t, nil)
	_, err := initproc.Decode(initproc.Encode(&p.Plan))
	require.NoError(t, err)
	require.Len(t, p.initNames, len(p.Init))
	require.Len(t, p.programNames, len(p.Program))
	inOrder(t, p.initNames, `open "/usr"`, `make read-only "/usr"`, "set the user id", "make mounts private", "attach the root",
		`mount "/proc"`, `attach "/usr"`, `attach "/dev/null"`, "pivot the root", "detach the host's root", "make the root read-only",
		"drop capabilities", "set no_new_privs", "die with the worker")
	inOrder(t, p.programNames, "start a session", "close inherited descriptors", "restrict by Landlock", "limit open files",
		"load the system-call filter", "announce the filter", "wait for the worker", `execute "/usr/bin/true"`)
	last := p.Program[len(p.Program)-4:]
	assert.EqualValues(t, unix.SYS_SECCOMP, last[0].Number, "under the filter only write, read and execve remain")
	lastMount := slices.IndexFunc(p.initNames, func(n string) bool { return strings.HasPrefix(n, "link ") })
	for _, name := range p.initNames[:lastMount] {
		assert.NotContains(t, name, "link ")
	}
	for _, name := range p.initNames[lastMount:] {
		assert.False(t, strings.HasPrefix(name, "attach ") || strings.HasPrefix(name, "create "), "%s follows a symbolic link", name)
	}
}

func inOrder(t *testing.T, names []string, want ...string) {
	t.Helper()
	at := -1
	for _, w := range want {
		i := slices.Index(names, w)
		require.Greater(t, i, at, "%s in %q", w, names)
		at = i
	}
}

func TestBuild_NothingThatWasNotAskedFor(t *testing.T) {
	p := planned(t, func(s *Spec) { s.Scratch, s.Proc = 0, false })
	for _, name := range p.initNames {
		assert.False(t, strings.HasPrefix(name, "mount \""), name)
	}
}

func TestBuild_AsManyBindsAsAllowed(t *testing.T) {
	planned(t, func(s *Spec) {
		for len(s.Binds) < maxBinds {
			s.Binds = append(s.Binds, t.TempDir())
		}
	})
}

func TestOutermost(t *testing.T) {
	assert.Equal(t, []string{"/usr", "/etc/ssl"}, outermost([]string{"/usr/lib", "/etc/ssl", "/usr", "/usr", "/etc/ssl/certs"}))
}

func TestWithin(t *testing.T) {
	assert.True(t, within("/a/b", "/a"))
	assert.True(t, within("/a", "/a"))
	assert.True(t, within("/a", "/"))
	assert.False(t, within("/ab", "/a"))
}

func TestLandlockHandled(t *testing.T) {
	for abi, want := range map[landlockABI][3]uint64{
		1: {0x1fff, 0, 0}, 2: {0x3fff, 0, 0}, 3: {0x7fff, 0, 0}, 4: {0x7fff, 3, 0}, 5: {0xffff, 3, 0}, 6: {0xffff, 3, 3}, 9: {0xffff, 3, 3},
	} {
		files, network, scopes := abi.handled()
		assert.Equal(t, want, [3]uint64{files, network, scopes}, "ABI %d", abi)
	}
}

// TestIdentities holds as whom programs run: never as the host's root.
func TestIdentities(t *testing.T) {
	const setters = 1<<unix.CAP_SETUID | 1<<unix.CAP_SETGID
	for _, c := range []struct {
		machine machine.Machine
		ids     bool
		want    identity
	}{
		{machine.Machine{UID: 0, Capabilities: setters, UIDMap: "0 0 4294967295"}, true, slotIdentity},
		{machine.Machine{UID: 0, Capabilities: setters, UIDMap: "0 100000 65536"}, true, slotIdentity},
		{machine.Machine{UID: 0, UIDMap: "0 0 4294967295"}, true, slotIdentity}, // which fails, rather than be root
		{machine.Machine{UID: 0, Capabilities: setters, UIDMap: "0 0 1"}, false, slotIdentity},
		{machine.Machine{UID: 0, UIDMap: ""}, false, slotIdentity},
		{machine.Machine{UID: 0, Capabilities: setters, UIDMap: "0 1000 1"}, false, ownIdentity},
		{machine.Machine{UID: 1000, UIDMap: "0 0 4294967295"}, true, ownIdentity},
		{machine.Machine{UID: 1000, Capabilities: setters, UIDMap: "0 0 4294967295"}, true, slotIdentity},
	} {
		assert.Equal(t, c.want, chooseIdentity(c.machine, c.ids), "%+v", c)
	}
}

func TestSpareIDs(t *testing.T) {
	all := "         0          0 4294967295\n"
	assert.Equal(t, firstUID+7*uidsPerWorker, spareIDs(all, all, 7))
	few := "0 100000 65536\n"
	for pid := range 1000 {
		first := spareIDs(few, few, pid)
		assert.Greater(t, first, 1000)
		assert.Less(t, first+uidsPerWorker, 65534, "nobody's")
	}
	assert.NotEqual(t, spareIDs(few, few, 7), spareIDs(few, few, 8))
	assert.Zero(t, spareIDs("0 1000 1\n", "0 1000 1\n", 7))
	assert.Zero(t, spareIDs(few, "0 1000 1\n", 7))
	assert.Zero(t, spareIDs("", "", 7))
	assert.Equal(t, firstUID+7*uidsPerWorker, spareIDs("0 1000 1\n1 100000 4294860000\n", all, 7))
}

func BenchmarkBuild(b *testing.B) {
	arch, err := seccomp.Native()
	require.NoError(b, err)
	s := trialSpec(arch)
	filter, err := seccomp.Compile(s.Syscalls, arch)
	require.NoError(b, err)
	for b.Loop() {
		p, err := build(&s, 1, features{arch: arch, landlock: 7}, filter)
		require.NoError(b, err)
		_ = initproc.Encode(&p.Plan)
	}
}
