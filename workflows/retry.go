package workflows

import (
	"math"
	"time"

	"go.temporal.io/sdk/workflow"

	"lazaret.dev/lazaret/workflows/definition"
	"lazaret.dev/lazaret/workflows/expression"
)

var zeroTime time.Time

// maxDelay bounds a backoff that has grown beyond all use.
const maxDelay = 365 * 24 * time.Hour

func (c *catcher) env(ctx workflow.Context) expression.Env {
	return c.e.taskEnv(ctx, c.scope, c.task, &frame{Data: c.under.Input, Task: c.under})
}

// conditions evaluates a when and an exceptWhen; absent ones agree.
func (c *catcher) conditions(ctx workflow.Context, when, exceptWhen *expression.Expression) (bool, error) {
	if when != nil {
		ok, err := holds(when, c.object, c.env(ctx), c.task.Reference)
		if err != nil || !ok {
			return false, err
		}
	}
	if exceptWhen != nil {
		except, err := holds(exceptWhen, c.object, c.env(ctx), c.task.Reference)
		return !except, err
	}
	return true, nil
}

// retry tells whether another attempt is due, and after which delay.
func (c *catcher) retry(ctx workflow.Context, policy *definition.Retry) (time.Duration, bool, error) {
	retries := c.under.Attempt.Retries
	if policy.Attempts > 0 && retries >= policy.Attempts {
		return 0, false, nil
	}
	if ok, err := c.conditions(ctx, policy.When, policy.ExceptWhen); err != nil || !ok {
		return 0, false, err
	}
	delay, err := c.delay(ctx, policy, retries+1)
	if err != nil {
		return 0, false, err
	}
	limit, err := c.length(ctx, policy.LimitDuration)
	if err != nil {
		return 0, false, err
	}
	spent := now(ctx).Sub(c.under.Attempt.Started) + delay
	return delay, limit == 0 || spent <= limit, nil
}

// delay is the n-th retry's: constant d, linear d·n, exponential d·2^(n-1), and
// the jitter, drawn uniformly, on top.
func (c *catcher) delay(ctx workflow.Context, policy *definition.Retry, n int) (time.Duration, error) {
	base, err := c.length(ctx, policy.Delay)
	if err != nil {
		return 0, err
	}
	from, err := c.length(ctx, policy.JitterFrom)
	if err != nil {
		return 0, err
	}
	to, err := c.length(ctx, policy.JitterTo)
	if err != nil {
		return 0, err
	}
	delay := backoff(policy.Backoff, base, n)
	if to > from {
		from += time.Duration(c.e.random.upTo(int64(to - from)))
	}
	return delay + from, nil
}

func backoff(kind definition.Backoff, base time.Duration, n int) time.Duration {
	factor := 1.0
	switch kind {
	case definition.Linear:
		factor = float64(n)
	case definition.Exponential:
		factor = math.Exp2(float64(n - 1))
	case definition.Constant:
	}
	grown := float64(base) * factor
	if grown > float64(maxDelay) {
		return maxDelay
	}
	return time.Duration(grown)
}

// length evaluates an optional duration; none is zero.
func (c *catcher) length(ctx workflow.Context, d *definition.Duration) (time.Duration, error) {
	if d == nil {
		return 0, nil
	}
	return c.e.duration(*d, c.under.Input, c.env(ctx), c.task.Reference)
}

// limitAttempt sets the deadline of one attempt, if the policy has one.
func (e *execution) limitAttempt(ctx workflow.Context, s scope, t *definition.Task, body *definition.Try, u *underWay) error {
	if body.Catch.Retry == nil || body.Catch.Retry.AttemptDuration == nil {
		return nil
	}
	c := catcher{e: e, task: t, under: u, scope: s}
	length, err := c.length(ctx, body.Catch.Retry.AttemptDuration)
	if err != nil {
		return err
	}
	u.Attempt.Deadline = now(ctx).Add(length)
	return nil
}
