package cgroup

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

const hybridMounts = `31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid shared:1 - cgroup cgroup rw,cpu,cpuacct
35 31 0:32 /docker/abc /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
39 31 0:36 / /sys/fs/cgroup/pids rw,relatime - cgroup cgroup rw,pids
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
`

func TestLocate_Hybrid(t *testing.T) {
	own := ownGroups("9:name=systemd:/\n8:pids:/\n4:memory:/docker/abc/worker\n2:cpu,cpuacct:/w\n0::/user.slice\n")
	got := locate(mounts(hybridMounts), own)
	assert.Equal(t, map[string]string{
		"pids": "/sys/fs/cgroup/pids", "memory": "/sys/fs/cgroup/memory/worker",
		"cpu": "/sys/fs/cgroup/cpu,cpuacct/w", "cpuacct": "/sys/fs/cgroup/cpu,cpuacct/w",
		unified: "/sys/fs/cgroup/unified/user.slice",
	}, got)
}

func TestLocate_Unified(t *testing.T) {
	got := locate(mounts("30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate\n"), ownGroups("0::/system.slice/w.service\n"))
	assert.Equal(t, map[string]string{unified: "/sys/fs/cgroup/system.slice/w.service"}, got)
}

// TestLocate_Aside: a worker that has divided its group, and what it starts, are in a leaf of it.
func TestLocate_Aside(t *testing.T) {
	const at = "30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate\n"
	for own, want := range map[string]string{
		"/system.slice/w.service/lazaret-worker": "/sys/fs/cgroup/system.slice/w.service",
		"/lazaret-worker":                        "/sys/fs/cgroup",
		"/system.slice/worker":                   "/sys/fs/cgroup/system.slice/worker",
		"/lazaret-worker/other":                  "/sys/fs/cgroup/lazaret-worker/other",
	} {
		assert.Equal(t, map[string]string{unified: want}, locate(mounts(at), ownGroups("0::"+own+"\n")), own)
	}
	inside := strings.Replace(at, " / /sys", " /lazaret-worker /sys", 1)
	assert.Equal(t, map[string]string{unified: "/sys/fs/cgroup"}, locate(mounts(inside), ownGroups("0::/lazaret-worker\n")), "what is above is not visible")
}

func TestLocate_GroupOutsideTheMount(t *testing.T) {
	got := locate(mounts("30 23 0:26 /docker/abc /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"), ownGroups("0::/elsewhere\n"))
	assert.Empty(t, got)
}

// TestChoose_V2 works on an imitation of a delegated v2 group.
func TestChoose_V2(t *testing.T) {
	dir := t.TempDir()
	file := func(name, content string) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600))
	}
	file("cgroup.controllers", "cpuset cpu io memory pids\n")
	file("cgroup.subtree_control", "")
	file("cgroup.procs", "")
	m := emptyManager()
	m.choose(map[string]string{unified: dir})
	assert.Empty(t, m.Missing())
	assert.Equal(t, map[string]string{"memory": unified, "pids": unified, "cpu": unified}, m.at)
	b, err := os.ReadFile(filepath.Join(dir, "cgroup.subtree_control"))
	require.NoError(t, err)
	assert.Equal(t, "+memory +pids +cpu", string(b))

	group := &Group{dirs: map[string]string{unified: dir}, at: m.at}
	for _, name := range []string{"memory.max", "memory.swap.max", "memory.oom.group", "cpu.max", "pids.max"} {
		file(name, "")
	}
	require.NoError(t, group.Limit(Limits{Memory: 1 << 20, CPU: 0.5}))
	require.NoError(t, group.LimitProcesses(3))
	assert.Equal(t, []string{"50000", "100000"}, words(filepath.Join(dir, "cpu.max")))
	file("memory.events", "low 0\nhigh 0\nmax 7\noom 1\noom_kill 2\n")
	file("memory.peak", "4096\n")
	file("pids.events", "max 5\n")
	assert.Equal(t, Counters{OOMKills: 2, PidsRefused: 5, PeakMemory: 4096}, group.Counters())
	assert.Empty(t, words(filepath.Join(dir, "memory.oom.group")), "a child over the memory would end its parent and pid 1, too")
}

