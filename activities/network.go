package activities

import (
	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/sandbox"
)

// open gives a program what the operator permits, as far as its level does: hosts
// to reach, and features to be without.
func (p *Processes) open(spec *sandbox.Spec, level policies.Level) error {
	spec.MayLack = p.AllowDegraded.At(level)
	if err := policies.Open(spec, level, policies.Openable(level, p.AllowNet)); err != nil {
		return refused(err.Error())
	}
	return nil
}
