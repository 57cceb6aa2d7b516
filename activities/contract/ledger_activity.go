package contract

import "time"

// ReadRelated is the local activity that reads Signed RelatedTo.
const ReadRelated = "ledger.related"

// Judging asks for reports to be judged together with what counts already.
type Judging struct {
	Summary  LedgerSummary `json:"summary"`
	Seen     []string      `json:"seen,omitempty"`
	Counting []Violation   `json:"counting,omitempty"`
	Rates    Rates         `json:"rates,omitzero"`
	Reports  []Signed      `json:"reports"`
}

// Judged is the judgement.
type Judged struct {
	At         time.Time   `json:"at"`
	Violations []Violation `json:"violations,omitempty"` // those that are new
	Refused    int         `json:"refused,omitempty"`    // reports that no worker wrote
	Decision   string      `json:"decision,omitempty"`   // allow, warn, quarantine; empty without violations
	Counted    int         `json:"counted,omitempty"`
	Limit      int         `json:"limit,omitempty"`
	Alert      bool        `json:"alert,omitempty"`
	Reason     string      `json:"reason,omitempty"`
	Action     string      `json:"action,omitempty"` // hold or fault
	Rates      Rates       `json:"rates,omitzero"`
	Policy     string      `json:"policy,omitempty"` // digest of the policy that decided
}

// Enforcement asks for a ledger's new state to be made known.
type Enforcement struct {
	Ledger Ledger `json:"ledger"`
	// Do is what executions are told: hold, fault, resume, cancel.
	Do string `json:"do"`
	// Told are executions that have been told already.
	Told []string `json:"told,omitempty"`
	// Again says that relatives of those told have been told too.
	Again bool `json:"again,omitempty"`
}

// Told says who was told.
type Told struct {
	Executions []string `json:"executions,omitempty"` // at most MaxTold
	More       int      `json:"more,omitempty"`
	Related    []string `json:"related,omitempty"` // definitions
	Policy     string   `json:"policy,omitempty"`  // digest of the policy in force
}

// MaxTold bounds the executions that a Told names.
const MaxTold = 500

// RequestCheck asks whether the policy lets a request pass.
type RequestCheck struct {
	Summary LedgerSummary `json:"summary"`
	Update  string        `json:"update"`
	Request LedgerRequest `json:"request"`
}

// LedgerTerms are what the policy says of a definition in quarantine.
type LedgerTerms struct {
	Action     string `json:"action"` // hold or fault
	WatchNanos int64  `json:"watchNs"`
	Policy     string `json:"policy,omitempty"` // digest of the policy that decided
}

// OrderCheck asks who wrote an order.
type OrderCheck struct {
	Task      TaskID `json:"task"`
	Execution string `json:"execution"`
	Signed    Signed `json:"signed"`
}

// RelatedTo is a word to the ledger Of a definition.
type RelatedTo struct {
	Of string `json:"of"` // namespace/name
	Related
}
