package policies

import (
	"slices"
	"time"

	"lazaret.dev/lazaret/sandbox"
	"lazaret.dev/lazaret/sandbox/egress"
)

// Effective is what holds for one definition: the settings of the rule that fits
// it, and the level's documented defaults where the rule is silent. It is a value;
// nothing changes what its slices hold.
type Effective struct {
	// PolicyDigest is the SHA-256, in hex, of the policy that decided.
	PolicyDigest string
	// Rule is the rule that decided; empty where none fits, which is level maximum.
	Rule string
	// Because says why no rule decided though one fits, such as a signature that is
	// missing; empty otherwise.
	Because string

	Level Level
	// Egress are the hosts that programs may reach, Calls those of call tasks, and
	// Sources those that scripts and functions are fetched from.
	Egress, Calls, Sources []egress.Rule
	Limits                 sandbox.Limits
	Scratch                int64 // bytes of /scratch and of /tmp, each
	// Carried bounds what the hosts of Egress are told by a program, and tell it.
	Carried       egress.Limits
	Python        PythonRules
	Libvirt       Libvirt
	Secrets       Patterns // names of secrets that the definition may read
	Shares        []string // folders of the host that its programs may read
	AllowDegraded Degradations

	// Signers are those one of whom must have signed the definition; empty: it
	// need not be signed.
	Signers []string

	Recovery     Recovery
	Thresholds   Thresholds
	Anomaly      Anomaly
	OnQuarantine QuarantineAction
	Review       Review
	Notify       []NotifyRoute
	// Contacts are people to call in an emergency (C36).
	Contacts []Contact

	at func(Level) Effective // the same at another level; nil: it stays as it is
}

// PythonRules are what a policy says about Python beyond the level.
type PythonRules struct {
	Allow        ScriptNames // modules and functions for scripts whose metadata asks for them
	Versions     Patterns
	Packages     Patterns
	Indexes      Patterns // of packages, as the worker names its own
	Requirements bool     // a definition may name a requirements file of its own
}

// Thresholds are how many violations that count put a definition away.
type Thresholds struct {
	Quarantine
	// Decay is how long a violation counts; 0 for ever.
	Decay time.Duration
	// Watch takes the place of After while a released definition is watched, for
	// WatchFor.
	Watch    int
	WatchFor time.Duration
}

// QuarantineAction is what becomes of running executions of a definition that is
// put away.
type QuarantineAction string

// The actions.
const (
	HoldExecutions  QuarantineAction = "hold" // at the next task boundary, their scripts killed
	FaultExecutions QuarantineAction = "fault"
)

// Review is who may release a definition.
type Review struct {
	// AuthorMayRelease lets the one who published a definition release it.
	AuthorMayRelease bool
	// Reviewers are the only ones who may; empty: anybody with the right to ask.
	Reviewers []string
}

// NotifyRoute sends some of what happens to a target.
type NotifyRoute struct {
	Target      NotifyTarget
	MinSeverity sandbox.Severity
	Rules       Patterns // of the rule or type of what happened; empty: all
}

// NotifyTarget is where notifications go.
type NotifyTarget struct {
	Name string
	Type string // webhook, slack, smtp, exec
	// URL is the webhook's, Slack's, or smtp://host:port.
	URL  string
	From string   // smtp
	To   []string // smtp
	// Command is an exec target's program with its arguments.
	Command []string
	// SecretFrom is where the signing key or the password is, as --secret names sources.
	SecretFrom string
	// PrivateNetworks are ranges that are not public where the host may be.
	PrivateNetworks []string
}

// Contact is somebody to call in an emergency.
type Contact struct {
	Name  string `json:"name"`
	Email string `json:"email,omitempty"`
	Phone string `json:"phone,omitempty"`
}

// Patterns are names in which * stands for any part without a slash.
type Patterns []string

// Match tells whether one of the patterns fits the name.
func (p Patterns) Match(name string) bool {
	return slices.ContainsFunc(p, func(pattern string) bool { return matchesIdentity(pattern, name) })
}

// DefaultWatch is how long a released definition is watched where a policy does
// not say.
const DefaultWatch = 7 * 24 * time.Hour

// LevelDefaults are the settings of a level by itself: what everything unlisted
// gets at level maximum. Its error is a *LevelError.
func LevelDefaults(l Level) (Effective, error) {
	p, ok := presets[l]
	if !ok {
		return Effective{}, &LevelError{l.String()}
	}
	return Effective{
		Level: l, Limits: p.limits, Scratch: p.scratch, Carried: p.carried,
		Python:       PythonRules{Versions: Patterns{"*"}, Packages: Patterns{"*"}, Indexes: Patterns{"*"}},
		Thresholds:   Thresholds{Quarantine: p.quarantine, Watch: 1, WatchFor: DefaultWatch},
		Anomaly:      DefaultAnomaly(),
		OnQuarantine: HoldExecutions,
		Recovery:     DefaultRecovery(),
	}, nil
}
