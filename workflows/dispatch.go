package workflows

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/workflows/expression"
)

// dispatch is one event on its way to all that it is for.
type dispatch struct {
	envelope contract.Envelope
	sent     []sending
	refused  []contract.Reason
	full     *contract.Reason // the first target whose queue was full
	kept     workflow.Future  // of an event that is kept back: that it is
}

// sending is the event on its way to one target.
type sending struct {
	target    string // an identity
	execution string // of a listener; empty for a sink
	done      workflow.Future
}

// dispatch sends an event to the listeners that mean it and the sinks that its
// routes name.
func (r *router) dispatch(ctx workflow.Context, p contract.JudgedEvent, bags *bags) *dispatch {
	d := &dispatch{envelope: p.Envelope}
	value, err := expression.Decode(p.Envelope.Event)
	event, ok := value.(map[string]any)
	if err != nil || !ok {
		return d // the worker that judged it read it
	}
	for _, s := range r.state.Subscriptions {
		if r.patterns.means(s.Filters, event) {
			d.toListener(ctx, s, p.Routes, bags)
		}
	}
	for _, route := range p.Routes {
		if name, isSink := strings.CutPrefix(route.Target, contract.SinkTarget); isSink && route.Verdict.Accepts() {
			d.toSink(ctx, name)
		}
	}
	return d
}

func (d *dispatch) toListener(ctx workflow.Context, s *subscription, routes []contract.Route, bags *bags) {
	route, verdict := choose(routes, s.Identity)
	if verdict.Accepts() && (s.Waiting >= s.Queue || s.WaitingBytes+len(d.envelope.Event) > s.Bytes) {
		verdict = contract.Verdict{Check: contract.CheckQueue, Detail: fmt.Sprintf(
			"the queue of %s is full: %d events of %d bytes wait for it to listen", s.Execution, s.Waiting, s.WaitingBytes)}
	}
	if !verdict.Accepts() {
		d.refuse(s.Identity, verdict)
		return
	}
	s.Waiting++
	s.WaitingBytes += len(d.envelope.Event)
	envelope := d.envelope
	envelope.Priority = route.Priority
	sent := sending{target: s.Identity, execution: s.Execution}
	if bags == nil {
		sent.done = workflow.SignalExternalWorkflow(ctx, s.Execution, "", contract.EventSignal, envelope)
	} else {
		sent.done = bags.put(ctx, s.Execution, envelope)
	}
	d.sent = append(d.sent, sent)
}

// bags hold what a batch has for each listener until all of it is judged. One
// signal brings a bag, so that its events arrive in their order: Temporal does
// not promise that of signals on their way at the same time.
type bags struct {
	order []*bag
	of    map[string]*bag
}

type bag struct {
	execution string
	events    contract.Envelopes
	done      workflow.Future
	set       workflow.Settable
}

func newBags() *bags { return &bags{of: map[string]*bag{}} }

// put gives a future that is ready once the bag was brought.
func (b *bags) put(ctx workflow.Context, execution string, e contract.Envelope) workflow.Future {
	own := b.of[execution]
	if own == nil {
		own = &bag{execution: execution}
		own.done, own.set = workflow.NewFuture(ctx)
		b.of[execution], b.order = own, append(b.order, own)
	}
	own.events = append(own.events, e)
	return own.done
}

// send brings every bag.
func (b *bags) send(ctx workflow.Context) {
	if b == nil {
		return
	}
	for _, own := range b.order {
		own.set.Chain(workflow.SignalExternalWorkflow(ctx, own.execution, "", contract.EventSignal, own.events))
	}
}

func (d *dispatch) refuse(target string, verdict contract.Verdict) {
	reason := contract.Reason{Target: target, Check: verdict.Check, Detail: verdict.Detail}
	d.refused = append(d.refused, reason)
	if verdict.Check == contract.CheckQueue && d.full == nil {
		d.full = &reason
	}
}

