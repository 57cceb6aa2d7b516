package contract

import "time"

// Codes of errors; what is done about each is the policy's.
const (
	CodeSecurity       = "SEC_001" // a program was ended, or a request refused, for what it must not do
	CodeCrash          = "CRA_001" // a program was ended by a signal
	CodeMemory         = "MEM_001"
	CodeCPU            = "CPU_001"
	CodeResource       = "RES_001" // too many processes, or too much output
	CodeNetwork        = "NET_001" // not reached
	CodeTimeout        = "TIM_001"
	CodeInitialization = "INI_001" // it could not begin
	CodeFileSystem     = "FIL_001"
	CodePermission     = "PER_001"
	CodeExecution      = "EXE_001"
	CodeCommunication  = "COM_001" // a server answered with an error
	CodeUnknown        = "UNK_001"
)

// codes are those of errors that say nothing more than their type.
var codes = map[string]string{
	ConfigurationError: CodeInitialization, ValidationError: CodeExecution, ExpressionError: CodeExecution,
	AuthenticationError: CodePermission, AuthorizationError: CodePermission, TimeoutError: CodeTimeout,
	RuntimeError: CodeExecution, CommunicationError: CodeCommunication,
	Refused: CodePermission, SandboxUnavailable: CodeInitialization, SandboxFailed: CodeInitialization,
	AuditUnavailable: CodeFileSystem, WorkerStopped: CodeInitialization, Quarantined: CodeSecurity,
}

// ErrorCode is the fault's code: its own, or that of its type. It has no code for
// what a definition raises under a type of its own but CodeUnknown.
func (f *Fault) ErrorCode() string {
	if f.Code != "" {
		return f.Code
	}
	if code, known := codes[f.Type]; known {
		return code
	}
	return CodeUnknown
}

// Coded is what an execution's failure says beside its Fault, whose form is the DSL's.
type Coded struct {
	Code string `json:"code"`
}

// Recovery is what is done about the errors of one execution, as the policy said
// when it began.
type Recovery struct {
	Rules []RecoveryRule `json:"rules"`
}

// RecoveryRule is what is done about errors of one code.
type RecoveryRule struct {
	Code     string        `json:"code"`
	Severity string        `json:"severity"`
	Action   string        `json:"action"`
	Retries  int           `json:"retries,omitempty"`
	Backoff  time.Duration `json:"backoffNs,omitempty"` // before the first retry; it doubles
}

// What is done about an error.
const (
	RecoverRetry      = "retry"
	RecoverReset      = "reset"
	RecoverRollback   = "rollback"
	RecoverShutdown   = "shutdown"
	RecoverQuarantine = "quarantine"
)

// Ending is how an execution ended of a definition whose errors are recovered from.
type Ending struct {
	Task      TaskID `json:"task"`
	Execution string `json:"execution"`
	Run       string `json:"run"`
	Failed    bool   `json:"failed,omitempty"`
	Code      string `json:"code,omitempty"`
	Severity  string `json:"severity,omitempty"`
	Action    string `json:"action,omitempty"` // what was done about the error
	// Kept says that the error is recorded and does not count: nothing is done about
	// errors, and so nobody tells of the successes that set the counts back.
	Kept bool `json:"kept,omitempty"`
}

// Failure is one execution that ended in an error.
type Failure struct {
	ID        string    `json:"id"` // execution and run
	At        time.Time `json:"at"`
	Code      string    `json:"code"`
	Severity  string    `json:"severity,omitempty"`
	Action    string    `json:"action,omitempty"`
	Version   string    `json:"version,omitempty"`
	Execution string    `json:"execution"`
	Task      string    `json:"task,omitempty"`
}

// EndJudging asks what follows from endings.
type EndJudging struct {
	Summary LedgerSummary `json:"summary"`
	Known   []string      `json:"known,omitempty"` // ids of failures
	// What a violation is judged with that the endings amount to.
	Counting []Violation `json:"counting,omitempty"`
	Rates    Rates       `json:"rates,omitzero"`
	Endings  []Signed    `json:"endings"`
}

// EndJudged is what follows.
type EndJudged struct {
	At          time.Time `json:"at"`
	Failures    []Failure `json:"failures,omitempty"` // those that are new
	Refused     int       `json:"refused,omitempty"`
	Consecutive int       `json:"consecutive,omitempty"` // the new counts
	Critical    int       `json:"critical,omitempty"`
	Rates       Rates     `json:"rates,omitzero"`
	// Judged is the verdict on the violation that the endings amount to; nil: on none.
	Judged *Judged `json:"judged,omitempty"`
	// Do is RecoverQuarantine, RecoverShutdown or empty.
	Do     string `json:"do,omitempty"`
	Reason string `json:"reason,omitempty"`
	Action string `json:"action,omitempty"` // of a quarantine: hold or fault
	Policy string `json:"policy,omitempty"` // digest of the policy that decided
}
