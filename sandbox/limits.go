package sandbox

import (
	"time"

	"golang.org/x/sys/unix"

	"lazaret.dev/lazaret/sandbox/seccomp"
)

// rlimit is one resource limit. The hard limit is greater by the slack.
type rlimit struct {
	name     string
	resource int
	value    uint64
	slack    uint64
}

// spareProcesses keeps RLIMIT_NPROC out of the way of the cgroup's limit, which
// counts refusals; the rlimit stands behind it. Without the cgroup's it is what
// counts, pid 1 included.
func (f features) spareProcesses() uint64 {
	if f.lacksFeature(PidsGroup) {
		return reapers
	}
	return 8
}

// rlimits are the limits beside the cgroup's. There is none on address space:
// runtimes reserve far more than they use.
func rlimits(l Limits, f features) []rlimit {
	limits := []rlimit{
		{"open files", unix.RLIMIT_NOFILE, l.OpenFiles, 0},
		{"file size", unix.RLIMIT_FSIZE, l.FileSize, 0},
		{"core size", unix.RLIMIT_CORE, 0, 0},
		{"locked memory", unix.RLIMIT_MEMLOCK, 0, 0},
		{"message queues", unix.RLIMIT_MSGQUEUE, 0, 0},
		{"processes", unix.RLIMIT_NPROC, uint64(l.Processes) + f.spareProcesses(), 0},
		{"stack size", unix.RLIMIT_STACK, 8 << 20, 0},
		{"pending signals", unix.RLIMIT_SIGPENDING, 256, 0},
		{"niceness", unix.RLIMIT_NICE, 0, 0},
		{"real-time priority", unix.RLIMIT_RTPRIO, 0, 0},
	}
	if l.CPUTime > 0 {
		limits = append(limits, rlimit{"processor time", unix.RLIMIT_CPU, uint64((l.CPUTime + time.Second - 1) / time.Second), 1})
	}
	if f.lacksFeature(MemoryGroup) {
		limits = append(limits, rlimit{"private memory", unix.RLIMIT_DATA, uint64(l.Memory), 0})
	}
	for i := range limits {
		limits[i].clamp()
	}
	return limits
}

// clamp keeps to what this process itself may have: only root of the host can go
// beyond it.
func (r *rlimit) clamp() {
	var own unix.Rlimit
	if unix.Getrlimit(r.resource, &own) == nil {
		r.value = min(r.value, own.Max)
		r.slack = min(r.slack, own.Max-r.value)
	}
}

func (p *plan) limits(l Limits, f features) {
	for _, r := range rlimits(l, f) {
		p.call("limit "+r.name, unix.SYS_PRLIMIT64, num(0), num(r.resource), p.words(r.value, r.value+r.slack))
	}
}

// dieFirst has the machine's OOM killer choose the program before anything else.
func (p *plan) dieFirst() {
	defer p.scope()()
	fd := p.save("open oom_score_adj", unix.SYS_OPENAT, here, p.str("/proc/self/oom_score_adj"), num(unix.O_WRONLY|unix.O_CLOEXEC))
	p.call("write oom_score_adj", unix.SYS_WRITE, fd, p.str("1000"), num(4)).Min = 4
	p.call("close oom_score_adj", unix.SYS_CLOSE, fd)
}

// substitutes are rules in place of the bounds that this machine lacks: memory
// that RLIMIT_DATA does not count is not to be had.
func (f features) substitutes() []seccomp.Rule {
	if !f.lacksFeature(MemoryGroup) {
		return nil
	}
	const sharedAnonymous = unix.MAP_SHARED | unix.MAP_ANONYMOUS
	return []seccomp.Rule{
		seccomp.Call(seccomp.Errno(unix.ENOMEM), "mmap").If(seccomp.LongBits(3, sharedAnonymous, sharedAnonymous)),
		seccomp.Call(seccomp.Errno(unix.ENOSPC), "shmget", "memfd_create"),
	}
}

// lastCapability is CAP_CHECKPOINT_RESTORE; a newer kernel's further ones are
// gone all the same, since the permitted set is emptied.
const lastCapability = unix.CAP_LAST_CAP

// lockedSecurebits make the rules that give root its powers void for good,
// capabilities(7).
const lockedSecurebits = 1<<0 | 1<<1 | 1<<2 | 1<<3 | 1<<5 | 1<<6 | 1<<7

// dropCapabilities empties every capability set and forbids getting any by execve.
func (p *plan) dropCapabilities() {
	p.prctl("clear ambient capabilities", unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL)
	for c := range lastCapability + 1 {
		p.prctl("drop a bounding capability", unix.PR_CAPBSET_DROP, c)
	}
	p.prctl("lock securebits", unix.PR_SET_SECUREBITS, lockedSecurebits)
	header := p.words(unix.LINUX_CAPABILITY_VERSION_3)
	p.call("drop capabilities", unix.SYS_CAPSET, header, p.words(0, 0, 0))
}

func (p *plan) prctl(name string, option, value int) {
	p.call(name, unix.SYS_PRCTL, num(option), num(value), num(0), num(0), num(0))
}
