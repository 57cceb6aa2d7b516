package workflows

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/workflows/definition"
	"lazaret.dev/lazaret/workflows/expression"
)

// runCall calls something outside, from whichever worker takes the activity.
func (e *execution) runCall(ctx workflow.Context, t *definition.Task, body *definition.Call, u *underWay, env expression.Env) (any, error) {
	with, sealed, err := e.callArguments(t, body, u, env)
	if err != nil {
		return nil, err
	}
	return e.makeCall(ctx, t, body, with, sealed, repeatable(body, with))
}

// makeCall makes a call with its arguments, and gives what comes of it.
func (e *execution) makeCall(
	ctx workflow.Context, t *definition.Task, body *definition.Call, with map[string]any, sealed contract.Sealed, repeatable bool,
) (any, error) {
	request := contract.Call{Task: e.taskID(t), Secrets: e.def.Secrets, Sealed: sealed, Sandbox: e.sandbox(t)}
	var err error
	if request.With, err = expression.Encode(with); err != nil {
		return nil, runtimeFault(t.Reference, fmt.Sprintf("the call's arguments: %v", err))
	}
	if _, err := encodeBounded(request, "the data given to the call"); err != nil {
		return nil, locate(err, t.Reference)
	}
	e.progress.publish(ctx)
	var result contract.CallResult
	ctx = workflow.WithActivityOptions(ctx, callOptions(t.Reference, repeatable))
	again := func(bool) any { return request }
	if err := e.persist(ctx, effort{t, body.Activity(), again, repeatable}, &result); err != nil {
		e.state.Violations += violationsOf(err)
		return nil, lostCall(err)
	}
	return decodeOutput(t.Reference, result)
}

func decodeOutput(reference string, result contract.CallResult) (any, error) {
	if len(result.Output) == 0 {
		return nil, nil
	}
	output, err := expression.Decode(result.Output)
	if err != nil {
		return nil, runtimeFault(reference, fmt.Sprintf("the call's output: %v", err))
	}
	return output, nil
}

// callArguments evaluates what the definition gives the call.
func (e *execution) callArguments(t *definition.Task, body *definition.Call, u *underWay, env expression.Env) (map[string]any, contract.Sealed, error) {
	with := map[string]any{}
	s := sealer{input: u.Input, env: env, reference: t.Reference}
	for _, argument := range body.With {
		var err error
		switch {
		case argument.URI != nil:
			if with[argument.Name], err = argument.URI.Expand(u.Input); err != nil {
				err = expressionFault(t.Reference, err)
			}
		case argument.Length != nil:
			var length time.Duration
			length, err = e.duration(*argument.Length, u.Input, env, t.Reference)
			with[argument.Name] = int(length.Milliseconds())
		default:
			with[argument.Name], err = s.evaluate("/"+argument.Name, argument.Value)
		}
		if err != nil {
			return nil, contract.Sealed{}, err
		}
	}
	sealed, err := s.seal()
	return with, sealed, err
}

// repeatable tells whether the call may be made twice: the methods that RFC 9110
// calls idempotent, and those of MCP and A2A that only read. Of an OpenAPI
// operation or a gRPC method it is not known here.
func repeatable(body *definition.Call, with map[string]any) bool {
	method, _ := with["method"].(string)
	switch body.Protocol {
	case "http":
		return slices.Contains(idempotentMethods, strings.ToUpper(method))
	case "mcp", "a2a":
		return slices.Contains(readingMethods, method)
	}
	return false
}

var (
	idempotentMethods = []string{"GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"}
	readingMethods    = []string{
		"tools/list", "prompts/list", "prompts/get", "resources/list", "resources/read", "resources/templates/list",
		"tasks/get", "tasks/list", "tasks/pushNotificationConfig/get", "tasks/pushNotificationConfig/list", "agent/getAuthenticatedExtendedCard",
	}
)

// maxCall bounds a call, with what it needs first: a token, a document.
const maxCall = 15 * time.Minute

// callOptions let Temporal repeat a call that a lost worker may or may not have
// made only where that does no harm. What a call's answer says is never retried
// but by the DSL's own retry.
func callOptions(reference string, repeatable bool) workflow.ActivityOptions {
	attempts := int32(1)
	if repeatable {
		attempts = 20
	}
	return workflow.ActivityOptions{
		StartToCloseTimeout: maxCall,
		HeartbeatTimeout:    10 * time.Second,
		WaitForCancellation: true,
		Summary:             reference,
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval:    200 * time.Millisecond,
			BackoffCoefficient: 2,
			MaximumInterval:    10 * time.Second,
			MaximumAttempts:    attempts,
		},
	}
}

// lostCall says of a call whose worker was lost what its author has to know.
func lostCall(err error) error {
	timeout, ok := errors.AsType[*temporal.TimeoutError](err)
	if !ok || timeout.TimeoutType() != enumspb.TIMEOUT_TYPE_HEARTBEAT {
		return err
	}
	return &contract.Fault{
		Type: contract.CommunicationError, Status: 500, Title: "Communication error",
		Detail: "the worker was lost during the call; the request may have been carried out, and is not repeated",
	}
}
