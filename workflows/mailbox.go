package workflows

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"go.temporal.io/sdk/workflow"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/workflows/definition"
	"lazaret.dev/lazaret/workflows/expression"
)

// mailbox receives events for the listens of one execution, from its first task
// on: what comes before a listen waits for it. A nil mailbox receives nothing.
type mailbox struct {
	state   **inbox // in the execution's state; nil until it has subscribed
	task    contract.TaskID
	listens []listenTask // of the definition, in document order
	running []string     // references of those that listen now
	renew   bool         // subscribe, although it has an inbox
	judging bool
	closing bool
	failed  error // with which receiving ended
	// perform executes an activity on behalf of the execution.
	perform func(ctx workflow.Context, activity string, request, result any) error
}

// listens are the definition's, in document order.
func (e *execution) listens() []listenTask {
	var all []listenTask
	e.def.Walk(func(t *definition.Task) {
		if listen, ok := t.Body.(*definition.Listen); ok {
			all = append(all, listenTask{t.Reference, listen})
		}
	})
	return all
}

func newMailbox(listens []listenTask, state **inbox, perform func(ctx workflow.Context, activity string, request, result any) error) *mailbox {
	if len(listens) == 0 {
		return nil
	}
	return &mailbox{state: state, listens: listens, perform: perform}
}

// open subscribes, the first time, and begins to receive.
func (m *mailbox) open(ctx workflow.Context, task contract.TaskID) error {
	if m == nil {
		return nil
	}
	m.task = task
	if *m.state == nil || m.renew {
		request := contract.SubscribeRequest{Task: task, Filters: staticFilters(m.listens)}
		var answer contract.Subscribed
		active := workflow.WithActivityOptions(ctx, eventOptions("events"))
		if err := m.perform(active, contract.Subscribe, request, &answer); err != nil {
			return err
		}
		if *m.state == nil {
			*m.state = &inbox{}
		}
		(*m.state).Queue, (*m.state).Worth = answer.Queue, answer.Worth
	}
	workflow.GoNamed(ctx, "events", m.receive)
	return nil
}

// receive takes in what is delivered until the run ends.
func (m *mailbox) receive(ctx workflow.Context) {
	channel := workflow.GetSignalChannel(ctx, contract.EventSignal)
	for {
		if len((*m.state).Unjudged) == 0 {
			var e contract.Envelopes
			channel.Receive(ctx, &e)
			m.keep(e)
		}
		m.drain(channel)
		if m.closing {
			return
		}
		m.judging = true
		err := m.judge(ctx)
		m.judging = false
		if err != nil {
			m.failed = err
			return
		}
	}
}

func (m *mailbox) keep(e contract.Envelopes) {
	(*m.state).Unjudged = append((*m.state).Unjudged, e...)
}

func (m *mailbox) drain(channel workflow.ReceiveChannel) {
	var e contract.Envelopes
	for channel.ReceiveAsync(&e) {
		m.keep(e)
		e = nil
	}
}

// Bounds of what is judged at once.
const (
	maxJudged      = 100
	maxJudgedBytes = 1 << 20
)

// judge has a worker check some of what has come, and puts what it accepts into
// the inbox.
func (m *mailbox) judge(ctx workflow.Context) error {
	b := *m.state
	n, size := 0, 0
	for n < len(b.Unjudged) && n < maxJudged && (n == 0 || size+len(b.Unjudged[n].Event) <= maxJudgedBytes) {
		size += len(b.Unjudged[n].Event)
		n++
	}
	batch := slices.Clone(b.Unjudged[:n])
	request := contract.ReceiveRequest{Task: m.task, Envelopes: batch}
	var answer contract.Received
	active := workflow.WithActivityOptions(ctx, eventOptions("events"))
	if err := m.perform(active, contract.ReceiveEvents, request, &answer); err != nil {
		return err
	}
	b.Unjudged = slices.Clone(b.Unjudged[n:])
	for i, e := range batch {
		if i < len(answer.Verdicts) && answer.Verdicts[i].Accepts() {
			m.accept(e)
		} else {
			b.free(len(e.Event))
		}
	}
	m.acknowledge(ctx)
	return nil
}

// accept gives an event to the listens that run now and mean it, or else keeps
// it for a later one.
func (m *mailbox) accept(e contract.Envelope) {
	b := *m.state
	value, err := expression.Decode(e.Event)
	event, ok := value.(map[string]any)
	if err != nil || !ok || !b.fresh(e) {
		b.free(len(e.Event))
		return
	}
	w := &waiting{Event: event, Bytes: len(e.Event), Priority: e.Priority}
	for _, l := range m.listens {
		if slices.Contains(m.running, l.reference) && l.means(event) {
			w.For = append(w.For, l.reference)
		}
	}
	if len(w.For) == 0 && !w.wanted(m.listens) {
		b.free(w.Bytes)
		return
	}
	b.put(w)
}

