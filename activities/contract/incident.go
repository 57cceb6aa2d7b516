package contract

import "time"

// The states of an incident, in their order.
const (
	IncidentDetected   = "detected"   // it is known; nothing is held for it
	IncidentContained  = "contained"  // workers and executions know that the definition is held
	IncidentEradicated = "eradicated" // the cause is known and removed
	IncidentRecovered  = "recovered"  // the definition runs again, watched
	IncidentClosed     = "closed"     // what is to be learned is written down
)

// IncidentStates are all of them, in their order.
var IncidentStates = []string{IncidentDetected, IncidentContained, IncidentEradicated, IncidentRecovered, IncidentClosed}

// What has found an incident (A51).
const (
	DetectedByViolation = "violation" // a verdict on violations
	DetectedByMonitor   = "errors"    // errors in a row, or of a kind that puts a definition away
	DetectedByAnomaly   = "anomaly"   // far more violations or errors than are usual
	DetectedByPerson    = "manual"
)

const (
	// IncidentUpdate is a ledger's update: IncidentRequest → LedgerIncident.
	IncidentUpdate = "incident"
	// RecordIncident is the local activity that lets a change pass, and records it:
	// IncidentCheck → none.
	RecordIncident = "ledger.incident"
)

// LedgerIncident is what became of a definition, from what was found to what was
// learned of it.
type LedgerIncident struct {
	ID         string    `json:"id"`
	State      string    `json:"state"`
	Opened     time.Time `json:"opened"`
	DetectedBy string    `json:"detectedBy"` // violation, errors, anomaly, manual
	Reason     string    `json:"reason,omitempty"`
	// Types are of IncidentTypes, the gravest first; one that a person opened without
	// any violation has none.
	Types      []string `json:"types,omitempty"`
	Violations []string `json:"violations,omitempty"` // ids
	// Executions were told to hold or to fault, the first of them; More were besides.
	Executions []string  `json:"executions,omitempty"`
	More       int       `json:"more,omitempty"`
	Released   time.Time `json:"released,omitzero"`
	Reviewer   string    `json:"reviewer,omitempty"` // who released
	Review     string    `json:"review,omitempty"`   // the reviewer's reason
	Closed     time.Time `json:"closed,omitzero"`
	IncidentFindings
	Evidence []IncidentEvidence `json:"evidence,omitempty"`
	Steps    []IncidentStep     `json:"steps,omitempty"`
}

// IncidentFindings are what people write down; none may be empty when an incident
// is closed (C39).
type IncidentFindings struct {
	Cause        string `json:"cause,omitempty"`
	Fix          string `json:"fix,omitempty"`
	PolicyUpdate string `json:"policyUpdate,omitempty"`
	Rules        string `json:"rules,omitempty"` // what finds or stops it earlier from now on
	Training     string `json:"training,omitempty"`
	Lessons      string `json:"lessons,omitempty"`
}

// IncidentStep is a change of state, or a note in one.
type IncidentStep struct {
	At    time.Time `json:"at"`
	State string    `json:"state"` // after it
	By    string    `json:"by,omitempty"`
	Note  string    `json:"note,omitempty"`
}

// IncidentEvidence is a bundle that belongs to an incident.
type IncidentEvidence struct {
	At     time.Time `json:"at,omitzero"`
	File   string    `json:"file"`
	SHA256 string    `json:"sha256"` // of the file, hex
	By     string    `json:"by,omitempty"`
}

// IncidentRequest asks for a change of an incident. Findings that are not empty
// replace those before.
type IncidentRequest struct {
	ID       string `json:"id"`
	State    string `json:"state,omitempty"` // to move to; empty: it stays
	By       string `json:"by,omitempty"`    // who asks, as they say
	Reviewer string `json:"reviewer,omitempty"`
	Note     string `json:"note,omitempty"`
	IncidentFindings
	Evidence *IncidentEvidence `json:"evidence,omitempty"`
}

// IncidentCheck asks whether the policy lets a change pass, and has it recorded.
type IncidentCheck struct {
	Summary LedgerSummary   `json:"summary"`
	Request IncidentRequest `json:"request"`
}
