package cgroup

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Group is one run's group in every hierarchy in use. The zero quantity of a
// counter that cannot be read is 0. It belongs to one run; Kill alone may be
// called concurrently.
type Group struct {
	v2   bool
	dirs map[string]string // by controller, unified for v2
}

// Limits are a group's quantities.
type Limits struct {
	Memory int64   // bytes, swap included
	CPU    float64 // cores; 0 is unlimited
}

// Make creates an empty group with no limits yet.
func (m *Manager) Make() (*Group, error) {
	g := &Group{v2: m.v2, dirs: map[string]string{}}
	name := m.owner.group(made.Add(1))
	for controller, parent := range m.parents {
		dir := filepath.Join(parent, name)
		if err := os.Mkdir(dir, 0o750); err != nil {
			return nil, fmt.Errorf("make %s group: %w", controller, errors.Join(err, g.Remove()))
		}
		g.dirs[controller] = dir
	}
	return g, nil
}

// Join moves a process into the group, for all that it starts afterwards.
func (g *Group) Join(pid int) error {
	for controller, dir := range g.dirs {
		if err := put(dir, "cgroup.procs", strconv.Itoa(pid)); err != nil {
			return fmt.Errorf("join %s group: %w", controller, err)
		}
	}
	return nil
}

// Limit sets memory and CPU.
func (g *Group) Limit(l Limits) error {
	if g.v2 {
		return g.limitV2(l)
	}
	memory := strconv.FormatInt(l.Memory, 10)
	return errors.Join(
		put(g.dirs["memory"], "memory.limit_in_bytes", memory),
		g.limitSwapV1(memory),
		limitCPUV1(g.dirs["cpu"], l.CPU),
	)
}

// limitSwapV1 bounds memory and swap together. A kernel without swap accounting
// does not have the file: then a machine without swap needs no bound, and
// another one cannot keep its promise.
func (g *Group) limitSwapV1(memory string) error {
	err := put(g.dirs["memory"], "memory.memsw.limit_in_bytes", memory)
	if !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if len(words("/proc/swaps")) <= 5 { // the header alone
		return nil
	}
	return fmt.Errorf("%w: swap is on and not accounted: boot with swapaccount=1: %w", ErrMissing, err)
}

const cpuPeriod = 100 * time.Millisecond

func quota(cores float64) string {
	return strconv.FormatInt(int64(cores*float64(cpuPeriod.Microseconds())), 10)
}

func limitCPUV1(dir string, cores float64) error {
	if cores == 0 {
		return nil
	}
	return put(dir, "cpu.cfs_quota_us", quota(cores))
}

func (g *Group) limitV2(l Limits) error {
	dir := g.dirs[unified]
	err := errors.Join(
		put(dir, "memory.max", strconv.FormatInt(l.Memory, 10)),
		put(dir, "memory.oom.group", "1"),
	)
	if swap := put(dir, "memory.swap.max", "0"); !errors.Is(swap, os.ErrNotExist) {
		err = errors.Join(err, swap)
	}
	if l.CPU > 0 {
		err = errors.Join(err, put(dir, "cpu.max", fmt.Sprintf("%s %d", quota(l.CPU), cpuPeriod.Microseconds())))
	}
	return err
}

// LimitProcesses sets how many processes and threads the group may have. It is
// apart from Limit because the helper that builds a sandbox has more than the
// program may.
func (g *Group) LimitProcesses(n int64) error {
	return put(g.dir("pids"), "pids.max", strconv.FormatInt(n, 10))
}

func (g *Group) dir(controller string) string {
	if g.v2 {
		return g.dirs[unified]
	}
	return g.dirs[controller]
}

// Kill ends every process of the group, if the kernel can do that at once
// (cgroup.kill, Linux 5.14, unified hierarchy). It reports whether it could.
func (g *Group) Kill() bool {
	dir, ok := g.dirs[unified]
	return ok && put(dir, "cgroup.kill", "1") == nil
}

