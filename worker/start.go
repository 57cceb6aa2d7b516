package worker

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/workflows"
	"lazaret.dev/lazaret/workflows/definition"
)

// startFlags are what run and submit have in common.
type startFlags struct {
	input       string
	level       string
	id          string
	definitions []string
}

// prepared is a checked definition, ready to start.
type prepared struct {
	bundle *bundle
	level  string // as asked for, or empty
	start  contract.Start
	once   bool // an execution with the same id is this one, be it running or ended
}

// prepare does all that can be done, and go wrong, before Temporal is asked.
func (a *app) prepare(ctx context.Context, file string, flags startFlags) (*prepared, error) {
	terms, err := a.scriptTerms(flags.level)
	if err != nil {
		return nil, err
	}
	b, err := a.load(file, flags.definitions)
	if err != nil {
		return nil, err
	}
	policy, err := a.givenPolicy()
	if err != nil {
		return nil, err
	}
	terms = terms.under(policy, identityOf(b.def, b.source.Signature), flags.level)
	if err := a.checkScripts(ctx, b, terms); err != nil {
		return nil, err
	}
	input, err := a.readInput("input", flags.input)
	if err != nil {
		return nil, err
	}
	if err := checkInput(b, input); err != nil {
		return nil, err
	}
	start := contract.Start{
		Definition:  b.source,
		Library:     b.library,
		Input:       input,
		Runtime:     a.build.Version,
		Interpreter: contract.Interpreter,
		Sandbox:     contract.Sandbox{Level: flags.level},
	}
	return &prepared{bundle: b, level: flags.level, start: start}, checkSize(start)
}

// scriptTerms are those on which scripts are checked for a level, or for the
// worker's own when it is empty.
func (a *app) scriptTerms(level string) (scriptTerms, error) {
	terms := scriptTerms{level: a.presumedLevel(), granted: a.pythonAllow}
	if level == "" {
		return terms, nil
	}
	var err error
	if terms.level, err = policies.ParseLevel(level); err != nil {
		return terms, invalid("", "--%w", err)
	}
	return terms, nil
}

// under is the terms with what a policy, if there is one, says of a definition; a
// level that is asked for stays.
func (t scriptTerms) under(p *policies.Policy, id policies.Identity, level string) scriptTerms {
	if p == nil {
		return t
	}
	e := p.For(id)
	if level == "" {
		t.level = e.Level
	}
	t.granted = e.Python.Allow
	return t
}

// begin starts the execution.
func (s *session) begin(ctx context.Context, p *prepared, id string) (client.WorkflowRun, error) {
	if id == "" {
		id = newID(p)
	}
	doc := p.bundle.def.Document
	if err := s.checkHeld(ctx, doc.Namespace, doc.Name, p.start.Definition.Digest); err != nil && p.start.Interpreter > 0 {
		return nil, err
	}
	return s.startPrepared(ctx, p, id)
}

// startPrepared has Temporal start the execution; a worker still refuses what is held.
func (s *session) startPrepared(ctx context.Context, p *prepared, id string) (client.WorkflowRun, error) {
	start := p.start
	if s.install != nil && p.level != "" {
		start.Sandbox = grantLevel(s.install.SigningKey(), id, p)
	}
	reuse := enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE
	if p.once {
		reuse = enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE
	}
	run, err := s.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID:                    id,
		TaskQueue:             contract.TaskQueue,
		TypedSearchAttributes: workflows.SearchAttributes(p.bundle.def, p.level),
		StaticSummary:         summaryOf(p.bundle.def.Document),
		WorkflowIDReusePolicy: reuse,
		// An id that is in use is an error, never somebody else's result.
		WorkflowExecutionErrorWhenAlreadyStarted: true,
	}, workflows.TypeName(p.bundle.def.Document), start)
	if err != nil {
		return nil, temporalError(err)
	}
	return run, nil
}

// newID names an execution after its definition, with 64 random bits.
func newID(p *prepared) string {
	var random [8]byte
	_, _ = rand.Read(random[:]) // never fails (crypto/rand, Go 1.24)
	doc := p.bundle.def.Document
	return fmt.Sprintf("%s.%s-%s", doc.Namespace, doc.Name, hex.EncodeToString(random[:]))
}

// grantLevel lets the execution run at the level that the operator asked for
// on their own machine, whatever the worker's own is.
func grantLevel(key []byte, id string, p *prepared) contract.Sandbox {
	level, err := policies.ParseLevel(p.level)
	if err != nil {
		return contract.Sandbox{Level: p.level}
	}
	digests := []string{p.start.Definition.Digest}
	for _, source := range p.start.Library {
		digests = append(digests, source.Digest)
	}
	grant := policies.LevelGrant{Execution: id, Level: level, Digests: digests}
	return contract.Sandbox{Level: p.level, Digests: digests, Grant: grant.Sign(key)}
}

// summaryOf is the line that Temporal's list shows: the title, else the version.
func summaryOf(doc definition.Document) string {
	const limit = 180
	if doc.Title != "" && len(doc.Title) <= limit {
		return doc.Title
	}
	return "version " + doc.Version
}

// checkInput refuses, before anything starts, an input that the definition's
// own schema refuses.
func checkInput(b *bundle, input json.RawMessage) error {
	if b.def.Input.Schema == nil {
		return nil
	}
	value, err := decodeInput(input)
	if err != nil {
		return err
	}
	if err := b.def.Input.Schema.Validate(value); err != nil {
		return &contract.Fault{
			Type: contract.ValidationError, Status: 400, Title: "Validation error",
			Detail: fmt.Sprintf("input: %v", err), Instance: "/input/schema",
		}
	}
	return nil
}