// TestChoose_PartOfV2: systemd delegates memory and pids to its user sessions.
func TestChoose_PartOfV2(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{
		"cgroup.controllers": "memory pids\n", "cgroup.subtree_control": "pids\n", "cgroup.procs": "",
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600))
	}
	m := emptyManager()
	m.choose(map[string]string{unified: dir})
	assert.Equal(t, map[string]string{"memory": unified, "pids": unified}, m.at)
	require.Len(t, m.Missing(), 1)
	require.EqualError(t, m.Missing()["cpu"], "cgroup: no controller cpu for this process")
	assert.Equal(t, "cgroup v2 memory, pids in "+dir, m.Describe())
	b, err := os.ReadFile(filepath.Join(dir, "cgroup.subtree_control"))
	require.NoError(t, err)
	assert.Equal(t, "+memory +pids", string(b))
}

func TestChoose_NamesWhatIsMissing(t *testing.T) {
	dir := t.TempDir()
	m := emptyManager()
	m.choose(map[string]string{"cpu": dir, "pids": "/nowhere"})
	assert.Equal(t, map[string]string{"cpu": "cpu"}, m.at)
	for controller, want := range map[string]string{
		"memory": "cgroup: no controller memory for this process",
		"pids":   `cgroup: pids group "/nowhere" is not writable: no such file or directory`,
	} {
		require.ErrorIs(t, m.Missing()[controller], ErrMissing)
		assert.EqualError(t, m.Missing()[controller], want)
	}
}

// TestTry loses a controller whose files take no limit.
func TestTry(t *testing.T) {
	who, err := self()
	require.NoError(t, err)
	m := emptyManager()
	m.owner = who
	m.choose(map[string]string{"cpu": t.TempDir(), "memory": t.TempDir(), "pids": t.TempDir()})
	require.Empty(t, m.Missing())
	m.try()
	assert.Len(t, m.Missing(), 3)
	require.ErrorContains(t, m.Missing()["memory"], "memory.limit_in_bytes")
	assert.Equal(t, "none", m.Describe())
}

func emptyManager() *Manager {
	return &Manager{parents: map[string]string{}, at: map[string]string{}, missing: map[string]error{}}
}

func TestOwner(t *testing.T) {
	me, err := self()
	require.NoError(t, err)
	got, ok := ownerOf(me.group(7))
	assert.True(t, ok)
	assert.Equal(t, me, got)
	assert.False(t, me.dead(me.ns))
	gone := me
	gone.start++
	assert.True(t, gone.dead(me.ns), "same pid, another process")
	assert.False(t, gone.dead(me.ns+1), "another pid namespace cannot be judged")
	for _, name := range []string{"lazaret-", "lazaret-1-2-3", "lazaret-1-2-3-x", "other-1-2-3-4", "lazaret--1-2-3-4"} {
		_, ok := ownerOf(name)
		assert.False(t, ok, name)
	}
}

// TestGroup makes a real group, and leaves that of a living worker alone.
func TestGroup(t *testing.T) {
	m, err := New()
	if errors.Is(err, ErrMissing) && os.Getenv("CI") == "" {
		t.Skip(err)
	}
	require.NoError(t, err)
	g, err := m.Make()
	require.NoError(t, err)
	require.NoError(t, g.Limit(Limits{Memory: 64 << 20, CPU: 0.5}))
	require.NoError(t, g.LimitProcesses(4))
	cmd := exec.CommandContext(t.Context(), "/usr/bin/sleep", "60")
	require.NoError(t, cmd.Start())
	require.NoError(t, g.Join(cmd.Process.Pid))
	_, err = m.Sweep()
	require.NoError(t, err)
	assert.DirExists(t, g.dirs[g.at["memory"]], "swept although its owner lives")
	g.KillChildren()
	require.NoError(t, g.Remove())
	assert.NoDirExists(t, g.dirs[g.at["memory"]])
	_ = cmd.Wait()
}

