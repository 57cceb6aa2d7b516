package cgroup

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// prefix begins the name of every group made here.
const prefix = "lazaret-"

// owner identifies a process among all that ever run on this machine since it
// booted: its pid namespace, its pid there and its start time. A group carries
// its owner in its name, so that what a dead worker left can be told from what
// a living one uses.
type owner struct {
	ns    uint64 // inode of the pid namespace
	pid   int
	start uint64 // clock ticks since boot
}

func self() (owner, error) {
	pid := os.Getpid()
	ns, err := namespace()
	if err != nil {
		return owner{}, fmt.Errorf("%w: own pid namespace: %w", ErrMissing, err)
	}
	start, ok := startTime(pid)
	if !ok {
		return owner{}, fmt.Errorf("%w: own start time: /proc/%d/stat is unreadable", ErrMissing, pid)
	}
	return owner{ns, pid, start}, nil
}

func namespace() (uint64, error) {
	link, err := os.Readlink("/proc/self/ns/pid")
	if err != nil {
		return 0, err
	}
	return strconv.ParseUint(strings.TrimSuffix(strings.TrimPrefix(link, "pid:["), "]"), 10, 64)
}

// startTime is field 22 of /proc/PID/stat, counted after the command's closing
// parenthesis, since a command may contain anything. A zombie has none: it can
// own nothing any more.
func startTime(pid int) (uint64, bool) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, false
	}
	fields := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
	if len(fields) < 20 || fields[0] == "Z" {
		return 0, false
	}
	t, err := strconv.ParseUint(fields[19], 10, 64)
	return t, err == nil
}

func (o owner) group(n uint64) string {
	return fmt.Sprintf("%s%d-%d-%d-%d", prefix, o.ns, o.pid, o.start, n)
}

// ownerOf parses a group's name; false for one that was not made here.
func ownerOf(name string) (owner, bool) {
	rest, ok := strings.CutPrefix(name, prefix)
	parts := strings.Split(rest, "-")
	if !ok || len(parts) != 4 {
		return owner{}, false
	}
	var v [4]uint64
	for i, p := range parts {
		n, err := strconv.ParseUint(p, 10, 63)
		if err != nil {
			return owner{}, false
		}
		v[i] = n
	}
	return owner{v[0], int(v[1]), v[2]}, true
}

// dead says whether the owner is known to be gone. An owner in another pid
// namespace cannot be judged and counts as living.
func (o owner) dead(ns uint64) bool {
	if o.ns != ns {
		return false
	}
	start, ok := startTime(o.pid)
	return !ok || start != o.start
}
