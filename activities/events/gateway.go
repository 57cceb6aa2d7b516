package events

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync/atomic"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/policies"
)

// Gateway judges events and hands them to the router. The fields are set before
// it is used and not changed after; the methods are safe for concurrent use.
type Gateway struct {
	Client client.Client
	Rules  policies.EventRules
	// Key authenticates senders among the workers that share it; nil: whoever can
	// write to Temporal is trusted with that.
	Key []byte
	// Sinks are the clients of the rules' sinks, by name.
	Sinks map[string]*SinkClient
	// Policy is the digest of the policy that the rules are of.
	Policy string
	// Observe, if set, is told of every event that was judged: for logs and metrics.
	Observe func(contract.Sender, contract.Outcome)
	// Lost, if set, is told of every event that the router had accepted and delivered,
	// and that was rejected on receipt.
	Lost func(contract.Rejection)

	replaced atomic.Pointer[rulebook]
}

// rulebook are rules with the clients of their sinks.
type rulebook struct {
	rules policies.EventRules
	sinks map[string]*SinkClient
	// policy is the digest of the policy that has them.
	policy string
}

// Replace puts other rules, with the clients of their sinks and the digest of their
// policy, in the place of those that the Gateway began with. What is being judged is
// judged by one of the two.
func (g *Gateway) Replace(rules policies.EventRules, sinks map[string]*SinkClient, policy string) {
	g.replaced.Store(&rulebook{rules, sinks, policy})
}

// book are the rules in force.
func (g *Gateway) book() rulebook {
	if replaced := g.replaced.Load(); replaced != nil {
		return *replaced
	}
	return rulebook{g.Rules, g.Sinks, g.Policy}
}

// maxBatch bounds the events of one update of the router, in bytes and number.
const (
	maxBatchBytes = 1 << 20
	maxBatch      = 100
)

// Publish judges events of one sender and hands them to the router. There is one
// outcome a text, in their order. What is asked for again with the same attempt
// key is not published again; an empty key is no key.
func (g *Gateway) Publish(ctx context.Context, sender contract.Sender, texts []json.RawMessage, attempt string) ([]contract.Outcome, error) {
	var outcomes []contract.Outcome
	var batch []contract.JudgedEvent
	size := 0
	for i, text := range texts {
		p, err := g.publication(sender, text)
		if err != nil {
			return nil, err
		}
		batch, size = append(batch, p), size+len(p.Envelope.Event)
		if i+1 < len(texts) && size < maxBatchBytes && len(batch) < maxBatch {
			continue
		}
		some, err := g.update(ctx, batch, attempt)
		if err != nil {
			return nil, err
		}
		outcomes = append(outcomes, some...)
		batch, size = nil, 0
	}
	if g.Observe != nil {
		for _, outcome := range outcomes {
			g.Observe(sender, outcome)
		}
	}
	return outcomes, nil
}

// publication is the event with the sender stamped on it and what the rules say.
func (g *Gateway) publication(sender contract.Sender, text json.RawMessage) (contract.JudgedEvent, error) {
	book := g.book()
	e, wrong := parse(text)
	if wrong != nil {
		source, id, eventType := named(text)
		return contract.JudgedEvent{ //nolint:nilerr // the flaw is the verdict
			Envelope: contract.Envelope{Source: source, ID: id, Type: eventType, Sender: sender},
			Verdict:  contract.Verdict{Check: wrong.check, Detail: wrong.detail},
			Rates:    rates(book.rules.Judge(sender.Identity, "", 0)),
			Policy:   book.policy,
		}, nil
	}
	stamped, err := stamp(e, sender)
	if err != nil {
		return contract.JudgedEvent{}, err
	}
	judged := book.rules.Judge(sender.Identity, e.Type(), len(stamped))
	p := contract.JudgedEvent{
		Envelope: contract.Envelope{Event: stamped, Source: e.Source(), ID: e.ID(), Type: e.Type(), Sender: sender, Policy: book.policy},
		Verdict:  contract.Verdict(judged.Verdict),
		Rates:    rates(judged),
		Policy:   book.policy,
	}
	if p.Verdict.Accepts() {
		if err := g.filter(e, &p); err != nil {
			return contract.JudgedEvent{}, err
		}
	}
	p.Envelope.Tag = g.tag(p.Envelope)
	if !p.Verdict.Accepts() {
		p.Envelope.Event = nil // the router keeps what it rejects by name alone
		return p, nil
	}
	for _, route := range judged.Routes {
		p.Routes = append(p.Routes, contract.Route{
			Rule: route.Rule, Target: route.Target, Priority: route.Priority, Verdict: contract.Verdict(route.Verdict),
		})
	}
	return p, nil
}

