package cgroup

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// login is a group that this process came into by its login, with the shell that
// started it: systemd's scope of the session.
type login struct {
	uid   int
	group string   // as /proc/self/cgroup has it
	dir   string   // of the group
	ask   []string // the program that speaks to systemd, before its arguments
}

// scopeTimeout bounds how long systemd may take to move this process.
const scopeTimeout = 5 * time.Second

// initialPIDs is the inode of the machine's own pid namespace, PROC_PID_INIT_INO.
const initialPIDs = 0xEFFFFFFC

// loggedIn finds the login whose group this process shares, if systemd can give it another.
func loggedIn(v2 string, who owner) (login, bool) {
	text, err := os.ReadFile("/proc/self/cgroup")
	if err != nil || who.ns != initialPIDs { // systemd would take the pid for another process's
		return login{}, false
	}
	if _, err := os.Stat("/run/systemd/system"); err != nil { // sd_booted(3)
		return login{}, false
	}
	l := login{uid: os.Geteuid(), group: ownGroups(string(text))[unified], dir: v2, ask: []string{"/usr/bin/busctl"}}
	return l, l.may()
}

// may says whether the group is a session's and bounds nothing: who leaves a bound
// group would free its runs of what was to hold for them.
func (l login) may() bool {
	name := path.Base(l.group)
	if !strings.HasPrefix(name, "session-") || !strings.HasSuffix(name, ".scope") {
		return false
	}
	for _, file := range []string{"memory.max", "memory.high", "memory.swap.max", "pids.max", "cpu.max"} {
		if bound := words(filepath.Join(l.dir, file)); len(bound) > 0 && bound[0] != "max" {
			return false
		}
	}
	return true
}

// leave has systemd move this process into a scope of its own that is delegated to
// it, as `systemd-run --scope -p Delegate=yes` does, and waits for that. Root's is
// in the slice of its login, an ordinary user's in that of the user's own systemd.
func (l login) leave(ctx context.Context, who owner) error {
	ctx, cancel := context.WithTimeout(ctx, scopeTimeout)
	defer cancel()
	arguments := l.request(who)
	out, err := exec.CommandContext(ctx, l.ask[0], append(slices.Clone(l.ask[1:]), arguments...)...).CombinedOutput() //nolint:gosec // a fixed program, its words are ours
	if err != nil {
		return fmt.Errorf("ask systemd for a scope: %w: %s", err, strings.TrimSpace(string(out)))
	}
	for {
		text, err := os.ReadFile("/proc/self/cgroup")
		if err != nil {
			return err
		}
		if ownGroups(string(text))[unified] != l.group {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for systemd's scope: %w", ctx.Err())
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// request is the call of org.freedesktop.systemd1(5) in busctl's notation. The scope's
// name has dots, so that nobody takes it for the group of a run.
func (l login) request(who owner) []string {
	pid := strconv.Itoa(who.pid)
	properties := []string{
		"Description", "s", "lazaret", "PIDs", "au", "1", pid, "Delegate", "b", "true",
		"CollectMode", "s", "inactive-or-failed", "TasksMax", "t", "18446744073709551615", // as many as in the session's scope
	}
	count := 5
	bus := "--user"
	if slice := path.Base(path.Dir(l.group)); l.uid == 0 {
		bus = "--system"
		if strings.HasSuffix(slice, ".slice") {
			properties, count = append(properties, "Slice", "s", slice), count+1
		}
	}
	call := []string{
		bus, "call", "org.freedesktop.systemd1", "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager",
		"StartTransientUnit", "ssa(sv)a(sa(sv))", fmt.Sprintf("lazaret.%s.%d.scope", pid, who.start), "fail", strconv.Itoa(count),
	}
	return append(append(call, properties...), "0")
}
