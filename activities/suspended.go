package activities

import (
	"context"

	"go.temporal.io/sdk/workflow"

	"lazaret.dev/lazaret/activities/audit"
	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/policies"
)

// Suspensions refuse whatever is done for an execution that somebody started whom the
// policy suspends (B60). The fields are set before the first activity.
type Suspensions struct {
	Policy   func() *policies.Policy
	Starters *Starters
	Audit    Auditor // nil records nothing
}

// Check is nil where nobody is suspended. Otherwise its error is a *contract.Fault, or
// says that Temporal does not tell who started the execution: then nothing is done
// either.
func (s *Suspensions) Check(ctx context.Context, task contract.TaskID, run workflow.Execution) error {
	p := s.Policy()
	if !p.SuspendsPrincipals() {
		return nil
	}
	principal, err := s.Starters.of(ctx, run)
	if err != nil {
		return err
	}
	suspended := p.Suspended(policies.ByPrincipal, principal)
	if suspended == nil {
		return nil
	}
	fault := refused("who started the execution: " + suspended.Error())
	record := recorder{log: s.Audit, about: audit.Event{
		Namespace: task.Namespace, Name: task.Name, Version: task.Version, Digest: task.Digest, Policy: p.Digest, Execution: run.ID, Task: task.Reference,
	}}
	err = record.write(audit.Unauth, func(e *audit.Event) {
		e.Principal, e.Type, e.Outcome, e.Message = principal, fault.Type, "refused", fault.Detail
	})
	if err != nil {
		return err
	}
	return fault
}