func rates(j policies.EventJudgement) []contract.Rate {
	var all []contract.Rate
	for _, count := range j.Counts {
		all = append(all, contract.Rate{Key: count.Key, Limit: count.Rate.Limit, WindowMillis: count.Rate.Window.Milliseconds()})
	}
	return all
}

func (g *Gateway) update(ctx context.Context, batch []contract.JudgedEvent, attempt string) ([]contract.Outcome, error) {
	if attempt != "" {
		attempt = fmt.Sprintf("%s/%s", attempt, batch[0].Envelope.ID)
	}
	var outcomes []contract.Outcome
	if err := g.ask(ctx, contract.PublishEvents, attempt, batch, &outcomes); err != nil {
		return nil, err
	}
	if len(outcomes) != len(batch) {
		return nil, fmt.Errorf("the router answers %d of %d events", len(outcomes), len(batch))
	}
	noteFiltered(outcomes, batch)
	return outcomes, nil
}

// routerOptions are those of the one router.
func routerOptions() client.StartWorkflowOptions {
	return client.StartWorkflowOptions{
		ID:                       contract.EventRouterID,
		TaskQueue:                contract.TaskQueue,
		WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
		StaticSummary:            "who listens to which events",
	}
}

// ask sends the router an update, and starts the router where it does not run.
func (g *Gateway) ask(ctx context.Context, update, id string, argument, result any) error {
	start := g.Client.NewWithStartWorkflowOperation(routerOptions(), contract.EventRouter)
	handle, err := g.Client.UpdateWithStartWorkflow(ctx, client.UpdateWithStartWorkflowOptions{
		StartWorkflowOperation: start,
		UpdateOptions: client.UpdateWorkflowOptions{
			UpdateID: id, UpdateName: update, Args: []any{argument}, WaitForStage: client.WorkflowUpdateStageCompleted,
		},
	})
	if err != nil {
		return fmt.Errorf("event router: %w", err)
	}
	if err := handle.Get(ctx, result); err != nil {
		return fmt.Errorf("event router: %w", err)
	}
	return nil
}

// Fault is the outcome as the sender's error; nil, if the event was taken.
func Fault(o contract.Outcome) *contract.Fault {
	if o.Status != contract.Rejected {
		return nil
	}
	detail := fmt.Sprintf("event %q was rejected (%s): %s", o.ID, o.Check, o.Detail)
	switch o.Check {
	case contract.CheckForm, contract.CheckSender:
		return &contract.Fault{Type: contract.ValidationError, Status: http.StatusBadRequest, Title: "Validation error", Detail: detail}
	case contract.CheckRate:
		return &contract.Fault{Type: contract.CommunicationError, Status: http.StatusTooManyRequests, Title: "Communication error", Detail: detail}
	case contract.CheckQueue, contract.CheckDelivery:
		return &contract.Fault{Type: contract.CommunicationError, Status: http.StatusServiceUnavailable, Title: "Communication error", Detail: detail}
	case contract.CheckSize:
		return &contract.Fault{Type: contract.Refused, Status: http.StatusRequestEntityTooLarge, Title: "Refused by policy", Detail: detail}
	}
	if o.Check == contract.CheckFilter {
		return &contract.Fault{Type: contract.Refused, Status: http.StatusForbidden, Title: "Refused by policy", Detail: detail}
	}
	return &contract.Fault{
		Type: contract.Refused, Status: http.StatusForbidden, Title: "Refused by policy",
		Detail: detail + "; the operator permits events with --event-rules",
	}
}
