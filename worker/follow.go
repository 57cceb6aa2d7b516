package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"lazaret.dev/lazaret/activities/contract"
)

// glance is how often a followed execution is looked at. It also bounds the
// harm of a wake-up that the server loses: no single wait lasts longer.
const glance = time.Second

// patient is at how many glances in a row an execution has to hold until nobody
// follows it any longer.
const patient = 4

// viewer is shown the progress of an execution that is followed.
type viewer interface {
	show(contract.State)
}

// follow waits for an execution's end and returns its output, or its fault.
// When ctx ends first it returns ctx's error; the execution goes on.
func follow(ctx context.Context, c client.Client, run client.WorkflowRun, view viewer) (json.RawMessage, error) {
	shown, held := false, 0
	for {
		output, err := waitOnce(ctx, run)
		ended := !errors.Is(err, context.DeadlineExceeded)
		if !ended && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		// An execution that ends within a glance is not shown at all.
		if view != nil && (shown || !ended) {
			showProgress(ctx, c, run, view)
			shown = true
		}
		// One that was released may not have heard of it yet.
		if ended {
			return output, err
		}
		holding := holds(ctx, c, run)
		if holding == nil {
			held = 0
			continue
		}
		if held++; held == patient {
			return nil, holding
		}
	}
}

// holds is the error of who follows an execution that its definition's quarantine
// holds: it would not end before somebody has looked into it.
func holds(ctx context.Context, c client.Client, run client.WorkflowRun) error {
	short, cancel := context.WithTimeout(ctx, 2*glance)
	defer cancel()
	d, err := c.DescribeWorkflowExecution(short, run.GetID(), "")
	if err != nil || attribute(d.GetWorkflowExecutionInfo(), contract.AttributeState) != contract.HeldState {
		return nil // a server that is away is no reason to stop following
	}
	name := definitionOf(d.GetWorkflowExecutionInfo())
	return &exitError{
		code: exitRefused, err: fmt.Errorf("%s holds: %s is in quarantine", run.GetID(), name),
		hint: "lazaret quarantine show " + name + " says why; it goes on after lazaret quarantine release",
	}
}

// waitOnce waits for the end at most for one glance; then it returns
// context.DeadlineExceeded.
func waitOnce(ctx context.Context, run client.WorkflowRun) (json.RawMessage, error) {
	// Ended by a timer, and not by a deadline: of a call's deadline the server keeps
	// seconds for its answer, so that it would answer at once, and the SDK ask again at
	// once, for as long as the execution takes.
	short, cancel := context.WithCancel(ctx)
	defer cancel()
	defer time.AfterFunc(glance, cancel).Stop()
	var output json.RawMessage
	err := run.Get(short, &output)
	switch {
	case err == nil:
		if output == nil {
			output = json.RawMessage("null")
		}
		return output, nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case short.Err() != nil || isDeadline(err):
		<-short.Done() // it is near; and should it not be, this is no busy loop
		return nil, context.DeadlineExceeded
	}
	return nil, outcome(err)
}

// isDeadline tells an expired wait, which gRPC may notice before the context
// does: as the deadline's end, or, if the server's clock was first, as a call that
// the server cancelled.
func isDeadline(err error) bool {
	var deadline *serviceerror.DeadlineExceeded
	var canceled *serviceerror.Canceled
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &deadline) || errors.As(err, &canceled)
}

// showProgress asks the execution where it stands. A worker that is busy or
// away is no reason to stop following.
func showProgress(ctx context.Context, c client.Client, run client.WorkflowRun, view viewer) {
	short, cancel := context.WithTimeout(ctx, 2*glance)
	defer cancel()
	var state contract.State
	value, err := c.QueryWorkflow(short, run.GetID(), "", contract.StateQuery)
	if err == nil && value.Get(&state) == nil {
		view.show(state)
	}
}

// outcome turns how an execution ended, as the SDK says it, into our errors.
func outcome(err error) error {
	var ended *temporal.WorkflowExecutionError
	if !errors.As(err, &ended) {
		return temporalError(err)
	}
	var application *temporal.ApplicationError
	var terminated *temporal.TerminatedError
	switch {
	case temporal.IsCanceledError(err):
		return &exitError{code: exitCancelled, err: errors.New("the execution was cancelled")}
	case errors.As(err, &application):
		return faultOf(application)
	case temporal.IsTimeoutError(err):
		return &contract.Fault{Type: contract.TimeoutError, Status: 408, Title: "Timeout", Detail: "Temporal's execution timeout passed"}
	case errors.As(err, &terminated):
		return &contract.Fault{Type: contract.RuntimeError, Status: 500, Title: "Terminated", Detail: "the execution was terminated, by a person or by a schedule whose overlapPolicy is TerminateOther"}
	}
	return &contract.Fault{Type: contract.RuntimeError, Status: 500, Title: "Runtime error", Detail: ended.Error()}
}

func faultOf(err *temporal.ApplicationError) error {
	var fault contract.Fault
	if err.HasDetails() && err.Details(&fault) == nil && fault.Type != "" {
		return &fault
	}
	return &contract.Fault{Type: contract.RuntimeError, Status: 500, Title: "Runtime error", Detail: err.Message()}
}

var errRunning = errors.New("an execution with this id is running")

// temporalError names what Temporal refused and why, with the exit code.
func temporalError(err error) error {
	var missing *serviceerror.NotFound
	var denied *serviceerror.PermissionDenied
	var unavailable *serviceerror.Unavailable
	var started *serviceerror.WorkflowExecutionAlreadyStarted
	switch {
	case errors.As(err, &missing):
		return invalid("lazaret list shows what there is", "temporal: %s", missing.Message)
	case errors.As(err, &started):
		return &exitError{code: exitInvalid, err: errRunning, hint: "choose another --id, or leave it out"}
	case errors.As(err, &denied):
		return unreachable(fmt.Errorf("temporal: %s", denied.Error()), "check the credentials: TEMPORAL_API_KEY, or the token files in the state folder")
	case errors.As(err, &unavailable):
		return unreachable(fmt.Errorf("temporal: %s", unavailable.Message), "check that it is still running; the execution goes on once it is back")
	}
	return unreachable(fmt.Errorf("temporal: %w", err), "")
}
