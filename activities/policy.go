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

// FixedPolicy is a provider whose policy is never replaced.
type FixedPolicy struct{ Policy *policies.Policy }

// For is PolicyProvider.For.
func (f FixedPolicy) For(task contract.TaskID) (policies.Effective, error) {
	return f.Policy.For(Identity(task)), nil
}

// Identity is what a policy knows of a task's definition.
func Identity(task contract.TaskID) policies.Identity {
	return policies.Identity{
		Namespace: task.Namespace, Name: task.Name, Version: task.Version, Digest: task.Digest,
		Labels: task.Labels, Signature: task.Signature,
	}
}
