package workflows

import (
	"fmt"
	"time"

	"github.com/google/uuid"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/workflows/definition"
	"lazaret.dev/lazaret/workflows/expression"
)

// runEmit publishes an event. Its output is the event with what was left out:
// identity, time and source come from recorded values, so that an event which
// is sent again, after whatever fault, is known for the same.
func (e *execution) runEmit(ctx workflow.Context, t *definition.Task, body *definition.Emit, u *underWay, env expression.Env) (any, error) {
	value, err := evaluate(body.Event, u.Input, env, t.Reference)
	if err != nil {
		return nil, err
	}
	written, ok := value.(map[string]any)
	if !ok {
		return nil, validationFault(t.Reference, "event.with must be an object, not "+kindOf(value))
	}
	event, err := e.completeEvent(ctx, t, written)
	if err != nil {
		return nil, err
	}
	text, err := encodeBounded(event, "the event")
	if err != nil {
		return nil, locate(err, t.Reference)
	}
	e.progress.publish(ctx)
	ctx = workflow.WithActivityOptions(ctx, eventOptions(t.Reference))
	request := contract.EmitRequest{Task: e.taskID(t), Event: text}
	if err := e.perform(ctx, contract.EmitEvent, request, nil); err != nil {
		return nil, err
	}
	return event, nil
}

// completeEvent is a CloudEvent of what the task writes, in the JSON format.
func (e *execution) completeEvent(ctx workflow.Context, t *definition.Task, written map[string]any) (map[string]any, error) {
	event := map[string]any{}
	for _, name := range workflow.DeterministicKeys(written) {
		value := written[name]
		switch value.(type) {
		case nil:
			continue // an attribute without a value is none
		case map[string]any, []any:
			if name != "data" {
				return nil, validationFault(t.Reference, fmt.Sprintf("attribute %q must be text, not %s", name, kindOf(value)))
			}
		}
		if name != "data" {
			text, err := variableText(value)
			if err != nil {
				return nil, validationFault(t.Reference, fmt.Sprintf("attribute %q: %v", name, err))
			}
			value = text
		}
		event[name] = value
	}
	e.state.Emitted++
	doc := e.def.Document
	defaults := map[string]any{
		"specversion": "1.0",
		"id":          eventID(ctx, "emit", e.state.Emitted),
		"source":      fmt.Sprintf("/%s/%s/%s", doc.Namespace, doc.Name, doc.Version),
		"time":        now(ctx).Truncate(time.Millisecond).Format(time.RFC3339Nano), // as who receives it has it
	}
	for _, name := range workflow.DeterministicKeys(defaults) {
		if _, has := event[name]; !has {
			event[name] = defaults[name]
		}
	}
	return event, nil
}

// eventID names the n-th event of an execution: the same in every attempt,
// after a replay, and in every run of the execution.
func eventID(ctx workflow.Context, what string, n int) string {
	first := workflow.GetInfo(ctx).FirstRunID
	return uuid.NewSHA1(uuid.NameSpaceURL, fmt.Appendf(nil, "lazaret:%s/%s/%d", first, what, n)).String()
}

// eventOptions are those of an activity that talks to the router. It is done as
// soon as the router answers, and asking twice does no harm.
func eventOptions(reference string) workflow.ActivityOptions {
	return workflow.ActivityOptions{
		StartToCloseTimeout: time.Minute,
		Summary:             reference,
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval:    200 * time.Millisecond,
			BackoffCoefficient: 2,
			MaximumInterval:    10 * time.Second,
		},
	}
}
