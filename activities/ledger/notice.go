// Package ledger is what workers do for the ledger: they file violations so that
// none is lost and none can be forged, judge what was filed, tell the executions
// concerned, and refuse whatever belongs to a definition that is held.
//
// The ledger itself is a workflow (package workflows); all that it does not decide
// by its own state is a local activity of this package.
package ledger

import (
	"context"
	"time"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/policies"
)

// Kind is what a notice is about.
type Kind string

// The kinds.
const (
	Violated    Kind = "violation"  // of High severity or above (A26, A29)
	Quarantined Kind = "quarantine" // a definition is put away
	Alerted     Kind = "alert"      // the limit is passed of a definition that is left to people (A23)
	Released    Kind = "release"    // a definition may run again
	Forged      Kind = "forged"     // somebody filed what no worker had written
)

// Notice is something that people should know of now.
type Notice struct {
	Kind    Kind
	At      time.Time
	Summary contract.LedgerSummary // after it happened
	// Violations are the new ones that the notice is about.
	Violations []contract.Violation
	Reason     string
	By         string
	// Policy is what holds for the definition: its routes and contacts.
	Policy policies.Effective
}

// Notifier is told of notices, at least once each: the same one again has the same
// kind, definition, revision and violations. It must not block for long; what it
// cannot deliver is its own to keep.
type Notifier interface {
	Notify(ctx context.Context, n Notice)
}
