package policies

import (
	"time"

	"lazaret.dev/lazaret/sandbox"
	"lazaret.dev/lazaret/sandbox/egress"
	"lazaret.dev/lazaret/sandbox/seccomp"
)

// preset is a level: everything that it decides.
type preset struct {
	purpose    string
	network    Network
	limits     sandbox.Limits
	carried    egress.Limits // with the hosts that an operator opens
	scratch    int64         // bytes of /scratch and of /tmp, each
	proc       bool
	killAt     sandbox.Severity // the least severity that ends a run
	violations int              // how many that count end a run anyhow
	quarantine Quarantine
	syscalls   seccomp.Policy
}

// Quarantine is when violations, over all runs of a definition, put it away.
type Quarantine struct {
	After     int  // violations that count
	Automatic bool // otherwise it is left to people, who are alerted
}

const (
	mebibyte = 1 << 20
	gibibyte = 1 << 30
)

// presets are the levels. Each line that differs from the level above says more
// than it would in code elsewhere: this is the place to review.
var presets = map[Level]preset{
	Maximum: {
		purpose:    "untrusted, third party; what everything unlisted gets",
		network:    NoNetwork,
		limits:     limits(func(l *sandbox.Limits) { l.Processes = 1 }),
		carried:    anyTraffic,
		killAt:     sandbox.Medium, // the first that counts
		violations: 1,
		quarantine: Quarantine{After: 1, Automatic: true},
		syscalls:   maximum,
	},
	Strict: {
		purpose:    "reviewed, internal",
		network:    ListedHosts,
		limits:     limits(func(l *sandbox.Limits) { l.Processes = 64 }), // threads: numeric libraries start one a core
		carried:    anyTraffic,
		proc:       true, // of its own namespace: interpreters with threads read theirs
		killAt:     sandbox.Critical,
		violations: 20,
		quarantine: Quarantine{After: 3, Automatic: true},
		syscalls:   strict,
	},
	Standard: {
		purpose:    "trusted, internal",
		network:    HostNames,
		limits:     limits(func(l *sandbox.Limits) { l.Processes = 64 }),
		carried:    anyTraffic,
		scratch:    64 * mebibyte,
		proc:       true,
		killAt:     sandbox.Critical,
		violations: 1000,
		quarantine: Quarantine{After: 5, Automatic: true},
		syscalls:   standard,
	},
	Minimal: {
		purpose: "fully trusted",
		network: AnyPublic,
		limits: limits(func(l *sandbox.Limits) {
			l.Processes, l.Memory, l.OpenFiles = 256, 2*gibibyte, 1024
		}),
		carried:    anyTraffic,
		scratch:    512 * mebibyte,
		proc:       true,
		killAt:     sandbox.NoKill,
		quarantine: Quarantine{After: 10},
		syscalls:   minimal,
	},
}

// anyTraffic is as much, and as fast, as it comes: no host is open that an operator has
// not listed, and what is enough depends on the host.
var anyTraffic = egress.Limits{Connections: egress.DefaultLimits.Connections}

// limits are those that all levels share, changed. An operator's policy may
// override them.
func limits(change func(*sandbox.Limits)) sandbox.Limits {
	l := sandbox.Limits{
		Wall:      time.Hour,
		Memory:    512 * mebibyte,
		Stdout:    mebibyte,
		Stderr:    mebibyte,
		OpenFiles: 256,
		FileSize:  gibibyte, // the scratch is smaller; this bounds sparse files
	}
	change(&l)
	return l
}
