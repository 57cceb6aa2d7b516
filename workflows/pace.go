package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"
)

// pace keeps a flow that has no effects from holding its worker. It counts
// work, never time, so that a replay pauses where the first run paused.
type pace struct {
	steps   int // taken in this run; expressions add theirs (expression.Env)
	yielded int // steps at the last yield
	rested  int // steps at the last rest
	renewal int // steps when continuing as new was last considered
}

// Steps are those of expressions: one is 50 to 100 ns of a core.
const (
	// taskSteps is what a task costs beside its expressions.
	taskSteps = 400
	// yieldEvery is how much is done between two yields, which write nothing to
	// history. The SDK takes a coroutine that runs long without one for deadlocked.
	yieldEvery = 1_000_000
	// restEvery is how much is done before a short durable timer ends the
	// workflow task, whose own limit is 10 s: an endless loop stays cancellable.
	restEvery = 10_000_000
	rest      = time.Millisecond
	// renewEvery is how much is done before the run continues as new: a worker
	// that takes it over repeats all of it within one workflow task.
	renewEvery = 50_000_000
)

func (p *pace) breathe(ctx workflow.Context) error {
	p.steps += taskSteps
	if p.steps-p.rested >= restEvery {
		p.rested, p.yielded = p.steps, p.steps
		return workflow.NewTimerWithOptions(ctx, rest, workflow.TimerOptions{Summary: "pause in a long loop"}).Get(ctx, nil)
	}
	if p.steps-p.yielded >= yieldEvery {
		p.yielded = p.steps
		yield(ctx)
	}
	return nil
}

// renewalDue tells, once every renewEvery steps, that the run has done enough.
func (p *pace) renewalDue() bool {
	if p.steps-p.renewal < renewEvery {
		return false
	}
	p.renewal = p.steps
	return true
}

// yield gives the dispatcher a turn without an event in history.
func yield(ctx workflow.Context) {
	turned := false
	workflow.Go(ctx, func(workflow.Context) { turned = true })
	// The context of an Await that is cancelled only ends the yield early.
	_ = workflow.Await(ctx, func() bool { return turned })
}
