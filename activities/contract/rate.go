package contract

import "time"

// MaliciousBehavior is the type of the violation that an anomaly is: far more of what
// is counted than is usual for a definition (A13).
const MaliciousBehavior = "MaliciousBehavior"

// Rates are how often things happen to one definition.
type Rates struct {
	Violations Baseline `json:"violations,omitzero"`
	Errors     Baseline `json:"errors,omitzero"` // executions that ended in one
}

// Baseline is what is usual, and the window under way; the policy says what a window is, and
// what follows.
type Baseline struct {
	Since  time.Time `json:"since"` // of the window
	Count  int       `json:"count"` // in it
	Mean   float64   `json:"mean"`  // in a window
	Seen   int       `json:"seen"`  // windows that have ended and in which something happened
	Raised bool      `json:"raised,omitempty"`
}
