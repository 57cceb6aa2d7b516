package events

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/policies"
)

// Register adds the activities to a worker.
func (g *Gateway) Register(r worker.ActivityRegistry) {
	r.RegisterActivityWithOptions(g.Emit, activity.RegisterOptions{Name: contract.EmitEvent})
	r.RegisterActivityWithOptions(g.Send, activity.RegisterOptions{Name: contract.Send})
	r.RegisterActivityWithOptions(g.Subscribe, activity.RegisterOptions{Name: contract.Subscribe})
	r.RegisterActivityWithOptions(g.Receive, activity.RegisterOptions{Name: contract.ReceiveEvents})
	r.RegisterActivityWithOptions(g.Lifecycle, activity.RegisterOptions{Name: contract.TellLifecycle})
	r.RegisterActivityWithOptions(g.Release, activity.RegisterOptions{Name: contract.ReleaseEvent})
	r.RegisterActivityWithOptions(g.Sink, activity.RegisterOptions{Name: contract.SinkEvent})
}

// Emit publishes the event of a task and gives it back as it was sent. What the
// rules reject is a fault.
func (g *Gateway) Emit(ctx context.Context, request contract.EmitRequest) (contract.Outcome, error) {
	sender, err := sender(ctx, request.Task)
	if err != nil {
		return contract.Outcome{}, failure(err)
	}
	outcomes, err := g.Publish(ctx, sender, []json.RawMessage{request.Event}, attempt(ctx))
	if err != nil {
		return contract.Outcome{}, err
	}
	if fault := Fault(outcomes[0]); fault != nil {
		return contract.Outcome{}, failure(fault)
	}
	return outcomes[0], nil
}

// Send publishes events that somebody at this installation's command line sends.
func (g *Gateway) Send(ctx context.Context, request contract.SendRequest) ([]contract.Outcome, error) {
	if err := runsFor(ctx, contract.Send); err != nil {
		return nil, failure(err)
	}
	return g.Publish(ctx, contract.Sender{Identity: contract.SenderCLI}, request.Events, attempt(ctx))
}

// Lifecycle publishes what happened to an execution, as far as rules are about
// it. There is no fault: what is too large, or finds no room, is recorded.
func (g *Gateway) Lifecycle(ctx context.Context, request contract.LifecycleRequest) (contract.Decided, error) {
	decided := contract.Decided{Policy: g.book().policy}
	from, err := sender(ctx, request.Task)
	if err != nil {
		return decided, failure(err)
	}
	from.Identity = contract.SenderLifecycle
	wanted := g.tellable(request.Events)
	if len(wanted) == 0 {
		return decided, nil
	}
	_, err = g.Publish(ctx, from, wanted, attempt(ctx))
	return decided, err
}

// tellable are the events that some rule is about: an execution tells all, and
// nobody rejects what nobody asked for.
func (g *Gateway) tellable(texts []json.RawMessage) []json.RawMessage {
	rules := g.book().rules
	var wanted []json.RawMessage
	for _, text := range texts {
		_, _, eventType := named(text)
		check := rules.Judge(contract.SenderLifecycle, eventType, len(text)).Verdict.Check
		if check != contract.CheckRule && check != contract.CheckType {
			wanted = append(wanted, text)
		}
		if changed := statusChanged(text, eventType); changed != nil && rules.Lists(contract.SenderLifecycle, contract.LifecycleType(aboutOf(eventType), contract.StatusChanged)) {
			wanted = append(wanted, changed)
		}
	}
	return wanted
}

// Tells says of what the rules in force let executions tell: of themselves, of
// their tasks too.
func (g *Gateway) Tells() (workflows, tasks bool) { return g.book().rules.Lifecycle() }

// Subscribe has the router deliver events to the execution that asks.
func (g *Gateway) Subscribe(ctx context.Context, request contract.SubscribeRequest) (contract.Subscribed, error) {
	from, err := sender(ctx, request.Task)
	if err != nil {
		return contract.Subscribed{}, failure(err)
	}
	book := g.book()
	subscription := contract.Subscription{
		Execution: from.Execution, Run: activity.GetInfo(ctx).WorkflowExecution.RunID, Identity: from.Identity, Filters: request.Filters,
		Queue: book.rules.Queue, Bytes: maxWaiting,
	}
	var answer contract.Subscribed
	err = g.ask(ctx, contract.SubscribeEvents, "subscribe/"+attempt(ctx), subscription, &answer)
	const parts = 8
	answer.Worth, answer.Policy = answer.Bytes/parts, book.policy
	return answer, err
}

// maxWaiting bounds the events that wait for one execution to listen, in bytes:
// they travel with its state.
const maxWaiting = 512 << 10

