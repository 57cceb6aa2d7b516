package ledger

import (
	"context"
	"errors"
	"fmt"
	"strings"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/activities/query"
)

// Store reads and changes ledgers on behalf of people.
type Store struct{ Client client.Client }

// Entry is one ledger as a list shows it, from visibility alone.
type Entry struct {
	Name       string `json:"name"`
	State      string `json:"state"`
	Violations int64  `json:"violations"`
	ID         string `json:"-"`
}

// Refusal is what a ledger answers to what it does not do.
type Refusal struct {
	Reason string
	// ByPolicy tells a policy's refusal from one of the ledger's own.
	ByPolicy bool
}

func (r *Refusal) Error() string { return r.Reason }

// ErrNoLedger says that nothing was ever recorded of a definition.
var ErrNoLedger = errors.New("nothing is recorded of it")

// List lists ledgers in one of the states, or all; limit 0 is no limit.
func (s Store) List(ctx context.Context, limit int, states ...string) ([]Entry, error) {
	if len(states) == 0 {
		return listLedgers(ctx, s.Client, "", limit)
	}
	return listLedgers(ctx, s.Client, fmt.Sprintf("%s IN ('%s')", contract.AttributeState, strings.Join(states, "', '")), limit)
}

func listLedgers(ctx context.Context, c client.Client, condition string, limit int) ([]Entry, error) {
	query := contract.AttributeLedger + " IS NOT NULL"
	if condition != "" {
		query += " AND " + condition
	}
	entries, seen := []Entry{}, map[string]bool{}
	var token []byte
	for {
		page, err := c.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{
			Query: query + " AND ExecutionStatus != 'ContinuedAsNew'", PageSize: 500, NextPageToken: token,
		})
		if err != nil {
			return nil, err
		}
		for _, info := range page.GetExecutions() {
			id := info.GetExecution().GetWorkflowId()
			if seen[id] {
				continue // an earlier one, that somebody has ended
			}
			seen[id] = true
			e := Entry{Name: keyword(info, contract.AttributeLedger), State: keyword(info, contract.AttributeState), ID: id}
			if p := info.GetSearchAttributes().GetIndexedFields()[contract.AttributeViolations]; p != nil {
				_ = converter.GetDefaultDataConverter().FromPayload(p, &e.Violations) // a count that cannot be read is not shown
			}
			entries = append(entries, e)
			if len(entries) == limit {
				return entries, nil
			}
		}
		if token = page.GetNextPageToken(); len(token) == 0 {
			return entries, nil
		}
	}
}

func keyword(info *workflowpb.WorkflowExecutionInfo, name string) string {
	var value string
	payload := info.GetSearchAttributes().GetIndexedFields()[name]
	if payload == nil || converter.GetDefaultDataConverter().FromPayload(payload, &value) != nil {
		return ""
	}
	return value
}

func definitionOf(info *workflowpb.WorkflowExecutionInfo) string {
	return keyword(info, contract.AttributeDefinition)
}

// Ledger is all that is known of a definition. The error is ErrNoLedger where that
// is nothing.
func (s Store) Ledger(ctx context.Context, namespace, name string) (contract.Ledger, error) {
	var l contract.Ledger
	err := query.Workflow(ctx, s.Client, contract.LedgerID(namespace, name), contract.LedgerQuery, &l)
	if missing := (*serviceerror.NotFound)(nil); errors.As(err, &missing) {
		return l, ErrNoLedger
	}
	return l, err
}

// State is a definition's state as Temporal's own server knows it: no worker has to
// answer. The empty state is that of a definition of which nothing is recorded.
func (s Store) State(ctx context.Context, namespace, name string) (string, error) {
	d, err := s.Client.DescribeWorkflowExecution(ctx, contract.LedgerID(namespace, name), "")
	if missing := (*serviceerror.NotFound)(nil); errors.As(err, &missing) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	info := d.GetWorkflowExecutionInfo()
	if info.GetStatus() != enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING {
		return "", nil
	}
	return keyword(info, contract.AttributeState), nil
}

// Held is all that is held at this moment.
func (s Store) Held(ctx context.Context) ([]contract.Held, error) {
	_, quiet, err := locateRegister(ctx, s.Client)
	if errors.Is(err, errNoRegister) || err == nil && quiet {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	register, err := readRegister(ctx, s.Client)
	return register.Held, err
}

// Find is what holds a task, of all that is held; nil: nothing.
func Find(all []contract.Held, task contract.TaskID, script string) *contract.Held {
	gate := &Gate{}
	gate.set(all)
	return gate.find(task, script)
}

// Add puts a definition away by hand.
func (s Store) Add(ctx context.Context, namespace, name string, r contract.LedgerRequest) (contract.LedgerSummary, error) {
	start := s.Client.NewWithStartWorkflowOperation(ledgerOptions(namespace, name), contract.LedgerWorkflow, newLedger(namespace, name))
	handle, err := s.Client.UpdateWithStartWorkflow(ctx, client.UpdateWithStartWorkflowOptions{
		StartWorkflowOperation: start,
		UpdateOptions:          ledgerUpdate(namespace, name, contract.AddUpdate, r),
	})
	return changed(ctx, handle, err)
}

// Review and Release change a ledger that there is.
func (s Store) Review(ctx context.Context, namespace, name string, r contract.LedgerRequest) (contract.LedgerSummary, error) {
	handle, err := s.Client.UpdateWorkflow(ctx, ledgerUpdate(namespace, name, contract.ReviewUpdate, r))
	return changed(ctx, handle, err)
}

// Release lets a definition run again.
func (s Store) Release(ctx context.Context, namespace, name string, r contract.LedgerRequest) (contract.LedgerSummary, error) {
	handle, err := s.Client.UpdateWorkflow(ctx, ledgerUpdate(namespace, name, contract.ReleaseUpdate, r))
	return changed(ctx, handle, err)
}

// Incident changes one incident of a definition, and returns what it is then.
func (s Store) Incident(ctx context.Context, namespace, name string, r contract.IncidentRequest) (contract.LedgerIncident, error) {
	var incident contract.LedgerIncident
	handle, err := s.Client.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
		WorkflowID: contract.LedgerID(namespace, name), UpdateName: contract.IncidentUpdate, Args: []any{r},
		WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	err = answered(ctx, handle, err, &incident)
	return incident, err
}

func ledgerUpdate(namespace, name, update string, r contract.LedgerRequest) client.UpdateWorkflowOptions {
	return client.UpdateWorkflowOptions{
		WorkflowID: contract.LedgerID(namespace, name), UpdateName: update, Args: []any{r},
		WaitForStage: client.WorkflowUpdateStageCompleted,
	}
}

func changed(ctx context.Context, handle client.WorkflowUpdateHandle, err error) (contract.LedgerSummary, error) {
	var summary contract.LedgerSummary
	err = answered(ctx, handle, err, &summary)
	return summary, err
}

// answered reads an update's result into answer, and says in words of our own what
// was refused.
func answered(ctx context.Context, handle client.WorkflowUpdateHandle, err error, answer any) error {
	if err == nil {
		err = handle.Get(ctx, answer)
	}
	if missing := (*serviceerror.NotFound)(nil); errors.As(err, &missing) {
		return ErrNoLedger
	}
	if application, ok := errors.AsType[*temporal.ApplicationError](err); ok {
		return &Refusal{Reason: application.Message(), ByPolicy: application.Type() == contract.Refused}
	}
	return err
}
