package contract

import "time"

// Workflow types of the ledger.
const (
	// LedgerWorkflow is the entity that holds what one definition, by its
	// namespace and name, has done, and whether it may run. It takes a Ledger.
	LedgerWorkflow = "lazaret.ledger"
	// RegisterWorkflow is the one entity, of id RegisterID, that knows all that is
	// held in a Temporal namespace; workers follow it. It takes a Register.
	RegisterWorkflow = "lazaret.quarantine"
	RegisterID       = "lazaret.quarantine"
)

// LedgerID is the workflow id of a definition's ledger.
func LedgerID(namespace, name string) string { return "ledger/" + namespace + "/" + name }

// What a ledger answers to.
const (
	ReportSignal  = "violations" // a Signed ViolationReport
	RelatedSignal = "related"    // a Signed Related
	EndSignal     = "ended"      // a Signed Ending
	AddUpdate     = "add"        // LedgerRequest → LedgerSummary: quarantine by hand
	ReviewUpdate  = "review"     // LedgerRequest → LedgerSummary: a review begins
	ReleaseUpdate = "release"    // LedgerRequest → LedgerSummary
	LedgerQuery   = "ledger"     // → Ledger
	SummaryQuery  = "summary"    // → LedgerSummary
)

// What the register answers to.
const (
	HeldSignal    = "held"     // a Signed Held
	RegisterQuery = "register" // → Register
)

// MemoHeld is the register's memo member with the number of definitions held.
const MemoHeld = "lazaret.held"

// QuarantineSignal tells a running execution that its definition is held, or no
// longer: a Signed Order.
const QuarantineSignal = "quarantine"

// Local activities of the ledger, the register and executions.
const (
	JudgeViolations = "ledger.judge"   // Judging → Judged
	EnforceState    = "ledger.enforce" // Enforcement → Told
	TellExecutions  = "ledger.tell"    // Enforcement → Told
	CheckLedger     = "ledger.check"   // RequestCheck → LedgerTerms
	ReadHeld        = "ledger.held"    // []Signed → []Held
	ReadOrder       = "ledger.order"   // OrderCheck → Order
	AdmitExecution  = "ledger.admit"   // TaskID → Admission
	EndExecution    = "ledger.end"     // Ending → Order
	JudgeEndings    = "ledger.endings" // EndJudging → EndJudged
)

// AttributeLedger is the search attribute of ledgers alone: namespace/name, Keyword.
// Beside it they have AttributeState, a ledger's state, and AttributeViolations.
const AttributeLedger = "LazaretLedger"

// HeldState is the AttributeState of an execution that holds.
const HeldState = "held"

// The states of a ledger.
const (
	LedgerActive        = "active"         // may run
	LedgerQuarantined   = "quarantined"    // put away
	LedgerPendingReview = "pending-review" // put away, and somebody looks into it
	LedgerReleased      = "released"       // may run, and is watched
)

// LedgerHolds tells whether a definition in the state is put away.
func LedgerHolds(state string) bool {
	return state == LedgerQuarantined || state == LedgerPendingReview
}

// Signed is a text that only a worker can have written: Tag authenticates Body, a
// JSON object, for one purpose.
type Signed struct {
	Body string `json:"body"`
	Tag  string `json:"tag,omitempty"`
}

// ViolationReport is what a worker files about one definition.
type ViolationReport struct {
	Namespace  string      `json:"namespace"`
	Name       string      `json:"name"`
	Worker     string      `json:"worker,omitempty"`
	Violations []Violation `json:"violations"`
}

// StaticPolicyViolation is the type of the violation that a script's text is, which is
// refused before it runs.
const StaticPolicyViolation = "StaticPolicyViolation"

// Violation is the record of one kind of forbidden act in one run of a program,
// or of one refused request.
type Violation struct {
	// ID is the same however often the act is reported: by a retry, after a crash.
	ID       string `json:"id"`
	Type     string `json:"type"`
	Severity string `json:"severity"` // Low, Medium, High, Critical
	Subject  string `json:"subject,omitempty"`
	Syscall  string `json:"syscall,omitempty"`
	Count    int    `json:"count"` // of repetitions in the run; the violation counts once
	Action   string `json:"action,omitempty"`
	// PID is the process that was first to do it, as its sandbox numbers it, and
	// Command the name that it gave itself; zero where no process did.
	PID     int    `json:"pid,omitempty"`
	Command string `json:"command,omitempty"`
	// Ended says that the program was ended for what it did (SEC_001).
	Ended bool      `json:"ended,omitempty"`
	At    time.Time `json:"at"`
	// By whom, and under which terms.
	Version   string `json:"version,omitempty"`
	Digest    string `json:"digest,omitempty"`
	Script    string `json:"script,omitempty"` // SHA-256 of the script's text, hex
	Execution string `json:"execution,omitempty"`
	Run       string `json:"run,omitempty"`
	Root      string `json:"root,omitempty"` // workflow id of the outermost execution
	Task      string `json:"task,omitempty"`
	Activity  string `json:"activity,omitempty"`
	Level     string `json:"level,omitempty"`
	Policy    string `json:"policy,omitempty"` // digest
}

