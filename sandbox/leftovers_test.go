package sandbox_test

import (
	"bufio"
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/sandbox"
)

// daemon detaches a process in every way a program can.
const daemon = `
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        for fd in range(3): os.close(fd)
        time.sleep(600)
    os._exit(0)
os.wait()`

// runEveryEnd runs five programs that end differently.
func runEveryEnd(t *testing.T, r *sandbox.Runner) {
	t.Helper()
	for script, want := range map[string]sandbox.Outcome{
		daemon: sandbox.Completed,
		"import os, signal; os.kill(os.getpid(), signal.SIGKILL)": sandbox.Signalled,
		"import time; time.sleep(60)":                             sandbox.TimedOut,
		"import time; time.sleep(61)":                             sandbox.Cancelled,
		"import ctypes; ctypes.CDLL(None).syscall(321, 0, 0, 0)":  sandbox.Denied,
	} {
		s := python(t, policies.Standard, script)
		ctx, cancel := context.WithCancel(t.Context())
		switch want { //nolint:exhaustive // the others end by themselves
		case sandbox.TimedOut:
			s.Limits.Wall = 30 * time.Millisecond
		case sandbox.Cancelled:
			time.AfterFunc(30*time.Millisecond, cancel)
		}
		result, err := r.Run(ctx, s)
		cancel()
		if want == sandbox.Cancelled {
			assert.Equal(t, want, result.Outcome)
			continue
		}
		require.NoError(t, err)
		require.Equal(t, want, result.Outcome, "%s", result.Stderr)
	}
}

// ownGroups finds the cgroups that a process made.
func ownGroups(t *testing.T, pid int) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir("/sys/fs/cgroup", func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && strings.HasPrefix(d.Name(), "lazaret-") && strings.Contains(d.Name(), "-"+strconv.Itoa(pid)+"-") {
			found = append(found, path)
		}
		return nil
	})
	require.NoError(t, err)
	return found
}

// children lists this process's children, zombies included.
func children(t *testing.T) []string {
	t.Helper()
	tasks, err := filepath.Glob("/proc/self/task/*/children")
	require.NoError(t, err)
	var pids []string
	for _, f := range tasks {
		b, _ := os.ReadFile(f)
		pids = append(pids, strings.Fields(string(b))...)
	}
	return pids
}

func statInode(i os.FileInfo) uint64 { return i.Sys().(*syscall.Stat_t).Ino }

// TestWorkerKilled kills a worker in the middle of a run: nothing that it ran
// may live on, and the next runner removes its groups.
func TestWorkerKilled(t *testing.T) {
	newRunner(t) // for the skip
	cmd := exec.CommandContext(t.Context(), "/proc/self/exe")
	cmd.Env = append(os.Environ(), workerVariable+"=1")
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "running\n", line)
	groups := ownGroups(t, cmd.Process.Pid)
	require.NotEmpty(t, groups)
	inside := members(groups)
	require.NotEmpty(t, inside)

	require.NoError(t, cmd.Process.Kill())
	_ = cmd.Wait()
	require.Eventually(t, func() bool { return len(members(groups)) == 0 }, 5*time.Second, 10*time.Millisecond,
		"sandboxed processes outlived the worker")
	r, err := sandbox.New(sandbox.Options{})
	require.NoError(t, err)
	defer func() { require.NoError(t, r.Close()) }()
	assert.Empty(t, ownGroups(t, cmd.Process.Pid), "groups of %d", cmd.Process.Pid)
}

func members(groups []string) []string {
	var pids []string
	for _, g := range groups {
		b, _ := os.ReadFile(filepath.Join(g, "cgroup.procs"))
		pids = append(pids, strings.Fields(string(b))...)
	}
	return pids
}

// TestConcurrentRuns runs more programs at once than slots are prepared.
func TestConcurrentRuns(t *testing.T) {
	r := newRunner(t)
	results := make(chan error, 20)
	for i := range cap(results) {
		s := python(t, policies.Maximum, fmt.Sprintf("print(%d * 2)", i))
		go func() {
			result, err := r.Run(context.Background(), s)
			if err == nil && string(result.Stdout) != fmt.Sprintln(i*2) {
				err = fmt.Errorf("%s: %q %q", result.Outcome, result.Stdout, result.Stderr)
			}
			results <- err
		}()
	}
	for range cap(results) {
		require.NoError(t, <-results)
	}
}
