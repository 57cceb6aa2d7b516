package policies

import (
	"slices"
	"time"

	"lazaret.dev/lazaret/sandbox"
)

// Recovery is what is done about errors of a definition by itself (A15, A42).
type Recovery struct {
	// Automatic turns it on; without, errors are the definition's own affair alone.
	Automatic bool
	// Consecutive executions that end in an error put the definition away; Critical
	// errors end all its executions. A success sets both counts back. 0: never.
	Consecutive, Critical int
	// Backoff takes the place of the table's first pause before a retry; 0 does not.
	Backoff time.Duration
	// Actions take the place of the table's.
	Actions map[ErrorCategory]RecoveryAction
}

// ErrorCategory says what kind of thing went wrong.
type ErrorCategory string

// RecoveryAction is what is done about an error.
type RecoveryAction string

// The actions.
const (
	RecoverNone       RecoveryAction = "none"       // it goes to the definition
	RecoverRetry      RecoveryAction = "retry"      // the task again, after pauses that double
	RecoverReset      RecoveryAction = "reset"      // the task again, in a sandbox that was never used or kept
	RecoverRollback   RecoveryAction = "rollback"   // the execution again, with the version that was published before
	RecoverShutdown   RecoveryAction = "shutdown"   // the execution is cancelled
	RecoverQuarantine RecoveryAction = "quarantine" // the definition is put away
)

var recoveryActions = []string{
	string(RecoverNone), string(RecoverRetry), string(RecoverReset),
	string(RecoverRollback), string(RecoverShutdown), string(RecoverQuarantine),
}

// RecoveryRule is what is known of one category, and done about it.
type RecoveryRule struct {
	Category ErrorCategory
	Code     string
	Severity sandbox.Severity
	Action   RecoveryAction
	Retries  int
	Backoff  time.Duration // before the first retry; it doubles
	// Fixed is an action that no policy replaces.
	Fixed bool
	About string
}

// recoveryTable is the whole of it, for review. A crash is tried again before it
// counts as critical; what the kernel ended for a violation never is (A42).
var recoveryTable = []RecoveryRule{
	{Category: "SecurityViolation", Code: SecurityCode, Severity: sandbox.Critical, Action: RecoverQuarantine, Fixed: true, About: "a program was ended, or a request refused, for what it must not do"},
	{Category: "Crash", Code: "CRA_001", Severity: sandbox.Critical, Action: RecoverRetry, Retries: 3, Backoff: 10 * time.Second, About: "a program was ended by a signal"},
	{Category: "OutOfMemory", Code: "MEM_001", Severity: sandbox.High, Action: RecoverReset, Retries: 1, About: "a program needed more memory than it may have"},
	{Category: "CpuLimitExceeded", Code: "CPU_001", Severity: sandbox.Medium, Action: RecoverReset, Retries: 1, About: "a program used up its processor time"},
	{Category: "ResourceLimitExceeded", Code: "RES_001", Severity: sandbox.Medium, Action: RecoverReset, Retries: 1, About: "too many processes, or too much output"},
	{Category: "NetworkError", Code: "NET_001", Severity: sandbox.Low, Action: RecoverRetry, Retries: 3, Backoff: 5 * time.Second, About: "a host could not be reached, or did not answer in the protocol's terms"},
	{Category: "Timeout", Code: "TIM_001", Severity: sandbox.Medium, Action: RecoverRetry, Retries: 2, Backoff: 3 * time.Second, About: "something took longer than it may"},
	{Category: "InitializationFailed", Code: "INI_001", Severity: sandbox.High, Action: RecoverShutdown, About: "no sandbox could be made, or a definition cannot be run as it is"},
	{Category: "FileSystemError", Code: "FIL_001", Severity: sandbox.Medium, Action: RecoverNone, About: "what must be recorded could not be written"},
	{Category: "PermissionDenied", Code: "PER_001", Severity: sandbox.Low, Action: RecoverNone, About: "a policy or a server refuses it"},
	{Category: "ExecutionError", Code: "EXE_001", Severity: sandbox.Low, Action: RecoverNone, About: "a program or a task failed by its own doing"},
	{Category: "CommunicationError", Code: "COM_001", Severity: sandbox.Low, Action: RecoverNone, About: "a server answered with an error"},
	{Category: "Unknown", Code: "UNK_001", Severity: sandbox.Low, Action: RecoverNone, About: "an error that the definition raised, or that has no other name"},
}

// RecoveryTable is what is done about each category of errors unless a policy says
// otherwise.
func RecoveryTable() []RecoveryRule { return slices.Clone(recoveryTable) }

// Defaults of a rule that gets its action from a policy, and has none for it.
const (
	defaultRetries = 3
	defaultBackoff = 5 * time.Second
)

// DefaultRecovery is off, with the numbers of the isolation guide.
func DefaultRecovery() Recovery { return Recovery{Consecutive: 5, Critical: 3} }

// Rules is the table as the policy has it.
func (r Recovery) Rules() []RecoveryRule {
	rules := RecoveryTable()
	for i := range rules {
		rule := &rules[i]
		if action, given := r.Actions[rule.Category]; given && !rule.Fixed {
			rule.Action = action
		}
		switch rule.Action {
		case RecoverRetry:
			if rule.Retries == 0 {
				rule.Retries = defaultRetries
			}
			if rule.Backoff == 0 {
				rule.Backoff = defaultBackoff
			}
			if r.Backoff > 0 {
				rule.Backoff = r.Backoff
			}
		case RecoverReset:
			rule.Retries, rule.Backoff = 1, 0
		case RecoverNone, RecoverRollback, RecoverShutdown, RecoverQuarantine:
			rule.Retries, rule.Backoff = 0, 0
		}
	}
	return rules
}
