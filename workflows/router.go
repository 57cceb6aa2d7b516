package workflows

import (
	"fmt"

	"go.temporal.io/sdk/workflow"

	"lazaret.dev/lazaret/activities/contract"
)

// runRouter is the entity that knows who listens in a Temporal namespace. It
// counts what senders send, delivers each event once to each listener and sink
// that the event's routes lead to, and records what is rejected. It holds no
// events and no rules: both come with each publication, and stand in history.
func runRouter(ctx workflow.Context, carried *routerState) error {
	r := &router{state: carried}
	if r.state == nil {
		r.state = &routerState{}
	}
	r.prepare()
	r.inOrder = workflow.GetVersion(ctx, routerVersion, workflow.DefaultVersion, 1) >= 1
	if err := r.answer(ctx); err != nil {
		return err
	}
	rejects := workflow.GetSignalChannel(ctx, contract.RejectSignal)
	taken := workflow.GetSignalChannel(ctx, contract.TakenSignal)
	leave := workflow.GetSignalChannel(ctx, contract.LeaveSignal)
	info := workflow.GetInfo(ctx)
	for {
		err := workflow.Await(ctx, func() bool {
			return rejects.Len()+taken.Len()+leave.Len() > 0 || info.GetContinueAsNewSuggested() && workflow.AllHandlersFinished(ctx)
		})
		if err != nil {
			return err
		}
		r.hear(ctx, rejects, taken, leave)
		if info.GetContinueAsNewSuggested() && workflow.AllHandlersFinished(ctx) {
			r.state.forget(now(ctx).UnixMilli())
			return workflow.NewContinueAsNewError(ctx, contract.EventRouter, r.state)
		}
	}
}

// routerVersion is the change of the router that keeps the order within a batch.
const routerVersion = "events.order"

// router is one run of the entity.
type router struct {
	state *routerState
	// Made anew from the state in each run.
	seen     map[string]bool
	patterns patterns
	inOrder  bool // the events of a batch travel together
}

// answer registers what the router answers to.
func (r *router) answer(ctx workflow.Context) error {
	err := workflow.SetQueryHandlerWithOptions(ctx, contract.EventsQuery, func() (contract.EventsReport, error) { return r.state.report(), nil },
		workflow.QueryHandlerOptions{Description: "who listens, and which events were rejected"})
	if err != nil {
		return err
	}
	err = workflow.SetUpdateHandlerWithOptions(ctx, contract.SubscribeEvents, r.subscribe,
		workflow.UpdateHandlerOptions{Description: "deliver events to an execution"})
	if err != nil {
		return err
	}
	return workflow.SetUpdateHandlerWithOptions(ctx, contract.PublishEvents, r.publish,
		workflow.UpdateHandlerOptions{Description: "deliver events that a worker has judged"})
}

// hear takes in all signals that have come.
func (r *router) hear(ctx workflow.Context, rejects, taken, leave workflow.ReceiveChannel) {
	var rejections []contract.Rejection
	for rejects.ReceiveAsync(&rejections) {
		for _, one := range rejections {
			r.state.unwanted(one)
			one.Execution, one.Bytes = "", 0
			r.record(ctx, one)
		}
		rejections = nil
	}
	var freed contract.Taken
	for taken.ReceiveAsync(&freed) {
		if s := r.state.find(freed.Execution); s != nil {
			s.free(freed)
		}
		freed = contract.Taken{}
	}
	var gone string
	for leave.ReceiveAsync(&gone) {
		r.state.remove(gone)
	}
}

func (r *router) subscribe(ctx workflow.Context, s contract.Subscription) (contract.Subscribed, error) {
	if old := r.state.find(s.Execution); old != nil {
		if old.Run == s.Run {
			return contract.Subscribed{Queue: old.Queue, Bytes: old.Bytes}, nil
		}
		r.state.remove(s.Execution)
	}
	if len(r.state.Subscriptions) >= maxSubscriptions {
		return contract.Subscribed{}, failure(runtimeFault("", fmt.Sprintf("%d executions listen to events already, and no more can", maxSubscriptions)))
	}
	r.state.Subscriptions = append(r.state.Subscriptions, &subscription{Subscription: s})
	showRouter(ctx, r.state)
	return contract.Subscribed{Queue: s.Queue, Bytes: s.Bytes}, nil
}

