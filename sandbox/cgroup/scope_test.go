package cgroup

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestLogin_May: only a session's group is left, and only if it bounds nothing.
func TestLogin_May(t *testing.T) {
	free := map[string]string{"memory.max": "max\n", "memory.high": "max\n", "pids.max": "max\n", "cpu.max": "max 100000\n"}
	for _, c := range []struct {
		group, file, bound string
		want               bool
	}{
		{group: "/user.slice/user-0.slice/session-1.scope", want: true},
		{group: "/user.slice/user-1000.slice/session-c2.scope", want: true},
		{group: "/system.slice/lazaret.service"},
		{group: "/system.slice/run-1.scope"},
		{group: "/system.slice/docker-0123.scope"},
		{group: "/user.slice/user-0.slice/session-1.scope/inner"},
		{group: "/"},
		{group: "/user.slice/user-0.slice/session-1.scope", file: "memory.max", bound: "1073741824\n"},
		{group: "/user.slice/user-0.slice/session-1.scope", file: "memory.high", bound: "1073741824\n"},
		{group: "/user.slice/user-0.slice/session-1.scope", file: "memory.swap.max", bound: "0\n"},
		{group: "/user.slice/user-0.slice/session-1.scope", file: "pids.max", bound: "100\n"},
		{group: "/user.slice/user-0.slice/session-1.scope", file: "cpu.max", bound: "50000 100000\n"},
	} {
		l := login{group: c.group, dir: t.TempDir()}
		for name, content := range free {
			require.NoError(t, os.WriteFile(filepath.Join(l.dir, name), []byte(content), 0o600))
		}
		if c.file != "" {
			require.NoError(t, os.WriteFile(filepath.Join(l.dir, c.file), []byte(c.bound), 0o600))
		}
		assert.Equal(t, c.want, l.may(), "%+v", c)
	}
}

// TestLogin_Request is what a guest with systemd 252 has answered with a scope.
func TestLogin_Request(t *testing.T) {
	const call = " call org.freedesktop.systemd1 /org/freedesktop/systemd1 org.freedesktop.systemd1.Manager StartTransientUnit " +
		"ssa(sv)a(sa(sv)) lazaret.7.99.scope fail "
	const properties = " Description s lazaret PIDs au 1 7 Delegate b true CollectMode s inactive-or-failed TasksMax t 18446744073709551615"
	who := owner{ns: initialPIDs, pid: 7, start: 99}
	ada := login{uid: 1000, group: "/user.slice/user-1000.slice/session-3.scope"}
	assert.Equal(t, "--user"+call+"5"+properties+" 0", strings.Join(ada.request(who), " "))
	root := login{group: "/user.slice/user-0.slice/session-1.scope"}
	assert.Equal(t, "--system"+call+"6"+properties+" Slice s user-0.slice 0", strings.Join(root.request(who), " "), "what bounds all sessions bounds this one")
	root.group = "/session-1.scope"
	assert.Equal(t, "--system"+call+"5"+properties+" 0", strings.Join(root.request(who), " "))
}

// TestLogin_Leave has a stand-in for systemd move this process, or not.
func TestLogin_Leave(t *testing.T) {
	who, err := self()
	require.NoError(t, err)
	found, _, err := bases()
	require.NoError(t, err)
	text, err := os.ReadFile("/proc/self/cgroup")
	require.NoError(t, err)
	l := login{dir: found[unified], group: ownGroups(string(text))[unified]}

	l.ask = []string{"/bin/sh", "-c", "echo Access denied; exit 1", "busctl"}
	require.EqualError(t, l.leave(t.Context(), who), "ask systemd for a scope: exit status 1: Access denied")
	l.ask[0] = "/nowhere/busctl"
	require.ErrorContains(t, l.leave(t.Context(), who), "ask systemd for a scope: fork/exec /nowhere/busctl: no such file")

	if err := divisible(l.dir); err != nil {
		if os.Getenv("CI") == "" {
			t.Skip(err)
		}
		require.NoError(t, err)
	}
	back := l.dir
	if filepath.Base(l.group) == aside {
		back = filepath.Join(l.dir, aside)
	}
	scope, err := os.MkdirTemp(l.dir, "scope-") //nolint:usetesting // a cgroup
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, put(back, "cgroup.procs", strconv.Itoa(who.pid)))
		assert.NoError(t, clearAway(scope))
	})
	// It answers before it has moved the process, as systemd does, which queues a job.
	l.ask = []string{"/bin/sh", "-c", "(sleep 0.2; echo " + strconv.Itoa(who.pid) + " > " + scope + "/cgroup.procs) >/dev/null 2>&1 &", "busctl"}
	before := time.Now()
	require.NoError(t, l.leave(t.Context(), who))
	assert.Greater(t, time.Since(before), 100*time.Millisecond)
	assert.Contains(t, words(filepath.Join(scope, "cgroup.procs")), strconv.Itoa(who.pid))
}

// TestManager_Blame: what systemd said is told beside what is missing.
func TestManager_Blame(t *testing.T) {
	m := emptyManager()
	m.missing["memory"] = ErrMissing
	m.blame(os.ErrPermission)
	require.EqualError(t, m.Missing()["memory"], "cgroup; permission denied")
	require.ErrorIs(t, m.Missing()["memory"], ErrMissing)
}