// Counters is what the kernel counted for a group.
type Counters struct {
	OOMKills    uint64 // processes that the OOM killer ended for this group's limit
	PidsRefused uint64 // forks refused by the group's limit
	PeakMemory  int64  // bytes
}

// Counters reads the group's counters.
func (g *Group) Counters() Counters {
	oom, peak := "memory.oom_control", "memory.max_usage_in_bytes"
	if g.v2 {
		oom, peak = "memory.events", "memory.peak"
	}
	memory := g.dir("memory")
	return Counters{
		OOMKills:    field(memory, oom, "oom_kill"),
		PidsRefused: field(g.dir("pids"), "pids.events", "max"),
		PeakMemory:  int64(field(memory, peak, "")),
	}
}

// CPU is the processor time that the group has used so far, also by processes
// that were killed and that no parent waited for. It is 0 where nothing counts
// it: the unified hierarchy does even without controllers, v1 only in cpuacct.
func (g *Group) CPU() time.Duration {
	if dir, ok := g.dirs[unified]; ok {
		return time.Duration(field(dir, "cpu.stat", "usage_usec")) * time.Microsecond
	}
	return time.Duration(field(g.dirs["cpu"], "cpuacct.usage", ""))
}

// field reads "key value" from a flat keyed file, or its only value when key is empty.
func field(dir, name, key string) uint64 {
	ws := words(filepath.Join(dir, name))
	for i, w := range ws {
		if key == "" {
			n, _ := strconv.ParseUint(w, 10, 64)
			return n
		}
		if w == key && i%2 == 0 && i+1 < len(ws) {
			n, _ := strconv.ParseUint(ws[i+1], 10, 64)
			return n
		}
	}
	return 0
}

// Remove deletes the group, killing what is still in it. The kernel may need a
// moment after the last process is gone; Remove waits up to two seconds.
func (g *Group) Remove() error {
	var errs []error
	for _, dir := range g.dirs {
		errs = append(errs, clearAway(dir))
	}
	return errors.Join(errs...)
}

func clearAway(dir string) error {
	for deadline := time.Now().Add(2 * time.Second); ; time.Sleep(2 * time.Millisecond) {
		err := unix.Rmdir(dir)
		if err == nil || errors.Is(err, unix.ENOENT) {
			return nil
		}
		if !errors.Is(err, unix.EBUSY) || time.Now().After(deadline) {
			return fmt.Errorf("remove group %q: %w", dir, err)
		}
		for _, pid := range processes(dir) {
			_ = unix.Kill(pid, unix.SIGKILL)
		}
	}
}

// put writes a control file, which must exist: O_CREATE in a wrong directory
// would otherwise look like success.
func put(dir, name, value string) error {
	fd, err := unix.Open(filepath.Join(dir, name), unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open %s: %w", filepath.Join(dir, name), err)
	}
	_, err = unix.Write(fd, []byte(value))
	if err != nil {
		err = fmt.Errorf("write %q to %s: %w", strings.TrimSpace(value), filepath.Join(dir, name), err)
	}
	return errors.Join(err, unix.Close(fd))
}

// KillChildren kills the group's processes and waits for those that are children
// of this one. It is for a sandbox that failed before its pid 1 was known.
func (g *Group) KillChildren() {
	for _, pid := range processes(g.dir("memory")) {
		_ = unix.Kill(pid, unix.SIGKILL)
		_, _ = unix.Wait4(pid, nil, 0, nil) // ECHILD for a grandchild: pid 1 takes it along
	}
}

func processes(dir string) []int {
	var pids []int
	for _, w := range words(filepath.Join(dir, "cgroup.procs")) {
		if pid, err := strconv.Atoi(w); err == nil && pid > 1 && pid != os.Getpid() {
			pids = append(pids, pid)
		}
	}
	return pids
}