// TestGroup_LimitsUnderSignals: the memory controller gives up on a write while a
// signal is pending, as those that the Go runtime sends to its own threads.
func TestGroup_LimitsUnderSignals(t *testing.T) {
	m, err := New()
	if errors.Is(err, ErrMissing) && os.Getenv("CI") == "" {
		t.Skip(err)
	}
	require.NoError(t, err)
	g, err := m.Make()
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, g.Remove()) })
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	thread, done := unix.Gettid(), make(chan struct{})
	var signals sync.WaitGroup
	defer signals.Wait()
	defer close(done)
	for range 4 {
		signals.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
					_ = unix.Tgkill(os.Getpid(), thread, unix.SIGURG)
				}
			}
		})
	}
	for i := range int64(2000) {
		require.NoError(t, g.Limit(Limits{Memory: (64 + i%2) << 20}))
		if g.at["memory"] != unified { // memory may not exceed memory and swap
			require.NoError(t, g.limitSwapV1("-1"))
		}
	}
}

func TestSweep_RemovesTheDead(t *testing.T) {
	m, err := New()
	if errors.Is(err, ErrMissing) && os.Getenv("CI") == "" {
		t.Skip(err)
	}
	require.NoError(t, err)
	dead := &Manager{parents: m.parents, owner: m.owner}
	dead.owner.start++
	g, err := dead.Make()
	require.NoError(t, err)
	_, err = m.Sweep()
	require.NoError(t, err)
	assert.NoDirExists(t, g.dirs[g.at["memory"]])
}

// TestSweep_LooksElsewhere: the dead worker's own group was another one than ours.
func TestSweep_LooksElsewhere(t *testing.T) {
	m, err := New()
	if errors.Is(err, ErrMissing) && os.Getenv("CI") == "" {
		t.Skip(err)
	}
	require.NoError(t, err)
	dead := &Manager{parents: map[string]string{}, owner: m.owner}
	dead.owner.start++
	for name, dir := range m.parents {
		elsewhere, err := os.MkdirTemp(dir, "former-home-of-a-worker-") //nolint:usetesting // a cgroup
		require.NoError(t, err)
		t.Cleanup(func() { assert.NoError(t, os.Remove(elsewhere)) })
		dead.parents[name] = elsewhere
	}
	g, cmd := inhabit(t, dead)
	_, err = m.Sweep()
	require.NoError(t, err)
	require.Error(t, cmd.Wait(), "what was left there lives on")
	assert.NoDirExists(t, g.dirs[g.at["memory"]])
}

// inhabit makes a group with a process in it. The group of a dead worker may be swept
// at any moment, by the worker of another package's test; then it makes another.
func inhabit(t *testing.T, dead *Manager) (*Group, *exec.Cmd) {
	t.Helper()
	for {
		g, err := dead.Make()
		require.NoError(t, err)
		cmd := exec.CommandContext(t.Context(), "/usr/bin/sleep", "60")
		require.NoError(t, cmd.Start())
		if err = g.Join(cmd.Process.Pid); err == nil {
			return g, cmd
		}
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = g.Remove()
		if !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.ENODEV) && !errors.Is(err, unix.ESRCH) {
			require.NoError(t, err)
		}
	}
}

func TestPrioritize(t *testing.T) {
	dir := t.TempDir()
	for name, g := range map[string]*Group{
		"cpu.weight": {dirs: map[string]string{unified: dir}, at: map[string]string{"cpu": unified}},
		"cpu.shares": {dirs: map[string]string{"cpu": dir}, at: map[string]string{"cpu": "cpu"}},
	} {
		file := filepath.Join(dir, name)
		var seen []string
		for _, p := range []Priority{Low, Normal} {
			require.NoError(t, os.WriteFile(file, nil, 0o600))
			require.NoError(t, g.Prioritize(p))
			b, err := os.ReadFile(file)
			require.NoError(t, err)
			seen = append(seen, string(b))
		}
		want := []string{"50", "100"}
		if name == "cpu.shares" {
			want = []string{"512", "1024"}
		}
		assert.Equal(t, want, seen, name)
	}
	assert.NoError(t, (&Group{}).Prioritize(Low))
}