// Ledger is all that is known of one definition, within bounds: the newest.
type Ledger struct {
	LedgerSummary
	// Versions are the documents that were seen under the name, the newest last.
	Versions []LedgerVersion `json:"versions,omitempty"`
	// Scripts are digests of scripts that are held with the definition.
	Scripts     []string           `json:"scripts,omitempty"`
	Violations  []Violation        `json:"violations,omitempty"`
	Transitions []LedgerTransition `json:"transitions,omitempty"`
	Incidents   []LedgerIncident   `json:"incidents,omitempty"`
	// Related is what parents and children of executions have told.
	Related []Related `json:"related,omitempty"`
	// Failures are executions that ended in an error, the newest last (A14).
	Failures []Failure `json:"failures,omitempty"`
	// Rates are how often its definition does what is counted.
	Rates Rates `json:"rates,omitzero"`
	// Seen are the ids of violations by which repeated reports are known.
	Seen []string `json:"seen,omitempty"`
}

// LedgerSummary is where a definition stands.
type LedgerSummary struct {
	Namespace string    `json:"namespace"`
	Name      string    `json:"name"`
	State     string    `json:"state"`
	Since     time.Time `json:"since"` // of the state
	Reason    string    `json:"reason,omitempty"`
	By        string    `json:"by,omitempty"` // who brought it there; empty: a verdict
	Incident  string    `json:"incident,omitempty"`
	Action    string    `json:"action,omitempty"` // hold or fault: what becomes of running executions
	// Counted violations, of Limit; Total counts all, those that do not count included.
	Counted    int       `json:"counted"`
	Limit      int       `json:"limit,omitempty"`
	Total      int       `json:"total"`
	CountSince time.Time `json:"countSince,omitzero"`
	WatchUntil time.Time `json:"watchUntil,omitzero"`
	// Alerted is when the limit was passed of a definition that is left to people.
	Alerted time.Time `json:"alerted,omitzero"`
	// Refused counts reports that no worker had written.
	Refused int `json:"refused,omitempty"`
	// Consecutive executions have ended in an error, and so many errors were critical,
	// since the last success.
	Consecutive int `json:"consecutive,omitempty"`
	Critical    int `json:"critical,omitempty"`
	// Revision grows with every change of State.
	Revision int64 `json:"revision"`
}

// LedgerVersion is a document of the definition.
type LedgerVersion struct {
	Version string    `json:"version"`
	Digest  string    `json:"digest"`
	Seen    time.Time `json:"seen"`
}

// LedgerTransition is a change of state.
type LedgerTransition struct {
	At     time.Time `json:"at"`
	From   string    `json:"from"`
	To     string    `json:"to"`
	By     string    `json:"by,omitempty"`
	Reason string    `json:"reason,omitempty"`
}

// LedgerRequest asks a ledger for a change. Every one needs a reason.
type LedgerRequest struct {
	Reason string `json:"reason"`
	By     string `json:"by,omitempty"` // who asks, as they say
	// Reviewer releases.
	Reviewer string `json:"reviewer,omitempty"`
	// Resume says what a release does with held executions: resume, or cancel.
	Resume string `json:"resume,omitempty"`
	// Action of a quarantine by hand: hold or fault; empty is the policy's.
	Action string `json:"action,omitempty"`
}

// What a release does with held executions.
const (
	ResumeHeld = "resume"
	CancelHeld = "cancel"
)

// Held is what the register knows of one definition that is held, or that was.
type Held struct {
	Namespace string    `json:"namespace"`
	Name      string    `json:"name"`
	State     string    `json:"state"`
	Revision  int64     `json:"revision"`
	Since     time.Time `json:"since"`
	Reason    string    `json:"reason,omitempty"`
	Incident  string    `json:"incident,omitempty"`
	Action    string    `json:"action,omitempty"`
	Digests   []string  `json:"digests,omitempty"` // of the definition's documents
	Scripts   []string  `json:"scripts,omitempty"`
}

// Register is all that is held, in order of names.
type Register struct {
	Held []Held `json:"held,omitempty"`
	// Released are the revisions of definitions that are held no more: an older
	// word about them is not heeded.
	Released []Held `json:"released,omitempty"`
}

// Order tells an execution what becomes of it.
type Order struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	Execution string `json:"execution"` // workflow id that it is for
	Revision  int64  `json:"revision"`
	Do        string `json:"do"` // hold, fault, resume, cancel
	Reason    string `json:"reason,omitempty"`
	Incident  string `json:"incident,omitempty"`
}

// What an order has an execution do, beside ResumeHeld and CancelHeld.
const (
	HoldExecution  = "hold"
	FaultExecution = "fault"
	ShutExecution  = "shutdown" // cancel it, held or not
)

// Related tells a definition's ledger what happened to another one that it runs,
// or is run by.
type Related struct {
	At        time.Time `json:"at"`
	Namespace string    `json:"namespace"` // of the other one
	Name      string    `json:"name"`
	Relation  string    `json:"relation"` // child, parent: what the other one is
	State     string    `json:"state"`
	Execution string    `json:"execution,omitempty"` // through which they are related
}

// Admission says whether an execution may begin.
type Admission struct {
	Held   bool   `json:"held,omitempty"`
	Detail string `json:"detail,omitempty"`
	// Recovery is what is done about the execution's errors; nil: nothing.
	Recovery *Recovery `json:"recovery,omitempty"`
	// Tell has the execution tell the ledger of the error that it ends in, though
	// nothing is done about it (A14).
	Tell bool `json:"tell,omitempty"`
	// Policy is the digest of the policy in force.
	Policy string `json:"policy,omitempty"`
	// Refused says that the policy suspends who started the execution (B60); Detail
	// says whom.
	Refused bool `json:"refused,omitempty"`
}
