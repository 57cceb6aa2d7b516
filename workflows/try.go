package workflows

import (
	"go.temporal.io/sdk/workflow"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/workflows/definition"
)

// runTry runs its tasks and handles their errors: it retries first, and when no
// retry is due any more it runs catch.do. An error that catch does not match,
// or that has neither retry left nor handler, goes on up; a catch that only
// filters swallows the error, and the output is the input.
func (e *execution) runTry(ctx workflow.Context, s scope, t *definition.Task, body *definition.Try, u *underWay) (any, definition.Then, error) {
	if u.Attempt == nil {
		u.Attempt = &attempt{Started: now(ctx)}
	}
	a := u.Attempt
	for a.Handler == nil {
		output, ended, err := e.runAttempt(ctx, s, t, body, u)
		if err == nil {
			return output, after(t, ended), nil
		}
		retry, err := e.handle(ctx, s, t, body, u, err)
		if err != nil {
			return nil, t.Then, err
		}
		if !retry {
			break
		}
	}
	return e.runHandler(ctx, s, t, body, u)
}

// runAttempt runs the tasks once, after the delay if this is a retry, and
// within the retry policy's time for one attempt.
func (e *execution) runAttempt(ctx workflow.Context, s scope, t *definition.Task, body *definition.Try, u *underWay) (any, definition.Directive, error) {
	a := u.Attempt
	if !a.NextAt.IsZero() {
		if err := e.sleepUntil(ctx, a.NextAt, t.Reference+" retry"); err != nil {
			return nil, definition.Continue, err
		}
	}
	if a.Body == nil {
		a.Body = &frame{Data: u.Input}
		if err := e.limitAttempt(ctx, s, t, body, u); err != nil {
			return nil, definition.Continue, err
		}
	}
	if a.Deadline.IsZero() {
		return e.runList(ctx, s, body.Tasks, a.Body)
	}
	var ended definition.Directive
	late := timeoutFault(t.Reference, "the attempt", a.Deadline.Sub(now(ctx)))
	output, err := e.withDeadline(ctx, a.Deadline, late, func(ctx workflow.Context) (output any, err error) {
		output, ended, err = e.runList(ctx, s, body.Tasks, a.Body)
		return output, err
	})
	return output, ended, err
}

// handle decides on an attempt's error: to retry, to leave it to the handler
// (false, nil), or to hand an error on.
func (e *execution) handle(ctx workflow.Context, s scope, t *definition.Task, body *definition.Try, u *underWay, err error) (bool, error) {
	if !catchable(err) {
		return false, err
	}
	fault := asFault(err)
	object := errorObject(fault)
	c := catcher{e: e, task: t, under: u, scope: s.bind(body.Catch.As, object), object: object}
	matched, cause := c.matches(ctx, body.Catch, fault)
	if cause != nil || !matched {
		return false, either(cause, err)
	}
	u.Attempt.Error = object
	u.Attempt.Body, u.Attempt.NextAt, u.Attempt.Deadline = nil, zeroTime, zeroTime
	if body.Catch.Retry == nil {
		return false, nil
	}
	delay, due, cause := c.retry(ctx, body.Catch.Retry)
	if cause != nil {
		return false, cause
	}
	if due {
		u.Attempt.Retries++
		u.Attempt.NextAt = now(ctx).Add(delay)
		e.progress.retrying(t, u.Attempt.Retries)
		e.lifecycle.tasked(ctx, t, "retried", "retriedAt", nil)
		return true, nil
	}
	if len(body.Catch.Do) == 0 && body.Catch.Then == nil {
		return false, err
	}
	return false, nil
}

// runHandler runs catch.do with the error bound; its own errors go on up.
func (e *execution) runHandler(ctx workflow.Context, s scope, t *definition.Task, body *definition.Try, u *underWay) (any, definition.Then, error) {
	a := u.Attempt
	if a.Handler == nil {
		a.Handler = &frame{Data: u.Input}
	}
	output, ended, err := e.runList(ctx, s.bind(body.Catch.As, a.Error), body.Catch.Do, a.Handler)
	then := after(t, ended)
	if body.Catch.Then != nil && ended != definition.End {
		then = *body.Catch.Then
	}
	return output, then, err
}

// catcher evaluates what a catch says about one error. In its conditions "."
// and the catch variable are the error.
type catcher struct {
	e      *execution
	task   *definition.Task
	under  *underWay
	scope  scope
	object map[string]any
}

func (c *catcher) matches(ctx workflow.Context, catch definition.Catch, fault *contract.Fault) (bool, error) {
	if !filterMatches(catch.Filter, fault) {
		return false, nil
	}
	return c.conditions(ctx, catch.When, catch.ExceptWhen)
}

// filterMatches compares every property that the filter gives.
func filterMatches(f *definition.ErrorFilter, fault *contract.Fault) bool {
	if f == nil {
		return true
	}
	return (f.Type == "" || definition.SameErrorType(f.Type, fault.Type)) &&
		(f.Status == 0 || f.Status == fault.Status) &&
		(f.Instance == "" || f.Instance == fault.Instance) &&
		(f.Title == "" || f.Title == fault.Title) &&
		(f.Detail == "" || f.Detail == fault.Detail)
}

// either is the first error that is not nil.
func either(first, second error) error {
	if first != nil {
		return first
	}
	return second
}
