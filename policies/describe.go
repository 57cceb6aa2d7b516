package policies

import (
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"lazaret.dev/lazaret/sandbox"
	"lazaret.dev/lazaret/sandbox/egress"
	"lazaret.dev/lazaret/sandbox/seccomp"
)

// Description is a level as people and scripts read it. What it says about
// processes and memory is asked of the system-call policy itself.
type Description struct {
	Level      string         `json:"level"`
	For        string         `json:"for"`
	Network    Network        `json:"network"`
	Processes  ProcessRules   `json:"processes"`
	Files      FileRules      `json:"files"`
	Memory     MemoryRules    `json:"memory"`
	Limits     LimitRules     `json:"limits"`
	Violations ViolationRules `json:"violations"`
	Syscalls   []SyscallRule  `json:"syscalls,omitempty"`
}

// ProcessRules say what a script may start.
type ProcessRules struct {
	Fork    bool `json:"fork"`
	Threads bool `json:"threads"`
	Exec    bool `json:"exec"` // programs of its environment; none from where it can write
}

// FileRules say where a script may write. All else that it sees is read-only.
type FileRules struct {
	ScratchBytes int64 `json:"scratchBytes"` // /scratch and /tmp, each
	Proc         bool  `json:"proc"`         // a /proc with its own processes alone
}

// MemoryRules say what a script may do with memory besides using it.
type MemoryRules struct {
	WrittenCode bool `json:"writtenCode"` // execute what it wrote
	SystemV     bool `json:"systemV"`     // shared memory within the sandbox
}

// LimitRules are the quantities that end a run or make a call fail.
type LimitRules struct {
	WallSeconds   float64 `json:"wallSeconds"`
	MemoryBytes   int64   `json:"memoryBytes"`
	Processes     int64   `json:"processes"`
	OpenFiles     uint64  `json:"openFiles"`
	FileSizeBytes uint64  `json:"fileSizeBytes"`
	StdoutBytes   int64   `json:"stdoutBytes"`
	StderrBytes   int64   `json:"stderrBytes"`
	// What a network carries; 0 bytes are any number.
	Connections    int64 `json:"connections"`
	TrafficBytes   int64 `json:"trafficBytes"`
	BandwidthBytes int64 `json:"bandwidthBytes"` // a second
}

// ViolationRules say what follows from violations.
type ViolationRules struct {
	KillAt          string `json:"killAt"`    // least severity that ends a run, or "never"
	KillAfter       int    `json:"killAfter"` // so many that count end a run; 0 for any number
	QuarantineAfter int    `json:"quarantineAfter"`
	AutoQuarantine  bool   `json:"autoQuarantine"`
}

// SyscallRule is one line of a level's list. What no line names is denied and reported.
type SyscallRule struct {
	Calls   []string `json:"calls"`
	When    string   `json:"when,omitempty"`
	Verdict string   `json:"verdict"` // allow, watch, deny, kill, or the error given quietly
	Why     string   `json:"why,omitempty"`
}

// Describe tells all that a level decides. Its error is a *LevelError.
func Describe(l Level) (Description, error) {
	p, ok := presets[l]
	if !ok {
		return Description{}, &LevelError{l.String()}
	}
	d := Description{
		Level: l.String(), For: p.purpose, Network: p.network,
		Processes:  processRules(p.syscalls),
		Files:      FileRules{p.scratch, p.proc},
		Memory:     MemoryRules{permits(p.syscalls, "mmap", 0, 0, unix.PROT_READ|unix.PROT_WRITE|unix.PROT_EXEC), permits(p.syscalls, "shmget")},
		Limits:     limitRules(p),
		Violations: ViolationRules{p.killAt.String(), p.violations, p.quarantine.After, p.quarantine.Automatic},
	}
	if p.killAt == sandbox.NoKill {
		d.Violations.KillAt = "never"
	}
	for _, r := range p.syscalls.Rules {
		d.Syscalls = append(d.Syscalls, SyscallRule{r.Calls, conditions(r.When), verdictName(r.Then), r.Why})
	}
	return d, nil
}

func processRules(p seccomp.Policy) ProcessRules {
	thread := uint64(unix.CLONE_VM | unix.CLONE_FS | unix.CLONE_FILES | unix.CLONE_SIGHAND | unix.CLONE_THREAD)
	return ProcessRules{
		Fork:    permits(p, "clone", uint64(unix.SIGCHLD)),
		Threads: permits(p, "clone", thread),
		Exec:    permits(p, "execve"),
	}
}

func permits(p seccomp.Policy, call string, args ...uint64) bool {
	arch := nativeOrX86()
	nr, ok := arch.Number(call)
	var six [6]uint64
	copy(six[:], args)
	return ok && p.Verdict(arch, nr, six).Permits()
}

// nativeOrX86 lets levels be described on a machine that cannot sandbox.
func nativeOrX86() seccomp.Arch {
	if runtime.GOARCH == seccomp.ARM.GOARCH {
		return seccomp.ARM
	}
	return seccomp.X86
}

