package sandbox_test

import (
	"encoding/json"
	"errors"
	"os"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/sandbox"
)

// look has a program describe what it sees of its own isolation.
const look = `
import os, json, ctypes
def status(key):
    return next(l.split(":")[1].strip() for l in open("/proc/self/status") if l.startswith(key + ":"))
print(json.dumps({
    "ns": {n: os.stat("/proc/self/ns/" + n).st_ino for n in ("user", "pid", "mnt", "net", "ipc", "uts", "cgroup")},
    "status": {k: status(k) for k in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp", "Groups")},
    "uid": os.getuid(), "uid_map": open("/proc/self/uid_map").read().split(), "pid": os.getpid(), "session": os.getsid(0),
    "cgroup": open("/proc/self/cgroup").read().split(),
    "host": os.uname().nodename,
    "root": sorted(os.listdir("/")), "dev": sorted(os.listdir("/dev")), "etc": sorted(os.listdir("/etc")),
    "mounts": sorted(l.split()[4] for l in open("/proc/self/mountinfo")),
    "writable": [l.split()[4] for l in open("/proc/self/mountinfo") if "rw" in l.split()[5].split(",")],
    "processes": [p for p in os.listdir("/proc") if p.isdigit()],
}), flush=True)
import time; time.sleep(0.5)  # to be alive together with the other run`

type view struct {
	NS        map[string]uint64 `json:"ns"`
	Status    map[string]string `json:"status"`
	UID       int               `json:"uid"`
	UIDMap    []string          `json:"uid_map"`
	PID       int               `json:"pid"`
	Session   int               `json:"session"`
	Cgroup    []string          `json:"cgroup"`
	Host      string            `json:"host"`
	Root      []string          `json:"root"`
	Dev       []string          `json:"dev"`
	Etc       []string          `json:"etc"`
	Mounts    []string          `json:"mounts"`
	Writable  []string          `json:"writable"`
	Processes []string          `json:"processes"`
}

func see(t *testing.T, r *sandbox.Runner) view {
	t.Helper()
	result, err := r.Run(t.Context(), python(t, policies.Standard, look))
	if !assert.NoError(t, err) { //nolint:testifylint // require is for the test's own goroutine
		return view{}
	}
	assert.Equal(t, sandbox.Completed, result.Outcome, "%s", result.Stderr)
	assert.Empty(t, result.Violations)
	var v view
	assert.NoError(t, json.Unmarshal(result.Stdout, &v))
	return v
}

// seeTwo looks into two sandboxes that live at the same time: the kernel gives
// the numbers of dead namespaces again.
func seeTwo(t *testing.T, r *sandbox.Runner) (view, view) {
	t.Helper()
	var views [2]view
	var both sync.WaitGroup
	for i := range views {
		both.Go(func() { views[i] = see(t, r) })
	}
	both.Wait()
	return views[0], views[1]
}

func TestIsolation(t *testing.T) {
	r := newRunner(t)
	a, b := seeTwo(t, r)
	for kind, inode := range a.NS {
		link, err := os.Stat("/proc/self/ns/" + kind)
		require.NoError(t, err)
		assert.NotEqual(t, statInode(link), inode, "%s namespace is the worker's", kind)
		assert.NotEqual(t, b.NS[kind], inode, "two runs share a %s namespace", kind)
	}
	assert.Len(t, a.NS, 7)
	for _, set := range []string{"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"} {
		assert.Equal(t, "0000000000000000", a.Status[set], set)
	}
	assert.Equal(t, "1", a.Status["NoNewPrivs"])
	assert.Equal(t, "2", a.Status["Seccomp"])
	assert.Empty(t, a.Status["Groups"])
	assert.Equal(t, 1000, a.UID)
	assert.NotEqual(t, b.UIDMap[1], a.UIDMap[1], "two live slots share a host user id")
	assert.Equal(t, sandbox.ProgramPID, a.PID)
	assert.Equal(t, sandbox.ProgramPID, a.Session)
	assert.Equal(t, "sandbox", a.Host)
	assert.Equal(t, []string{"2"}, a.Processes, "the reaper is hidden")
	assert.ElementsMatch(t, []string{"/scratch", "/tmp", "/dev/null", "/dev/zero", "/dev/random", "/dev/urandom"}, a.Writable)
	assert.ElementsMatch(t, []string{"null", "zero", "random", "urandom", "shm"}, a.Dev)
	assert.Subset(t, []string{"bin", "sbin", "lib", "lib32", "lib64", "libx32", "dev", "etc", "proc", "scratch", "tmp", "usr"}, a.Root)
	assert.NotContains(t, a.Etc, "shadow")
	for _, group := range a.Cgroup {
		assert.NotContains(t, group, "lazaret-", "the group's name shows")
	}
}

func TestNoLeftovers(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	mounts := readFile(t, "/proc/self/mountinfo")
	r, err := sandbox.New(sandbox.Options{})
	if errors.Is(err, sandbox.ErrUnavailable) && os.Getenv("CI") == "" {
		t.Skip(err)
	}
	require.NoError(t, err)
	for range 20 {
		runEveryEnd(t, r)
	}
	require.NoError(t, r.Close())
	assert.Empty(t, ownGroups(t, os.Getpid()))
	assert.Empty(t, children(t), "processes")
	assert.Equal(t, mounts, readFile(t, "/proc/self/mountinfo"))
	left, err := os.ReadDir(os.TempDir())
	require.NoError(t, err)
	assert.Empty(t, left)
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(b)
}
