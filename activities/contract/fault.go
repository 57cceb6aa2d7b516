package contract

import "fmt"

// Fault is the DSL's error object (RFC 7807). It is the detail of the
// application error by which an activity or an execution fails, whose type is Type.
type Fault struct {
	Type     string `json:"type"`
	Status   int    `json:"status"`
	Title    string `json:"title,omitempty"`
	Detail   string `json:"detail,omitempty"`
	Instance string `json:"instance,omitempty"`
	// Code says what kind of error it is, such as NET_001: see ErrorCode. Activities'
	// errors have it; an execution's has it beside the fault, as Coded.
	Code string `json:"code,omitempty"`
	// ViolationIDs are those of the violations, as the ledger knows them; an extension member.
	ViolationIDs []string `json:"violationIds,omitempty"`
	// Violations counts what a program tried beyond its level; an extension member (RFC 7807 §3.2).
	Violations int `json:"violations,omitempty"`
}

// Error is the fault as one line.
func (f *Fault) Error() string {
	text := f.Title
	if text == "" {
		text = f.Type
	}
	if f.Detail != "" {
		text += ": " + f.Detail
	}
	if f.Instance != "" {
		return fmt.Sprintf("%s: %s", f.Instance, text)
	}
	return text
}

// The standard error types of the DSL, in the form of its released versions.
const (
	errorBase           = "https://serverlessworkflow.io/spec/1.0.0/errors/"
	ConfigurationError  = errorBase + "configuration"
	ValidationError     = errorBase + "validation"
	ExpressionError     = errorBase + "expression"
	AuthenticationError = errorBase + "authentication"
	AuthorizationError  = errorBase + "authorization"
	TimeoutError        = errorBase + "timeout"
	RuntimeError        = errorBase + "runtime"
	CommunicationError  = errorBase + "communication"
)

// Error types of our own. The first four are faults; the others are seen only
// by Temporal, which retries them.
const (
	ownErrorBase       = "https://lazaret.dev/errors/"
	Refused            = ownErrorBase + "refused"             // a policy forbids it: 403
	SandboxUnavailable = ownErrorBase + "sandbox-unavailable" // the worker's machine cannot enforce the level: 503
	AuditUnavailable   = ownErrorBase + "audit-unavailable"   // what cannot be recorded is not done: 503
	Quarantined        = ownErrorBase + "quarantined"         // the definition is held: 403; no try catches it
	SandboxFailed      = "SandboxFailed"                      // the sandbox itself failed this time
	WorkerStopped      = "WorkerStopped"                      // the worker stopped before the program ended
)
