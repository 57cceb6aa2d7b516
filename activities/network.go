package activities

import (
	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/sandbox"
)

// open gives a program what the policy permits, as far as its level does: limits,
// hosts to reach, folders to read, and features to be without.
func (p *Processes) open(spec *sandbox.Spec, policy policies.Effective) error {
	spec.Limits, spec.Scratch = policy.Limits, policy.Scratch
	spec.Data = policy.Shares
	spec.MayLack = policy.AllowDegraded.At(policy.Level)
	if err := policy.Open(spec, nil); err != nil {
		return refused(err.Error())
	}
	return nil
}