func limitRules(p preset) LimitRules {
	l, c := p.limits, p.carried
	if p.network == NoNetwork {
		c = egress.Limits{}
	}
	return LimitRules{
		WallSeconds: l.Wall.Seconds(), MemoryBytes: l.Memory, Processes: l.Processes, OpenFiles: l.OpenFiles,
		FileSizeBytes: l.FileSize, StdoutBytes: l.Stdout, StderrBytes: l.Stderr,
		Connections: c.Connections, TrafficBytes: c.Bytes, BandwidthBytes: c.Rate,
	}
}

func verdictName(v seccomp.Verdict) string {
	switch v {
	case seccomp.Allow:
		return "allow"
	case seccomp.Watch:
		return "watch"
	case seccomp.Notify:
		return "deny"
	case seccomp.Kill:
		return "kill"
	}
	return unix.ErrnoName(unix.Errno(uint32(v) & unix.SECCOMP_RET_DATA))
}

func conditions(cs []seccomp.Condition) string {
	var parts []string
	for _, c := range cs {
		operator := "=="
		if c.Not {
			operator = "!="
		}
		argument := "arg" + strconv.Itoa(c.Arg)
		if c.Mask != 0 {
			argument += fmt.Sprintf(" & %#x", c.Mask)
		}
		parts = append(parts, fmt.Sprintf("%s %s %#x", argument, operator, c.Value))
	}
	return strings.Join(parts, " and ")
}

// Row is one property of all levels, as text.
type Row struct {
	Property string
	Values   []string // in the order of the descriptions
}

// Table puts descriptions side by side.
func Table(ds []Description) []Row {
	rows := make([]Row, len(properties))
	for i, p := range properties {
		rows[i].Property = p.name
		for _, d := range ds {
			rows[i].Values = append(rows[i].Values, p.of(d))
		}
	}
	return rows
}

var properties = []struct {
	name string
	of   func(Description) string
}{
	{"for", func(d Description) string { return d.For }},
	{"network", func(d Description) string { return string(d.Network) }},
	{"processes", func(d Description) string { return choose(d.Processes.Fork, "fork", "none") }},
	{"threads", func(d Description) string { return choose(d.Processes.Threads, "yes", "none") }},
	{"programs", func(d Description) string { return choose(d.Processes.Exec, "the environment's own", "none") }},
	{"files", func(d Description) string {
		return choose(d.Files.ScratchBytes > 0, "read-only but the work space", "read-only")
	}},
	{"work space (/scratch, /tmp)", func(d Description) string { return size(d.Files.ScratchBytes) }},
	{"/proc", func(d Description) string { return choose(d.Files.Proc, "own processes", "none") }},
	{"written code", func(d Description) string { return choose(d.Memory.WrittenCode, "may run", "never runs") }},
	{"System V shared memory", func(d Description) string { return choose(d.Memory.SystemV, "own", "none") }},
	{"wall time", func(d Description) string {
		return time.Duration(d.Limits.WallSeconds * float64(time.Second)).String()
	}},
	{"memory", func(d Description) string { return size(d.Limits.MemoryBytes) }},
	{"processes and threads", func(d Description) string { return strconv.FormatInt(d.Limits.Processes, 10) }},
	{"open files", func(d Description) string { return strconv.FormatUint(d.Limits.OpenFiles, 10) }},
	{"stdout, stderr", func(d Description) string { return size(d.Limits.StdoutBytes) + " each" }},
	{"connections at a time", func(d Description) string {
		return choose(d.Network == NoNetwork, "none", strconv.FormatInt(d.Limits.Connections, 10))
	}},
	{"bytes in and out of the network", func(d Description) string { return carriedText(d, d.Limits.TrafficBytes) }},
	{"bytes of the network a second", func(d Description) string { return carriedText(d, d.Limits.BandwidthBytes) }},
	{"a violation ends the run", func(d Description) string {
		return choose(d.Violations.KillAt == "never", "never", "from severity "+d.Violations.KillAt)
	}},
	{"so many end the run", func(d Description) string {
		return choose(d.Violations.KillAfter > 0, strconv.Itoa(d.Violations.KillAfter)+" that count", "a flood")
	}},
	{"violations until quarantine", func(d Description) string { return strconv.Itoa(d.Violations.QuarantineAfter) }},
	{"quarantine", func(d Description) string { return choose(d.Violations.AutoQuarantine, "automatic", "alert only") }},
}

func carriedText(d Description, bytes int64) string {
	return choose(d.Network == NoNetwork, "none", boundText(bytes))
}

func choose(yes bool, then, otherwise string) string {
	if yes {
		return then
	}
	return otherwise
}

func size(bytes int64) string {
	switch {
	case bytes == 0:
		return "none"
	case bytes%gibibyte == 0:
		return strconv.FormatInt(bytes/gibibyte, 10) + " GiB"
	}
	return strconv.FormatInt(bytes/mebibyte, 10) + " MiB"
}
