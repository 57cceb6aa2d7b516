package workflows

import (
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"lazaret.dev/lazaret/activities/contract"
)

// checkIncident refuses, before anything stands in history, what the incident's
// state does not allow.
func (l *ledger) checkIncident(r contract.IncidentRequest) error {
	return l.state.checkIncidentRequest(r)
}

// changeIncident runs one change after the other; the policy is asked, and the
// audit log is written, before it is made.
func (l *ledger) changeIncident(ctx workflow.Context, r contract.IncidentRequest) (contract.LedgerIncident, error) {
	if err := l.turn.Lock(ctx); err != nil {
		return contract.LedgerIncident{}, err
	}
	defer l.turn.Unlock()
	l.taken++
	if err := l.state.checkIncidentRequest(r); err != nil {
		return contract.LedgerIncident{}, err // another update was first
	}
	local := workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{
		StartToCloseTimeout: 20 * time.Second, RetryPolicy: &temporal.RetryPolicy{MaximumAttempts: 3},
	})
	check := contract.IncidentCheck{Summary: l.state.LedgerSummary, Request: r}
	if err := workflow.ExecuteLocalActivity(local, contract.RecordIncident, check).Get(ctx, nil); err != nil {
		return contract.LedgerIncident{}, err
	}
	incident := l.state.changeIncident(r, now(ctx))
	return incident, l.show(ctx)
}
