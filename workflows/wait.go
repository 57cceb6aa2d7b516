package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"lazaret.dev/lazaret/workflows/definition"
	"lazaret.dev/lazaret/workflows/expression"
)

// runWait lets time pass by a durable timer.
func (e *execution) runWait(ctx workflow.Context, t *definition.Task, body *definition.Wait, u *underWay, env expression.Env) error {
	if u.Until.IsZero() {
		length, err := e.duration(body.For, u.Input, env, t.Reference)
		if err != nil {
			return err
		}
		u.Until = now(ctx).Add(length)
	}
	return e.sleepUntil(ctx, u.Until, t.Reference)
}

// sleepUntil waits for a moment, or suspends with the rest of the execution;
// the moment is absolute, so that the next run waits for the remainder.
func (e *execution) sleepUntil(ctx workflow.Context, moment time.Time, reference string) error {
	left := moment.Sub(now(ctx))
	if left <= 0 {
		return ctx.Err()
	}
	e.progress.publish(ctx)
	timed, cancel := workflow.WithCancel(ctx)
	defer cancel()
	timer := workflow.NewTimerWithOptions(timed, left, workflow.TimerOptions{Summary: reference})
	var err error
	selector := workflow.NewSelector(ctx)
	selector.AddFuture(timer, func(f workflow.Future) { err = f.Get(ctx, nil) })
	selector.AddFuture(e.drain, func(workflow.Future) { err = errSuspended })
	selector.Select(ctx)
	return err
}
