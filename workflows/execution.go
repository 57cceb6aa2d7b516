package workflows

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/workflows/definition"
	"lazaret.dev/lazaret/workflows/expression"
)

// errSuspended unwinds the run functions, leaving their frames as they are,
// when the run shall continue as new.
var errSuspended = errors.New("suspended to continue as new")

// execution is one run of a definition.
type execution struct {
	def   *definition.Definition
	start contract.Start
	id    string
	state snapshot

	progress *progress
	pace     pace
	random   random
	drain    workflow.Future // ready once the run shall continue as new
	setDrain workflow.Settable
	draining bool
	mailbox  *mailbox // nil: the definition listens to nothing
	// lifecycle is nil where nobody is told of what happens.
	lifecycle *lifecycle

	approvals approvals
	// What has to do with the definition's quarantine.
	orders  workflow.ReceiveChannel
	hearing int              // orders that are being read
	flow    workflow.Context // of all that is under way
	cancel  func()           // ends it
	fate    *contract.Fault  // with which the quarantine ends the execution
	over    bool             // it has ended, and tells of that
	// rolledBack says that its error is recovered from, and filed.
	rolledBack bool
}

func newExecution(ctx workflow.Context, def *definition.Definition, start contract.Start) (*execution, error) {
	info := workflow.GetInfo(ctx)
	e := &execution{
		def:      def,
		start:    start,
		id:       info.WorkflowExecution.ID,
		progress: newProgress(def),
	}
	e.drain, e.setDrain = workflow.NewFuture(ctx)
	if err := e.restore(ctx); err != nil {
		return nil, err
	}
	e.random = newRandom(info.OriginalRunID, e.state.Drawn)
	e.mailbox = newMailbox(e.listens(), &e.state.Inbox, e.perform)
	if err := e.approvals.serve(ctx); err != nil {
		return nil, err
	}
	return e, e.progress.answer(ctx, e.approvals.list)
}

// restore sets the state: a fresh one, or the one an earlier run left.
func (e *execution) restore(ctx workflow.Context) error {
	if len(e.start.State) > 0 {
		decoder := json.NewDecoder(bytes.NewReader(e.start.State))
		decoder.UseNumber()
		if err := decoder.Decode(&e.state); err != nil {
			return fmt.Errorf("saved state: %w", err)
		}
		e.progress.restore(e.state.Tasks)
		if order := e.state.Obeyed.Held; order != nil {
			e.progress.status, e.progress.held = held, quarantineFault(*order).Detail
		}
		return nil
	}
	e.state.Started = workflow.GetInfo(ctx).WorkflowStartTime
	if len(e.start.Input) == 0 {
		return nil
	}
	raw, err := expression.Decode(e.start.Input)
	if err != nil {
		return validationFault("/input", fmt.Sprintf("input: %v", err))
	}
	e.state.Raw = raw
	return nil
}

// run carries the input through the definition to its output.
func (e *execution) run(ctx workflow.Context) (any, error) {
	if e.def.Timeout == nil {
		return e.runDefinition(ctx)
	}
	after, err := e.duration(e.def.Timeout.After, e.state.Raw, e.workflowEnv(ctx), "/timeout")
	if err != nil {
		return nil, err
	}
	deadline := e.state.Started.Add(after)
	return e.withDeadline(ctx, deadline, timeoutFault("", "the workflow", after), e.runDefinition)
}

func (e *execution) runDefinition(ctx workflow.Context) (any, error) {
	if e.state.Body == nil {
		input, err := e.receive(ctx)
		if err != nil {
			return nil, err
		}
		e.state.Input, e.state.Line.Context = input, map[string]any{}
		e.state.Body = &frame{Data: input}
	}
	if err := e.mailbox.open(ctx, e.taskID(&definition.Task{})); err != nil {
		return nil, err
	}
	scope := scope{line: &e.state.Line}
	output, _, err := e.runList(ctx, scope, e.def.Do, e.state.Body)
	if err != nil {
		return nil, err
	}
	return e.give(ctx, output)
}

// receive checks and transforms the execution's input.
func (e *execution) receive(ctx workflow.Context) (any, error) {
	if err := e.def.Input.Schema.Validate(e.state.Raw); err != nil {
		return nil, validationFault("/input/schema", fmt.Sprintf("input: %v", err))
	}
	return evaluate(e.def.Input.From, e.state.Raw, e.workflowEnv(ctx), "/input/from")
}

// give transforms and checks the execution's output.
func (e *execution) give(ctx workflow.Context, output any) (any, error) {
	env := e.workflowEnv(ctx)
	env.Vars["context"], env.Vars["input"], env.Vars["output"] = e.state.Line.Context, e.state.Input, output
	output, err := evaluate(e.def.Output.As, output, env, "/output/as")
	if err != nil {
		return nil, err
	}
	if err := e.def.Output.Schema.Validate(output); err != nil {
		return nil, validationFault("/output/schema", fmt.Sprintf("output: %v", err))
	}
	return output, nil
}

// end records how the execution ended where people look: query, details, search attribute.
func (e *execution) end(ctx workflow.Context, output any, err error) {
	ctx, cancel := workflow.NewDisconnectedContext(ctx)
	defer cancel()
	e.over = true
	e.mailbox.leave(ctx)
	e.lifecycle.ended(ctx, output, err)
	e.progress.end(err)
	e.progress.publish(ctx)
	attributes := []temporal.SearchAttributeUpdate{
		temporal.NewSearchAttributeKeyKeyword(contract.AttributeState).ValueSet(e.progress.status),
	}
	if n := e.state.Violations; n > 0 {
		attributes = append(attributes, temporal.NewSearchAttributeKeyInt64(contract.AttributeViolations).ValueSet(int64(n)))
	}
	if err := workflow.UpsertTypedSearchAttributes(ctx, attributes...); err != nil {
		workflow.GetLogger(ctx).Warn("search attributes not set", "error", err)
	}
}

// settle makes a run that is about to continue as new ready to be left: nothing of
// it is under way, and nothing that came is unread. It returns with what the flow
// ends, if an order or a caller has ended it meanwhile.
func (e *execution) settle(ctx workflow.Context) error {
	e.mailbox.close(ctx)
	away, done := workflow.NewDisconnectedContext(ctx)
	defer done()
	err := workflow.Await(away, func() bool { return e.heardAll() && e.lifecycle.idle() })
	if err == nil {
		err = e.flow.Err()
	}
	return e.fated(err)
}

// continueAsNew is the error that makes Temporal start the next run from this one's state.
func (e *execution) continueAsNew(ctx workflow.Context) error {
	e.mailbox.take(ctx) // the last step, behind all that waits: what it leaves unread is lost
	e.state.Drawn, e.state.Tasks = e.random.drawn, e.progress.tasks
	state, err := encodeBounded(e.state, "the state of a run that continues as new")
	if err != nil {
		return failure(err)
	}
	next := e.start
	next.State, next.Input = state, nil
	return workflow.NewContinueAsNewError(ctx, workflow.GetInfo(ctx).WorkflowType.Name, next)
}

// now is the workflow's time, which is the same on every replay.
func now(ctx workflow.Context) time.Time { return workflow.Now(ctx).UTC() }
