package ledger

import (
	"context"
	"strings"

	"go.temporal.io/sdk/temporal"

	"lazaret.dev/lazaret/activities/audit"
	"lazaret.dev/lazaret/activities/contract"
)

// RecordIncident lets a change of an incident pass, and writes it to the audit log
// before it is made. Who moves an incident beyond its containment judges the
// definition, and has to be one whom the policy lets release it. Its error is for
// whoever asks.
func (a *Activities) RecordIncident(ctx context.Context, c contract.IncidentCheck) error {
	effective, err := a.policy(c.Summary, nil)
	if err != nil {
		return err
	}
	event := audit.Event{
		Kind: audit.Incident, Principal: c.Request.By, Namespace: c.Summary.Namespace, Name: c.Summary.Name, ID: c.Request.ID,
		Policy: effective.PolicyDigest, Outcome: c.Request.State, Message: changeText(c.Request),
	}
	if event.Outcome == "" {
		event.Outcome = "noted"
	}
	var refused error
	if c.Request.State != "" && c.Request.State != contract.IncidentContained {
		refused = a.mayReview(ctx, c.Summary, c.Request.Reviewer, effective.Review)
	}
	if refused != nil {
		event.Kind, event.Principal, event.Type = audit.Denied, c.Request.Reviewer, "incident."+c.Request.State
		event.Outcome, event.Message = "refused", refused.Error()
	}
	if err := a.write(event); err != nil {
		return err
	}
	if refused != nil {
		return temporal.NewNonRetryableApplicationError(refused.Error(), contract.Refused, nil)
	}
	return nil
}

// changeText says what a request changes, for the audit log.
func changeText(r contract.IncidentRequest) string {
	var parts []string
	for _, part := range [][2]string{
		{"reviewer", r.Reviewer},
		{"note", r.Note},
		{"cause", r.Cause},
		{"fix", r.Fix},
		{"policy update", r.PolicyUpdate},
		{"rules", r.Rules},
		{"training", r.Training},
		{"lessons", r.Lessons},
	} {
		if part[1] != "" {
			parts = append(parts, part[0]+": "+part[1])
		}
	}
	if r.Evidence != nil {
		parts = append(parts, "evidence: "+r.Evidence.File+" sha256 "+r.Evidence.SHA256)
	}
	return strings.Join(parts, "; ")
}
