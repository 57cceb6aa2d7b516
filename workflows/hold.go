package workflows

import (
	"errors"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"lazaret.dev/lazaret/activities/contract"
)

// obeyed is what an execution was told by its definition's ledger. It travels when
// the run continues as new.
type obeyed struct {
	Revision int64           `json:"revision"`       // of the newest word
	Held     *contract.Order `json:"held,omitempty"` // the order to hold that is in force
}

// followOrders has the execution do what its definition's ledger says, from now on.
// It writes nothing to history until there is an order.
func (e *execution) followOrders(ctx workflow.Context) {
	orders := workflow.GetSignalChannel(ctx, contract.QuarantineSignal)
	workflow.Go(ctx, func(ctx workflow.Context) {
		for {
			var signed contract.Signed
			if !orders.Receive(ctx, &signed) {
				return
			}
			e.hear(ctx, signed)
		}
	})
	e.orders = orders
}

// hear obeys an order, if a worker has written it.
func (e *execution) hear(ctx workflow.Context, signed contract.Signed) {
	ctx, cancel := workflow.NewDisconnectedContext(ctx)
	defer cancel()
	e.hearing++
	defer func() { e.hearing-- }()
	var order contract.Order
	check := contract.OrderCheck{Task: e.taskID(nil), Execution: e.id, Signed: signed}
	if err := workflow.ExecuteLocalActivity(ledgerActivity(ctx), contract.ReadOrder, check).Get(ctx, &order); err != nil {
		workflow.GetLogger(ctx).Warn("order not read", "error", err)
		return
	}
	e.obey(ctx, order)
}

// heardAll says that no order is unread or being read.
func (e *execution) heardAll() bool { return e.hearing == 0 && e.orders.Len() == 0 }

// overVersion is the change by which an execution that has ended, and still tells of
// that, obeys no order: it told of being suspended after its end.
const overVersion = "over"

// obey does what an order says, unless a newer one is known.
func (e *execution) obey(ctx workflow.Context, order contract.Order) {
	o := &e.state.Obeyed
	if order.Revision < o.Revision || order.Revision == o.Revision && o.Held == nil {
		return
	}
	if e.over && workflow.GetVersion(ctx, overVersion, workflow.DefaultVersion, 1) >= 1 {
		return // there is nothing to hold, nor to end
	}
	held := o.Held != nil
	o.Revision = order.Revision
	switch order.Do {
	case contract.HoldExecution:
		o.Held = &order
		if !held {
			e.showHeld(ctx)
		}
	case contract.FaultExecution:
		e.fate = quarantineFault(order)
		e.cancel()
	case contract.ResumeHeld:
		o.Held = nil
		if held {
			e.showHeld(ctx)
		}
	case contract.CancelHeld:
		if o.Held != nil {
			e.cancel()
		}
		o.Held = nil
	case contract.ShutExecution:
		o.Held = nil
		e.cancel()
	}
}

// showHeld shows whether the execution holds, where people look.
func (e *execution) showHeld(ctx workflow.Context) {
	e.progress.status, e.progress.held = running, ""
	if order := e.state.Obeyed.Held; order != nil {
		e.progress.status, e.progress.held = held, quarantineFault(*order).Detail
	}
	e.lifecycle.held(ctx, e.state.Obeyed.Held != nil)
	e.progress.publish(ctx)
	err := workflow.UpsertTypedSearchAttributes(ctx,
		temporal.NewSearchAttributeKeyKeyword(contract.AttributeState).ValueSet(e.progress.status))
	if err != nil {
		workflow.GetLogger(ctx).Warn("search attributes not set", "error", err)
	}
}

func quarantineFault(order contract.Order) *contract.Fault {
	detail := order.Namespace + "/" + order.Name + " is in quarantine"
	if order.Reason != "" {
		detail += ": " + order.Reason
	}
	return &contract.Fault{Type: contract.Quarantined, Status: 403, Title: "Quarantined", Detail: detail}
}

