package cgroup

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// ErrMissing is wrapped when the machine lacks a controller or refuses its use.
var ErrMissing = errors.New("cgroup")

// Controllers are those that a run's limits need.
var Controllers = []string{"memory", "pids", "cpu"}

// unified stands for the v2 hierarchy among the v1 controllers' names.
const unified = "unified"

// mount is one mounted cgroup hierarchy.
type mount struct {
	point string
	root  string // the group that is mounted there, as this process's namespace names it
	v2    bool
	has   []string // v1 controllers
}

// mounts parses /proc/self/mountinfo, see proc_pid_mountinfo(5).
func mounts(mountinfo string) []mount {
	var ms []mount
	for line := range strings.Lines(mountinfo) {
		before, after, ok := strings.Cut(strings.TrimSpace(line), " - ")
		left, right := strings.Fields(before), strings.Fields(after)
		if !ok || len(left) < 5 || len(right) < 3 {
			continue
		}
		switch right[0] {
		case "cgroup":
			ms = append(ms, mount{point: left[4], root: left[3], has: strings.Split(right[2], ",")})
		case "cgroup2":
			ms = append(ms, mount{point: left[4], root: left[3], v2: true})
		}
	}
	return ms
}

// ownGroups parses /proc/self/cgroup: group path by controller, v2 under unified.
func ownGroups(text string) map[string]string {
	own := map[string]string{}
	scan := bufio.NewScanner(strings.NewReader(text))
	for scan.Scan() {
		fields := strings.SplitN(scan.Text(), ":", 3)
		if len(fields) != 3 {
			continue
		}
		if fields[0] == "0" {
			own[unified] = fields[2]
			continue
		}
		for c := range strings.SplitSeq(fields[1], ",") {
			own[c] = fields[2]
		}
	}
	return own
}

// dir is the directory of a group below a mount; false if it is not visible there.
func (m mount) dir(group string) (string, bool) {
	rel, err := filepath.Rel(m.root, group)
	if err != nil || rel == ".." || strings.HasPrefix(rel, "../") {
		return "", false
	}
	return filepath.Join(m.point, rel), true
}

// bases finds this process's own directory per controller, and the mount points
// of all hierarchies.
func bases() (own map[string]string, points []string, err error) {
	info, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrMissing, err)
	}
	self, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrMissing, err)
	}
	all := mounts(string(info))
	for _, m := range all {
		points = append(points, m.point)
	}
	return locate(all, ownGroups(string(self))), points, nil
}

func locate(ms []mount, own map[string]string) map[string]string {
	found := map[string]string{}
	for _, m := range ms {
		for name, group := range own {
			if name == unified && !m.v2 || name != unified && (m.v2 || !slices.Contains(m.has, name)) {
				continue
			}
			if dir, ok := m.dir(group); ok {
				found[name] = home(dir, m)
			}
		}
	}
	return found
}

// aside is the name of the leaf that a worker moves into when it divides its group.
const aside = prefix + "worker"

// home is the group that is divided for a process that is in dir: the one above the
// leaf of a worker that moved aside, be it this process or the one that started it.
func home(dir string, m mount) string {
	if m.v2 && filepath.Base(dir) == aside && dir != m.point {
		return filepath.Dir(dir)
	}
	return dir
}