// begin notes that a listen runs.
func (m *mailbox) begin(l listenTask) { m.running = append(m.running, l.reference) }

// end notes that a listen runs no more: what it has not looked at is for others.
func (m *mailbox) end(ctx workflow.Context, l listenTask) {
	m.running = slices.DeleteFunc(m.running, func(other string) bool { return other == l.reference })
	for _, w := range slices.Clone((*m.state).Waiting) {
		if slices.Contains(w.For, l.reference) {
			(*m.state).release(w, l.reference, m.listens)
		}
	}
	m.acknowledge(ctx)
}

// settle notes whether a listen takes an event that it has looked at.
func (m *mailbox) settle(ctx workflow.Context, w *waiting, l listenTask, taken bool) {
	(*m.state).settle(w, l.reference, taken, m.listens)
	m.acknowledge(ctx)
}

// acknowledge tells the router, now and then, how much room there is.
func (m *mailbox) acknowledge(ctx workflow.Context) {
	const parts = 8 // of the queue, of which each is worth a signal
	b := *m.state
	if b.Freed.Events == 0 || b.Freed.Events < b.Queue/parts && (b.Worth == 0 || b.Freed.Bytes < b.Worth) {
		return
	}
	b.Freed.Execution = workflow.GetInfo(ctx).WorkflowExecution.ID
	// The signal outlives a listen that was cancelled.
	away, done := workflow.NewDisconnectedContext(ctx)
	told := workflow.SignalExternalWorkflow(away, contract.EventRouterID, "", contract.TakenSignal, b.Freed)
	workflow.Go(away, func(ctx workflow.Context) {
		_ = told.Get(ctx, nil) // a router that is gone counts anew
		done()
	})
	b.Freed = contract.Taken{}
}

// close makes the inbox ready to travel: nothing of it is under way.
func (m *mailbox) close(ctx workflow.Context) {
	if m == nil || *m.state == nil {
		return
	}
	away, done := workflow.NewDisconnectedContext(ctx)
	defer done()
	m.closing = true
	_ = workflow.Await(away, func() bool { return !m.judging })
}

// take takes in what has come and nobody receives any more, without waiting: what
// is left unread when the run ends is lost.
func (m *mailbox) take(ctx workflow.Context) {
	if m != nil && *m.state != nil {
		m.drain(workflow.GetSignalChannel(ctx, contract.EventSignal))
	}
}

// leave ends the subscription. A router that cannot be told finds out by itself
// when it next delivers.
func (m *mailbox) leave(ctx workflow.Context) {
	if m == nil || *m.state == nil {
		return
	}
	id := workflow.GetInfo(ctx).WorkflowExecution.ID
	_ = workflow.SignalExternalWorkflow(ctx, contract.EventRouterID, "", contract.LeaveSignal, id).Get(ctx, nil)
}

// staticFilters are what the router needs to know of the listens: attributes
// that are written out as text.
func staticFilters(listens []listenTask) []contract.StaticFilter {
	var all []contract.StaticFilter
	for _, l := range listens {
		all = append(all, strategyFilters(l.listen.To)...)
		if l.listen.To.UntilEvents != nil {
			all = append(all, strategyFilters(*l.listen.To.UntilEvents)...)
		}
	}
	return all
}

func strategyFilters(s definition.Strategy) []contract.StaticFilter {
	if len(s.Filters) == 0 && s.Mix == definition.Any {
		return []contract.StaticFilter{{}}
	}
	var all []contract.StaticFilter
	for _, f := range s.Filters {
		static := contract.StaticFilter{Exact: map[string]string{}, Patterns: map[string]string{}}
		for _, a := range f.With {
			text, ok := a.Literal.(string)
			switch {
			case !ok || a.Value != nil || a.Name == "data":
			case a.Pattern != nil:
				static.Patterns[a.Name] = text
			default:
				static.Exact[a.Name] = text
			}
		}
		all = append(all, static)
	}
	return all
}

// eventKey identifies an event: two senders' are never the same.
func eventKey(e contract.Envelope) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q %q", e.Sender.Identity, e.Source, e.ID))
	return hex.EncodeToString(sum[:10])
}

// isJSON tells whether a media type is JSON; none is.
func isJSON(mediaType any) bool {
	text, ok := mediaType.(string)
	kind, _, _ := strings.Cut(text, ";")
	kind = strings.TrimSpace(kind)
	return !ok || kind == "application/json" || kind == "text/json" || strings.HasSuffix(kind, "+json")
}
