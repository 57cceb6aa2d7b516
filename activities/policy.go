package activities

import (
	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/policies"
)

// PolicyProvider tells which policy holds for a task. An activity asks once, when
// an attempt begins, and keeps the answer to the attempt's end: a policy may be
// replaced at any time. It is safe for concurrent use.
type PolicyProvider interface {
	// For returns what holds for the task's definition. An error refuses the task.
	For(task contract.TaskID) (policies.Effective, error)
}
