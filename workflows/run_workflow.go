package workflows

import (
	"encoding/json"
	"fmt"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/workflows/definition"
	"lazaret.dev/lazaret/workflows/expression"
)

// maxDepth bounds how deep run.workflow may nest: a definition that runs itself
// without end faults instead of filling the server.
const maxDepth = 32

// runWorkflow runs another definition as a child execution.
func (e *execution) runWorkflow(ctx workflow.Context, t *definition.Task, body *definition.RunWorkflow, u *underWay, env expression.Env) (any, error) {
	child, start, err := e.childStart(ctx, t, body, u, env)
	if err != nil {
		return nil, err
	}
	e.progress.publish(ctx)
	ctx = workflow.WithChildOptions(ctx, e.childOptions(t, child, body.Await))
	future := workflow.ExecuteChildWorkflow(ctx, TypeName(child.Document), start)
	if !body.Await {
		return u.Input, future.GetChildWorkflowExecution().Get(ctx, nil)
	}
	var output json.RawMessage
	if err := future.Get(ctx, &output); err != nil {
		return nil, ended(ctx, err)
	}
	return expression.Decode(output)
}

// ended is a child's error as the parent's: a child that somebody cancelled is a
// fault, which does not cancel the parent.
func ended(ctx workflow.Context, err error) error {
	if temporal.IsCanceledError(err) && ctx.Err() == nil {
		return runtimeFault("", "the child execution was cancelled")
	}
	return err
}

func (e *execution) childStart(ctx workflow.Context, t *definition.Task, body *definition.RunWorkflow, u *underWay, env expression.Env) (*definition.Definition, contract.Start, error) {
	if e.start.Depth >= maxDepth {
		return nil, contract.Start{}, runtimeFault(t.Reference, fmt.Sprintf("run.workflow nests deeper than %d", maxDepth))
	}
	source, child, err := e.resolve(ctx, body)
	if err != nil {
		return nil, contract.Start{}, locate(err, t.Reference)
	}
	var input any = map[string]any{}
	if body.Input != nil {
		if input, err = evaluate(body.Input, u.Input, env, t.Reference); err != nil {
			return nil, contract.Start{}, err
		}
	}
	data, err := expression.Encode(input)
	if err != nil {
		return nil, contract.Start{}, runtimeFault(t.Reference, fmt.Sprintf("input: %v", err))
	}
	start := e.start
	start.Definition, start.Published, start.Input, start.State = source, contract.PublishedRef{}, data, nil
	start.Depth++
	start.Execution = e.start.Root(e.id)
	_, err = encodeBounded(start, "the child's input")
	return child, start, locate(err, t.Reference)
}

func (e *execution) childOptions(t *definition.Task, child *definition.Definition, await bool) workflow.ChildWorkflowOptions {
	policy := enumspb.PARENT_CLOSE_POLICY_REQUEST_CANCEL
	if !await {
		policy = enumspb.PARENT_CLOSE_POLICY_ABANDON
	}
	return workflow.ChildWorkflowOptions{
		WorkflowID:            e.childID(),
		ParentClosePolicy:     policy,
		WaitForCancellation:   true,
		StaticSummary:         t.Reference,
		TypedSearchAttributes: SearchAttributes(child, e.start.Sandbox.Level),
	}
}

// SearchAttributes are those with which an execution of the definition starts.
func SearchAttributes(def *definition.Definition, level string) temporal.SearchAttributes {
	return temporal.NewSearchAttributes(
		temporal.NewSearchAttributeKeyKeyword(contract.AttributeDefinition).ValueSet(TypeName(def.Document)),
		temporal.NewSearchAttributeKeyKeyword(contract.AttributeVersion).ValueSet(def.Document.Version),
		temporal.NewSearchAttributeKeyKeyword(contract.AttributeDigest).ValueSet(def.Digest),
		temporal.NewSearchAttributeKeyKeyword(contract.AttributeLevel).ValueSet(level),
		temporal.NewSearchAttributeKeyKeyword(contract.AttributeState).ValueSet("running"),
	)
}
