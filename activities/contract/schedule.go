package contract

import "time"

// After is the workflow type of what a schedule with a delay starts: one
// execution of the definition, and then the delay.
const After = "lazaret.after"

// Repetition is the argument of After.
type Repetition struct {
	Type  string        `json:"type"` // workflow type of the execution
	Start Start         `json:"start"`
	Delay time.Duration `json:"delayNs"`
}
