package activities

import (
	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/sandbox"
)

// open lets a program reach those of the operator's hosts that its level may reach.
func (p *Processes) open(spec *sandbox.Spec, level policies.Level) error {
	if err := policies.Open(spec, level, policies.Openable(level, p.AllowNet)); err != nil {
		return refused(err.Error())
	}
	return nil
}
