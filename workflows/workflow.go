package workflows

import (
	"encoding/json"
	"errors"

	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/workflows/definition"
)

// Registry is the part of a worker, or of a replayer, that Register needs.
type Registry interface {
	RegisterWorkflowWithOptions(w any, options workflow.RegisterOptions)
	RegisterDynamicWorkflow(w any, options workflow.DynamicRegisterOptions)
}

// Register adds the interpreter to a worker or a replayer: every workflow type
// that is not registered by name is a definition's namespace/name.
func Register(r Registry) { RegisterWith(r, Options{}) }

// Options are what the worker is set to.
type Options struct {
	// Telling is what executions tell that begin here; nil: nothing.
	Telling func() Telling
}

// RegisterWith is Register with options.
func RegisterWith(r Registry, options Options) {
	r.RegisterWorkflowWithOptions(runDetached, workflow.RegisterOptions{Name: contract.Detached})
	r.RegisterWorkflowWithOptions(keepIndex, workflow.RegisterOptions{Name: contract.DefinitionIndex})
	r.RegisterWorkflowWithOptions(keepVersion, workflow.RegisterOptions{Name: contract.DefinitionVersion})
	r.RegisterWorkflowWithOptions(keepAnchor, workflow.RegisterOptions{Name: contract.AuditAnchor})
	r.RegisterWorkflowWithOptions(runAfter, workflow.RegisterOptions{Name: contract.After})
	r.RegisterWorkflowWithOptions(keepEventSchedule, workflow.RegisterOptions{Name: contract.EventSchedule})
	r.RegisterWorkflowWithOptions(runRouter, workflow.RegisterOptions{Name: contract.EventRouter})
	r.RegisterWorkflowWithOptions(runSend, workflow.RegisterOptions{Name: contract.Send})
	r.RegisterWorkflowWithOptions(runDelayed, workflow.RegisterOptions{Name: contract.Delayed})
	r.RegisterWorkflowWithOptions(runWatch, workflow.RegisterOptions{Name: contract.WatchMachines})
	r.RegisterWorkflowWithOptions(keepLedger, workflow.RegisterOptions{Name: contract.LedgerWorkflow})
	r.RegisterWorkflowWithOptions(keepRegister, workflow.RegisterOptions{Name: contract.RegisterWorkflow})
	r.RegisterWorkflowWithOptions(runSink, workflow.RegisterOptions{Name: contract.Sink})
	r.RegisterDynamicWorkflow(options.execute, workflow.DynamicRegisterOptions{})
}

// TypeName is the workflow type of a definition's executions, as the UI shows it.
func TypeName(doc definition.Document) string { return doc.Namespace + "/" + doc.Name }

// execute runs one execution of a definition: the one that its argument, a
// contract.Start, carries or names, or else the published one that the workflow
// type names, with the argument as its input. It returns the output as JSON, an
// application error whose detail is a contract.Fault, or a cancellation.
func (o Options) execute(ctx workflow.Context, args converter.EncodedValues) (any, error) {
	start, err := receiveStart(ctx, args)
	if err != nil {
		return nil, failure(err)
	}
	def, err := definitions.load(start.Definition)
	if err != nil {
		return nil, failure(err)
	}
	e, err := newExecution(ctx, def, start)
	if err != nil {
		return nil, failure(err)
	}
	e.lifecycle = newLifecycle(ctx, e, o.Telling)
	e.followOrders(ctx)
	// Not cancelled at the end: what the execution left to run goes on.
	inner, cancel := workflow.WithCancel(ctx)
	e.flow, e.cancel = inner, cancel
	if err := admitted(ctx, e); err != nil {
		return conclude(ctx, e, nil, err)
	}
	output, err := e.run(inner)
	output, err = e.rollBack(inner, output, e.fated(err))
	return conclude(ctx, e, output, err)
}

// conclude turns how the flow ended into how the execution ends.
func conclude(ctx workflow.Context, e *execution, output any, err error) (any, error) {
	if errors.Is(err, errSuspended) {
		if err = e.settle(ctx); err == nil {
			return nil, e.continueAsNew(ctx)
		}
	}
	var result json.RawMessage
	if err == nil {
		result, err = encodeBounded(output, "the workflow's output")
	}
	e.report(ctx, err)
	e.end(ctx, output, err)
	if err != nil {
		return nil, failure(err)
	}
	return result, nil
}

// failure makes the error that Temporal stores of one of ours. Cancellation
// stays what it is, so that the execution ends as Canceled.
func failure(err error) error {
	if temporal.IsCanceledError(err) {
		return temporal.NewCanceledError()
	}
	fault := *asFault(err)
	coded := contract.Coded{Code: fault.ErrorCode()}
	fault.Code = "" // the DSL's error object has no such member
	return temporal.NewApplicationErrorWithOptions(fault.Error(), fault.Type, temporal.ApplicationErrorOptions{
		NonRetryable: true,
		Details:      []any{fault, coded},
	})
}
