package ledger

import (
	"context"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"lazaret.dev/lazaret/activities/contract"
)

// Filer files violations with the ledgers. The fields are set before it is used
// and not changed after; the methods are safe for concurrent use.
type Filer struct {
	Client client.Client
	Key    Key
	Worker string // this worker, as reports name it
	// Spool keeps what Temporal does not take.
	Spool *Spool
	// Trouble, if set, is told what went wrong with a report that is not lost.
	Trouble func(err error)
}

// How long a program's end waits for Temporal to take a report, and for the
// ledger's word on it.
const (
	fileTimeout    = 3 * time.Second
	verdictTimeout = 5 * time.Second
)

// Tell files violations and returns when they cannot get lost any more: Temporal
// has them, or the spool. An error says that neither took them.
//
// ctx gives values alone: what a program has done is filed although its activity
// was cancelled.
func (f *Filer) Tell(ctx context.Context, report contract.ViolationReport) error {
	if len(report.Violations) == 0 {
		return nil
	}
	if report.Worker == "" {
		report.Worker = f.Worker
	}
	err := f.send(context.WithoutCancel(ctx), report)
	if err == nil {
		return nil
	}
	f.trouble(fmt.Errorf("violations of %s/%s wait in the spool: %w", report.Namespace, report.Name, err))
	return f.Spool.Keep(report)
}

// File is Tell, and asks the ledger what it makes of the violations. It returns
// nil where nothing follows for the execution, or where the ledger does not
// answer in time: then its word comes by signal.
func (f *Filer) File(ctx context.Context, report contract.ViolationReport) (*contract.Order, error) {
	if err := f.Tell(ctx, report); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), verdictTimeout)
	defer cancel()
	summary, err := summaryOf(ctx, f.Client, report.Namespace, report.Name)
	if err != nil {
		f.trouble(fmt.Errorf("ledger of %s/%s: %w", report.Namespace, report.Name, err))
		return nil, nil
	}
	return orderOf(summary), nil
}

// orderOf is what a ledger's state means for executions that run.
func orderOf(s contract.LedgerSummary) *contract.Order {
	if !contract.LedgerHolds(s.State) {
		return nil
	}
	do := contract.HoldExecution
	if s.Action == contract.FaultExecution {
		do = contract.FaultExecution
	}
	return &contract.Order{
		Namespace: s.Namespace, Name: s.Name, Revision: s.Revision, Do: do, Reason: s.Reason, Incident: s.Incident,
	}
}

func (f *Filer) send(ctx context.Context, report contract.ViolationReport) error {
	signed, err := f.Key.Sign(ForReport, report)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, fileTimeout)
	defer cancel()
	return signalLedger(ctx, f.Client, report.Namespace, report.Name, contract.ReportSignal, signed)
}

// signalLedger signals a definition's ledger, and begins it where there is none.
func signalLedger(ctx context.Context, c client.Client, namespace, name, signal string, argument any) error {
	_, err := c.SignalWithStartWorkflow(ctx, contract.LedgerID(namespace, name), signal, argument,
		ledgerOptions(namespace, name), contract.LedgerWorkflow, newLedger(namespace, name))
	return err
}

func ledgerOptions(namespace, name string) client.StartWorkflowOptions {
	return client.StartWorkflowOptions{
		ID:                       contract.LedgerID(namespace, name),
		TaskQueue:                contract.TaskQueue,
		WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
		StaticSummary:            "violations of " + namespace + "/" + name,
	}
}

func newLedger(namespace, name string) contract.Ledger {
	return contract.Ledger{LedgerSummary: contract.LedgerSummary{Namespace: namespace, Name: name}}
}

// drainEvery is how often the spool is looked at.
const drainEvery = 2 * time.Second

// Drain files what waits in the spool, until ctx ends.
func (f *Filer) Drain(ctx context.Context) {
	ticker := time.NewTicker(drainEvery)
	defer ticker.Stop()
	for {
		err := f.Spool.Drain(func(r contract.ViolationReport) error { return f.send(ctx, r) },
			func(path string, err error) { f.trouble(fmt.Errorf("spooled report %s is damaged: %w", path, err)) })
		if err != nil && ctx.Err() == nil {
			f.trouble(err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func (f *Filer) trouble(err error) {
	if f.Trouble != nil {
		f.Trouble(err)
	}
}
