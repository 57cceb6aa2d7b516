package workflows

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/workflows/definition"
)

// publishedVersion is the change of run.workflow that looks at what is published.
const publishedVersion = "published"

// receiveStart reads what an execution was started with: our own envelope, or
// by name alone, with the input as plain JSON, as the UI, the Temporal CLI and
// SDKs do it.
func receiveStart(ctx workflow.Context, args converter.EncodedValues) (contract.Start, error) {
	data, err := argument(args)
	if err != nil {
		return contract.Start{}, err
	}
	start, ok := envelope(data)
	if !ok {
		start = contract.Start{Input: data}
	}
	if start.Definition.Document == "" {
		err = pin(ctx, &start)
	}
	return start, err
}

// argument is the one argument as JSON; nil where there is none.
func argument(args converter.EncodedValues) (json.RawMessage, error) {
	var first, second converter.RawValue
	if !args.HasValues() {
		return nil, nil
	}
	if err := args.Get(&first, &second); err != nil {
		return nil, validationFault("/input", fmt.Sprintf("input: %v", err))
	}
	if second.Payload() != nil {
		return nil, validationFault("/input", "a workflow takes one input, and got several")
	}
	switch encoding := string(first.Payload().GetMetadata()[converter.MetadataEncoding]); encoding {
	case converter.MetadataEncodingNil:
		return nil, nil
	case converter.MetadataEncodingJSON:
	default:
		return nil, validationFault("/input", fmt.Sprintf("the input is encoded as %q; give it as JSON, encoded as %q", encoding, converter.MetadataEncodingJSON))
	}
	data := json.RawMessage(first.Payload().GetData())
	if !json.Valid(data) {
		return nil, validationFault("/input", "the input is not valid JSON")
	}
	return data, nil
}

// envelope tells our own start from a plain input, which has no reason to name
// a document or a published version together with its digest.
func envelope(data json.RawMessage) (contract.Start, bool) {
	var start contract.Start
	if len(data) == 0 || json.NewDecoder(bytes.NewReader(data)).Decode(&start) != nil {
		return contract.Start{}, false
	}
	carried := start.Definition.Document != "" && isDigest(start.Definition.Digest)
	return start, carried || isDigest(start.Published.Digest)
}

// isDigest tells a SHA-256 in hex.
func isDigest(text string) bool {
	return len(text) == 64 && strings.Trim(text, "0123456789abcdef") == ""
}

// pin finds the definition that the workflow type names, once: the answer
// stands in history and travels with the execution.
func pin(ctx workflow.Context, start *contract.Start) error {
	reference, err := parseType(workflow.GetInfo(ctx).WorkflowType.Name)
	if err != nil {
		return err
	}
	if start.Published.Digest != "" {
		reference.Version, reference.Digest = start.Published.Version, start.Published.Digest
	}
	resolved, err := lookUp(ctx, reference)
	for pause := heldFor; start.Patient && refusedAsHeld(err); pause = min(2*pause, heldForMost) {
		if err := workflow.Sleep(ctx, pause); err != nil {
			return err
		}
		resolved, err = lookUp(ctx, reference)
	}
	if err != nil {
		return unpinned(ctx, reference, err)
	}
	start.Definition, start.Published = resolved.Source, contract.PublishedRef{}
	start.Interpreter = max(start.Interpreter, resolved.Interpreter)
	if start.Runtime == "" {
		start.Runtime = resolved.Runtime
	}
	def, err := definitions.load(start.Definition)
	if err != nil {
		return err
	}
	known := temporal.NewSearchAttributeKeyKeyword(contract.AttributeDefinition)
	if _, set := workflow.GetTypedSearchAttributes(ctx).GetKeyword(known); set {
		return nil // by whoever started it
	}
	return workflow.UpsertTypedSearchAttributes(ctx, SearchAttributes(def, start.Sandbox.Level).Copy())
}

// parseType reads NAMESPACE/NAME or NAMESPACE/NAME:VERSION.
func parseType(name string) (contract.Reference, error) {
	identity, version, _ := strings.Cut(name, ":")
	namespace, own, ok := strings.Cut(identity, "/")
	if !ok || namespace == "" || own == "" {
		return contract.Reference{}, configurationFault(fmt.Sprintf(
			"workflow type %q is not the NAMESPACE/NAME or NAMESPACE/NAME:VERSION of a published definition", name))
	}
	if version == "" {
		version = contract.Latest
	}
	return contract.Reference{Namespace: namespace, Name: own, Version: version}, nil
}

// lookUp asks what is published.
func lookUp(ctx workflow.Context, reference contract.Reference) (contract.Resolved, error) {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: 30 * time.Second,
		Summary:             reference.String(),
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval: 200 * time.Millisecond, BackoffCoefficient: 2, MaximumInterval: 10 * time.Second, MaximumAttempts: 20,
		},
	})
	var resolved contract.Resolved
	err := workflow.ExecuteActivity(ctx, contract.ResolveDefinition, reference).Get(ctx, &resolved)
	return resolved, err
}

// unpinned shows, where executions are listed, one that found no definition.
func unpinned(ctx workflow.Context, reference contract.Reference, err error) error {
	if !catchable(err) {
		return err
	}
	name := reference.Namespace + "/" + reference.Name
	fault := asFault(err)
	state := contract.State{Definition: name, Status: faulted, Fault: fault}
	if err := workflow.SetQueryHandler(ctx, contract.StateQuery, func() (contract.State, error) { return state, nil }); err != nil {
		return err
	}
	err = workflow.UpsertTypedSearchAttributes(ctx,
		temporal.NewSearchAttributeKeyKeyword(contract.AttributeDefinition).ValueSet(name),
		temporal.NewSearchAttributeKeyKeyword(contract.AttributeState).ValueSet(faulted))
	if err != nil {
		return err
	}
	return fault
}

// published finds the definition that a run.workflow task names among those
// that are published. Whatever is published meanwhile, an execution that has
// asked once has the same answer again.
func (e *execution) published(ctx workflow.Context, body *definition.RunWorkflow) (contract.Source, *definition.Definition, error) {
	reference := contract.Reference{Namespace: body.Namespace, Name: body.Name, Version: body.Version}
	source, known := e.state.Published[reference.String()]
	if !known {
		resolved, err := lookUp(ctx, reference)
		if err != nil {
			return source, nil, err
		}
		source = resolved.Source
		if e.state.Published == nil {
			e.state.Published = map[string]contract.Source{}
		}
		e.state.Published[reference.String()] = source
	}
	def, err := definitions.load(source)
	return source, def, err
}