// publish delivers a batch; it returns when all of it is delivered.
func (r *router) publish(ctx workflow.Context, batch []contract.JudgedEvent) ([]contract.Outcome, error) {
	outcomes := make([]contract.Outcome, len(batch))
	under := make([]*dispatch, len(batch))
	var bags *bags
	if r.inOrder {
		bags = newBags()
	}
	for i, p := range batch {
		outcomes[i], under[i] = r.begin(ctx, p, bags)
	}
	bags.send(ctx)
	for i, d := range under {
		if d != nil {
			d.finish(ctx, r, &outcomes[i])
		}
	}
	showRouter(ctx, r.state)
	return outcomes, nil
}

// begin applies the checks in their order (A38), rate, then rule, type and size
// as the worker judged them, then the queue of each target, and sends out what
// passes.
func (r *router) begin(ctx workflow.Context, p contract.JudgedEvent, bags *bags) (contract.Outcome, *dispatch) {
	outcome := contract.Outcome{Source: p.Envelope.Source, ID: p.Envelope.ID, Policy: p.Policy}
	key := eventKey(p.Envelope)
	if p.Due { // it was counted, and is known, since it came
		outcome.Status = contract.Accepted
		return outcome, r.dispatch(ctx, p, bags)
	}
	known := p.Verdict.Accepts() && r.seen[key]
	if known {
		r.state.Duplicates++
		outcome.Status = contract.Duplicate
		return outcome, nil
	}
	verdict := r.count(ctx, p.Rates)
	if verdict.Accepts() {
		verdict = p.Verdict
	}
	if !verdict.Accepts() {
		r.reject(ctx, p, &outcome, verdict)
		return outcome, nil
	}
	if p.DelayMillis > 0 {
		return r.keepBack(ctx, p, outcome)
	}
	d := r.dispatch(ctx, p, bags)
	if len(d.sent) == 0 && d.full != nil {
		d.report(ctx, r, &outcome)
		outcome.Status, outcome.Check, outcome.Detail = contract.Rejected, d.full.Check, d.full.Detail
		return outcome, nil
	}
	r.remember(key)
	r.state.Accepted++
	outcome.Status = contract.Accepted
	return outcome, d
}

func (r *router) reject(ctx workflow.Context, p contract.JudgedEvent, outcome *contract.Outcome, verdict contract.Verdict) {
	outcome.Status, outcome.Check, outcome.Detail = contract.Rejected, verdict.Check, verdict.Detail
	r.record(ctx, contract.Rejection{
		Sender: p.Envelope.Sender.Identity, Source: p.Envelope.Source, ID: p.Envelope.ID, Type: p.Envelope.Type,
		Check: verdict.Check, Detail: verdict.Detail, Policy: p.Policy,
	})
}

func (r *router) record(ctx workflow.Context, one contract.Rejection) {
	one.Time = now(ctx).Format("2006-01-02T15:04:05.000Z")
	r.state.record(one)
}

// count adds the event to its senders' windows, unless one is full.
func (r *router) count(ctx workflow.Context, rates []contract.Rate) contract.Verdict {
	moment := now(ctx).UnixMilli()
	for _, rate := range rates {
		if !r.state.window(rate, moment).has(rate) {
			return contract.Verdict{Check: contract.CheckRate, Detail: fmt.Sprintf("more than %d events in %d ms from %s", rate.Limit, rate.WindowMillis, rate.Key)}
		}
	}
	for _, rate := range rates {
		r.state.window(rate, moment).Count++
	}
	return contract.Verdict{}
}

// showRouter puts the numbers where the UI shows them.
func showRouter(ctx workflow.Context, s *routerState) {
	workflow.SetCurrentDetails(ctx, fmt.Sprintf("%d executions listen; %d events accepted, %d delivered, %d rejected, %d duplicates",
		len(s.Subscriptions), s.Accepted, s.Delivered, s.RejectedAll, s.Duplicates))
}