// standBy holds a line of control while the execution is held: at a task boundary,
// with nothing under way.
func (e *execution) standBy(ctx workflow.Context) error {
	if e.state.Obeyed.Held == nil {
		return nil
	}
	e.lifecycle.stands(ctx)
	e.progress.publish(ctx)
	if err := workflow.Await(ctx, func() bool { return e.state.Obeyed.Held == nil || e.draining }); err != nil {
		return err
	}
	if e.state.Obeyed.Held != nil {
		return errSuspended
	}
	return nil
}

// perform executes an activity. One that its worker refuses, or ends, because the
// definition is held, is executed again once it is held no more: its task was
// not done. No try sees any of that.
func (e *execution) perform(ctx workflow.Context, activity string, request, result any) error {
	for {
		err := workflow.ExecuteActivity(ctx, activity, request).Get(ctx, result)
		if abandoned(ctx, err) {
			return ctx.Err()
		}
		order, again := e.heldBy(ctx, err)
		if order == nil {
			return err
		}
		known := order.Revision <= e.state.Obeyed.Revision
		e.obey(ctx, *order)
		if !again {
			return err
		}
		if err := e.standBy(ctx); err != nil {
			return err
		}
		// A worker that has not heard of the release yet will in a moment.
		if known && e.state.Obeyed.Held == nil {
			if err := workflow.Sleep(ctx, hearsay); err != nil {
				return err
			}
		}
	}
}

// abandonedVersion is the change by which an execution that is cancelled while the
// worker of its activity is dead ends as cancelled, and not in a timeout.
const abandonedVersion = "abandoned"

// abandoned tells whether an activity of what is cancelled never answered: its worker
// died, and there was nobody to hear of the cancellation.
func abandoned(ctx workflow.Context, err error) bool {
	if _, timeout := errors.AsType[*temporal.TimeoutError](err); !timeout || ctx.Err() == nil {
		return false
	}
	return workflow.GetVersion(ctx, abandonedVersion, workflow.DefaultVersion, 1) >= 1
}

// hearsay is how long an execution waits for a worker to hear of a release.
const hearsay = 300 * time.Millisecond

// heldBy reads the order that an activity's error brings. It is to be executed
// again unless it did something forbidden itself.
func (e *execution) heldBy(ctx workflow.Context, err error) (order *contract.Order, again bool) {
	application, ok := errors.AsType[*temporal.ApplicationError](err)
	if !ok || ctx.Err() != nil || !application.HasDetails() {
		return nil, false
	}
	var fault contract.Fault
	var found contract.Order
	if application.Details(&fault, &found) != nil || found.Do == "" {
		return nil, false
	}
	return &found, application.Type() == contract.Quarantined
}

// admit asks whether an execution that begins may: of a definition that is held
// none does.
func admitted(ctx workflow.Context, e *execution) error {
	if e.start.Interpreter < contract.AdmittingInterpreter || len(e.start.State) > 0 {
		return nil
	}
	for pause := heldFor; ; pause = min(2*pause, heldForMost) {
		var admission contract.Admission
		task := e.taskID(nil)
		if err := workflow.ExecuteLocalActivity(ledgerActivity(ctx), contract.AdmitExecution, task).Get(ctx, &admission); err != nil {
			return err
		}
		e.state.Recovery, e.state.TellErrors = admission.Recovery, admission.Tell
		switch {
		case admission.Refused:
			return &contract.Fault{Type: contract.Refused, Status: 403, Title: "Refused by policy", Detail: admission.Detail}
		case !admission.Held:
			return nil
		case !e.start.Patient:
			return &contract.Fault{Type: contract.Quarantined, Status: 403, Title: "Quarantined", Detail: admission.Detail}
		}
		if err := workflow.Sleep(ctx, pause); err != nil {
			return err
		}
	}
}

// refusedAsHeld tells an activity that a worker has refused because the definition
// is in quarantine.
func refusedAsHeld(err error) bool {
	application, ok := errors.AsType[*temporal.ApplicationError](err)
	return ok && application.Type() == contract.Quarantined
}

// fated is how an execution ends that its definition's quarantine has ended.
func (e *execution) fated(err error) error {
	if e.fate != nil && temporal.IsCanceledError(err) {
		return e.fate
	}
	return err
}