// toSink starts the delivery as an execution of its own, once an event: it may
// take hours, and the router does not wait.
func (d *dispatch) toSink(ctx workflow.Context, name string) {
	ctx = workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
		WorkflowID:            fmt.Sprintf("%s/%s/%s", contract.Sink, name, eventKey(d.envelope)),
		WorkflowIDReusePolicy: enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE,
		ParentClosePolicy:     enumspb.PARENT_CLOSE_POLICY_ABANDON,
		StaticSummary:         "event to sink " + name,
	})
	delivery := contract.Delivery{Sink: name, Envelope: d.envelope}
	started := workflow.ExecuteChildWorkflow(ctx, contract.Sink, delivery).GetChildWorkflowExecution()
	d.sent = append(d.sent, sending{target: contract.SinkTarget + name, done: started})
}

// finish waits until the event is where it goes, and completes the outcome.
func (d *dispatch) finish(ctx workflow.Context, r *router, outcome *contract.Outcome) {
	if d.kept != nil {
		if err := d.kept.Get(ctx, nil); err != nil && !alreadyStarted(err) {
			d.refuse("", contract.Verdict{Check: contract.CheckDelivery, Detail: "the event could not be kept back"})
		}
	}
	for _, s := range d.sent {
		err := s.done.Get(ctx, nil)
		if err == nil || s.execution == "" && alreadyStarted(err) {
			outcome.Delivered++
			r.state.Delivered++
			continue
		}
		if s.execution != "" {
			r.state.remove(s.execution) // it ended without a word
		}
		d.refuse(s.target, contract.Verdict{Check: contract.CheckDelivery, Detail: "the execution has ended, or cannot be reached"})
	}
	d.report(ctx, r, outcome)
}

// report records the targets that did not get the event.
func (d *dispatch) report(ctx workflow.Context, r *router, outcome *contract.Outcome) {
	outcome.Refused = d.refused
	for _, reason := range d.refused {
		r.record(ctx, contract.Rejection{
			Sender: d.envelope.Sender.Identity, Target: reason.Target, Source: d.envelope.Source, ID: d.envelope.ID,
			Type: d.envelope.Type, Check: reason.Check, Detail: reason.Detail,
		})
	}
}

// choose is the route with the highest priority to a target; where none accepts,
// the verdict says how far the best of them came.
func choose(routes []contract.Route, identity string) (contract.Route, contract.Verdict) {
	order := []string{contract.CheckRule, contract.CheckType, contract.CheckSize, ""}
	var best contract.Route
	verdict := contract.Verdict{Check: contract.CheckRule, Detail: "no rule permits the sender to send events to " + identity}
	far := 0
	for _, route := range routes {
		if ok, err := path.Match(route.Target, identity); err != nil || !ok {
			continue
		}
		at := slices.Index(order, route.Verdict.Check)
		if at > far || at == far && verdict.Accepts() && route.Priority > best.Priority {
			best, verdict, far = route, route.Verdict, at
		}
	}
	return best, verdict
}

// patterns are compiled regular expressions of subscriptions.
type patterns map[string]*regexp.Regexp

// means tells whether one of the filters matches the event.
func (p *patterns) means(filters []contract.StaticFilter, event map[string]any) bool {
	return slices.ContainsFunc(filters, func(f contract.StaticFilter) bool {
		for _, name := range workflow.DeterministicKeys(f.Exact) {
			if event[name] != f.Exact[name] {
				return false
			}
		}
		for _, name := range workflow.DeterministicKeys(f.Patterns) {
			text, ok := event[name].(string)
			if !ok || text != f.Patterns[name] && !p.matches(f.Patterns[name], text) {
				return false
			}
		}
		return true
	})
}

func (p *patterns) matches(pattern, text string) bool {
	if *p == nil {
		*p = patterns{}
	}
	compiled, known := (*p)[pattern]
	if !known {
		compiled, _ = regexp.Compile(`\A(?:` + pattern + `)\z`) // one that does not compile matches nothing
		(*p)[pattern] = compiled
	}
	return compiled != nil && compiled.MatchString(text)
}

func alreadyStarted(err error) bool { return temporal.IsWorkflowExecutionAlreadyStartedError(err) }
