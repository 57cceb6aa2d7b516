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

// Group is one run's group in every hierarchy in use. What a missing controller
// would limit or count is not limited, and counts 0. It belongs to one run; Kill
// alone may be called concurrently.
type Group struct {
	dirs map[string]string // by hierarchy, as Manager.parents
	at   map[string]string // as Manager.at
}

// Limits are a group's quantities.
type Limits struct {
	Memory int64   // bytes, swap included
	CPU    float64 // cores; 0 is unlimited
}

// Make creates an empty group with no limits yet.
func (m *Manager) Make() (*Group, error) {
	g := &Group{dirs: map[string]string{}, at: m.at}
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
	return errors.Join(g.limitMemory(l.Memory), g.limitCPU(l.CPU))
}

func (g *Group) limitMemory(bytes int64) error {
	memory := strconv.FormatInt(bytes, 10)
	switch dir, v2 := g.dir("memory"); {
	case dir == "":
		return nil
	case v2:
		// memory.oom.group stays 0: one process ends, as on v1, and pid 1 tells of it.
		err := put(dir, "memory.max", memory)
		if swap := put(dir, "memory.swap.max", "0"); !errors.Is(swap, os.ErrNotExist) {
			err = errors.Join(err, swap)
		}
		return err
	default:
		return errors.Join(put(dir, "memory.limit_in_bytes", memory), g.limitSwapV1(memory))
	}
}

func (g *Group) limitCPU(cores float64) error {
	switch dir, v2 := g.dir("cpu"); {
	case dir == "" || cores == 0:
		return nil
	case v2:
		return put(dir, "cpu.max", fmt.Sprintf("%s %d", quota(cores), cpuPeriod.Microseconds()))
	default:
		return put(dir, "cpu.cfs_quota_us", quota(cores))
	}
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

// LimitProcesses sets how many processes and threads the group may have. It is
// apart from Limit because the helper that builds a sandbox has more than the
// program may.
func (g *Group) LimitProcesses(n int64) error {
	dir, _ := g.dir("pids")
	if dir == "" {
		return nil
	}
	return put(dir, "pids.max", strconv.FormatInt(n, 10))
}

// dir is where a controller's files are, and whether they are v2's; empty when it
// is missing.
func (g *Group) dir(controller string) (dir string, v2 bool) {
	at, ok := g.at[controller]
	if !ok {
		return "", false
	}
	return g.dirs[at], at == unified
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
	var c Counters
	if memory, v2 := g.dir("memory"); memory != "" {
		oom, peak := "memory.oom_control", "memory.max_usage_in_bytes"
		if v2 {
			oom, peak = "memory.events", "memory.peak"
		}
		c.OOMKills, c.PeakMemory = field(memory, oom, "oom_kill"), int64(field(memory, peak, ""))
	}
	if pids, _ := g.dir("pids"); pids != "" {
		c.PidsRefused = field(pids, "pids.events", "max")
	}
	return c
}

// Priority says who gets the processor when several groups want it.
type Priority int

// The priorities.
const (
	Normal Priority = iota
	Low             // half of the normal share: less would starve it on a busy machine
)

// Prioritize sets the group's priority. It does nothing where no controller
// shares the processor out.
func (g *Group) Prioritize(p Priority) error {
	dir, v2 := g.dir("cpu")
	if dir == "" {
		return nil
	}
	name, shares := "cpu.shares", 1024 // the kernel's default
	if v2 {
		name, shares = "cpu.weight", 100 // likewise
	}
	if p == Low {
		shares /= 2
	}
	return put(dir, name, strconv.Itoa(shares))
}

// Memory is what the group uses now, bytes; 0 where nothing counts it.
func (g *Group) Memory() int64 {
	dir, v2 := g.dir("memory")
	switch {
	case dir == "":
		return 0
	case v2:
		return int64(field(dir, "memory.current", ""))
	}
	return int64(field(dir, "memory.usage_in_bytes", ""))
}

// CPU is the processor time that the group has used so far, also by processes
// that were killed and that no parent waited for. It is 0 where nothing counts
// it: the unified hierarchy does even without controllers, v1 only in cpuacct.
func (g *Group) CPU() time.Duration {
	if dir, ok := g.dirs[unified]; ok {
		return time.Duration(field(dir, "cpu.stat", "usage_usec")) * time.Microsecond
	}
	if dir, v2 := g.dir("cpu"); dir != "" && !v2 {
		return time.Duration(field(dir, "cpuacct.usage", ""))
	}
	return 0
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
	err = uninterrupted(func() error {
		_, err := unix.Write(fd, []byte(value))
		return err
	})
	if err != nil {
		err = fmt.Errorf("write %q to %s: %w", strings.TrimSpace(value), filepath.Join(dir, name), err)
	}
	return errors.Join(err, unix.Close(fd))
}

// uninterrupted repeats what a signal interrupted. The kernel's memory controller
// ends the write of a limit with EINTR whenever one is pending, and the Go runtime
// sends itself SIGURG to take a processor from a goroutine.
func uninterrupted(act func() error) error {
	for {
		if err := act(); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// KillChildren kills the group's processes and waits for those that are children
// of this one. It is for a sandbox that failed before its pid 1 was known.
func (g *Group) KillChildren() {
	for _, dir := range g.dirs {
		for _, pid := range processes(dir) {
			_ = unix.Kill(pid, unix.SIGKILL)
			_, _ = unix.Wait4(pid, nil, 0, nil) // ECHILD for a grandchild: pid 1 takes it along
		}
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
