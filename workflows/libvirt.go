package workflows

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/workflows/definition"
	"lazaret.dev/lazaret/workflows/expression"
)

// runLibvirt asks a worker's libvirt broker for one operation.
func (e *execution) runLibvirt(ctx workflow.Context, t *definition.Task, body *definition.Libvirt, u *underWay, env expression.Env) (any, error) {
	request := contract.Libvirt{Task: e.taskID(t), Operation: body.Operation, With: []byte("{}")}
	if body.With != nil {
		value, err := evaluate(body.With, u.Input, env, t.Reference)
		if err != nil {
			return nil, err
		}
		if err := fillLibvirt(&request, value); err != nil {
			return nil, validationFault(t.Reference, err.Error())
		}
	}
	if len(request.With) > contract.MaxPayload {
		return nil, runtimeFault(t.Reference, fmt.Sprintf("with is %d bytes of JSON, over the limit of %d", len(request.With), contract.MaxPayload))
	}
	result, err := e.askLibvirt(ctx, t, request, u)
	if err != nil {
		e.state.Violations += violationsOf(err)
		return nil, err
	}
	output, err := expression.Decode(result.Result)
	if err != nil {
		return nil, runtimeFault(t.Reference, fmt.Sprintf("the operation's result: %v", err))
	}
	return output, nil
}

// askLibvirt executes the operation's activity: once, or again with a person's
// decision where the first one found that it needs that.
func (e *execution) askLibvirt(ctx workflow.Context, t *definition.Task, request contract.Libvirt, u *underWay) (contract.LibvirtResult, error) {
	activity := func() (result contract.LibvirtResult, err error) {
		e.progress.publish(ctx)
		ctx := workflow.WithActivityOptions(ctx, libvirtOptions(t.Reference))
		err = e.perform(ctx, contract.LibvirtPrefix+request.Operation, request, &result)
		return result, err
	}
	if u.Approval == nil {
		result, err := activity()
		if u.Approval = approvable(err); u.Approval == nil {
			return result, err
		}
		u.Approval.Task, u.Approval.Until = t.Reference, now(ctx).Add(u.Approval.Within)
	}
	approval, err := e.approvals.await(ctx, e, t, *u.Approval)
	if err != nil {
		return contract.LibvirtResult{}, err
	}
	request.Approval = approval
	return activity()
}

// fillLibvirt takes the host out of the arguments.
func fillLibvirt(request *contract.Libvirt, value any) error {
	with, ok := value.(map[string]any)
	if !ok {
		return fmt.Errorf("with must be an object, not %s", kindOf(value))
	}
	arguments := make(map[string]any, len(with))
	for _, name := range workflow.DeterministicKeys(with) {
		if name != "uri" {
			arguments[name] = with[name]
			continue
		}
		uri, ok := with[name].(string)
		if !ok {
			return fmt.Errorf("uri must be a text, not %s", kindOf(with[name]))
		}
		request.URI = uri
	}
	data, err := expression.Encode(arguments)
	request.With = data
	return err
}

// A worker that died and an answer that got lost are retried here, which changes
// nothing twice; what libvirt or the policy refuses is the DSL's to retry.
func libvirtOptions(reference string) workflow.ActivityOptions {
	return workflow.ActivityOptions{
		StartToCloseTimeout: 3 * time.Hour, // above the longest deadline, timeout and wait for a place
		HeartbeatTimeout:    10 * time.Second,
		WaitForCancellation: true,
		Summary:             reference,
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval:    200 * time.Millisecond,
			BackoffCoefficient: 2,
			MaximumInterval:    10 * time.Second,
			MaximumAttempts:    20,
		},
	}
}