// Receive checks what was delivered to an execution: that a worker vouches for
// the sender, and that the rules let it send to this receiver. What is rejected
// is recorded by the router.
func (g *Gateway) Receive(ctx context.Context, request contract.ReceiveRequest) (contract.Received, error) {
	to, err := sender(ctx, request.Task)
	if err != nil {
		return contract.Received{}, failure(err)
	}
	book := g.book()
	answer := contract.Received{Verdicts: make([]contract.Verdict, len(request.Envelopes)), Policy: book.policy}
	var rejected []contract.Rejection
	for i, e := range request.Envelopes {
		verdict := explain(g.judgeReceipt(book.rules, e, to.Identity), e.Policy, book.policy)
		answer.Verdicts[i] = verdict
		if !verdict.Accepts() {
			rejected = append(rejected, contract.Rejection{
				Sender: e.Sender.Identity, Target: to.Identity, Source: clip(e.Source), ID: clip(e.ID), Type: clip(e.Type),
				Check: verdict.Check, Detail: verdict.Detail, Policy: book.policy,
				Execution: to.Execution, Bytes: len(e.Event),
			})
		}
	}
	if len(rejected) > 0 {
		if err := g.Client.SignalWorkflow(ctx, contract.EventRouterID, "", contract.RejectSignal, rejected); err != nil {
			return contract.Received{}, fmt.Errorf("event router: %w", err)
		}
	}
	if g.Lost != nil {
		for _, one := range rejected {
			g.Lost(one)
		}
	}
	return answer, nil
}

// explain adds to a verdict on receipt that the event was sent under other rules:
// its sender was told that it is accepted.
func explain(verdict contract.Verdict, sent, here string) contract.Verdict {
	if verdict.Accepts() || verdict.Check == contract.CheckSender || sent == "" || sent == here {
		return verdict
	}
	verdict.Detail += fmt.Sprintf("; it was sent under other rules (%.12s, here %.12s): give all workers the same", clip(sent), here)
	return verdict
}

func (g *Gateway) judgeReceipt(rules policies.EventRules, e contract.Envelope, target string) contract.Verdict {
	if !g.authentic(e) {
		return contract.Verdict{Check: contract.CheckSender, Detail: "no worker vouches for the sender: the event was forged, or changed on its way"}
	}
	var attributes map[string]any
	if err := json.Unmarshal(e.Event, &attributes); err != nil {
		return contract.Verdict{Check: contract.CheckForm, Detail: "no CloudEvent: " + oneLine(err)}
	}
	for name, value := range map[string]string{"id": e.ID, "source": e.Source, "type": e.Type, SenderAttribute: e.Sender.Identity} {
		if attributes[name] != value {
			return contract.Verdict{Check: contract.CheckSender, Detail: fmt.Sprintf("the envelope's %s is not the event's", name)}
		}
	}
	if verdict := rules.JudgeReceipt(e.Sender.Identity, target, e.Type, len(e.Event)); verdict.Check != "" || len(rules.Filters) == 0 {
		return contract.Verdict(verdict)
	}
	received, err := parseStamped(e.Event)
	if err != nil {
		return contract.Verdict{Check: contract.CheckForm, Detail: "no CloudEvent: " + oneLine(err)}
	}
	return contract.Verdict(rules.Blocks(e.Sender.Identity, e.Type, payloadOf(received)))
}

// sender is who the activity runs for. The identity stands in the workflow's own
// type, which Temporal vouches for, and not in what an event says.
func sender(ctx context.Context, task contract.TaskID) (contract.Sender, error) {
	identity := task.Namespace + "/" + task.Name
	if !isScheduleOf(ctx, task) {
		if err := runsFor(ctx, identity, identity+":"+task.Version); err != nil {
			return contract.Sender{}, err
		}
	}
	return contract.Sender{
		Identity: identity, Version: task.Version, Digest: task.Digest,
		Execution: activity.GetInfo(ctx).WorkflowExecution.ID,
	}, nil
}

// isScheduleOf tells whether the activity runs for the entity that starts the
// definition by events: it receives them under the definition's identity.
func isScheduleOf(ctx context.Context, task contract.TaskID) bool {
	info := activity.GetInfo(ctx)
	return info.WorkflowType.Name == contract.EventSchedule && info.WorkflowExecution.ID == contract.EventScheduleID(task.Namespace, task.Name)
}

// runsFor refuses an activity of an execution that has none of the types: a
// published definition is started by its name, with or without its version.
func runsFor(ctx context.Context, workflowTypes ...string) error {
	if info := activity.GetInfo(ctx); !slices.Contains(workflowTypes, info.WorkflowType.Name) {
		return &contract.Fault{
			Type: contract.Refused, Status: 403, Title: "Refused by policy",
			Detail: fmt.Sprintf("an execution of type %q cannot act as %q", info.WorkflowType.Name, workflowTypes[0]),
		}
	}
	return nil
}

// attempt names an activity, the same for each of its attempts.
func attempt(ctx context.Context) string {
	info := activity.GetInfo(ctx)
	return fmt.Sprintf("%s/%s/%s", info.WorkflowExecution.ID, info.WorkflowExecution.RunID, info.ActivityID)
}

// failure makes the error that Temporal stores of a fault: never retried by Temporal.
func failure(err error) error {
	fault, ok := err.(*contract.Fault) //nolint:errorlint // our own, unwrapped
	if !ok {
		return err
	}
	return temporal.NewApplicationErrorWithOptions(fault.Error(), fault.Type, temporal.ApplicationErrorOptions{
		NonRetryable: true,
		Details:      []any{fault},
		Category:     temporal.ApplicationErrorCategoryBenign,
	})
}
