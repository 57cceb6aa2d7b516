package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"
)

// pace keeps a flow that has no effects from holding its worker. It counts
// work, never time, so that a replay pauses where the first run paused.
type pace struct {
	steps   int // taken in this run; expressions add theirs (expression.Env)
	tasks   int // begun in this run, taskSteps each
	yielded int // steps at the last yield
	rested  int // work at the last rest
	renewal int // work when continuing as new was last considered
	// light says that tasks count as lightSteps, which is decided once something is due.
	light, decided bool
}

// Steps are those of expressions: one is 50 to 100 ns of a core.
const (
	// taskSteps is what a task cost beside its expressions, and lightSteps what it
	// costs since its variables are made when they are read.
	taskSteps  = 400
	lightSteps = 40
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

// lightVersion is the change by which tasks count as lightSteps where it shows in
// history: in rests and in continuing as new.
const lightVersion = "light tasks"

func (p *pace) breathe(ctx workflow.Context) error {
	p.steps += taskSteps
	p.tasks++
	if p.due(ctx, p.rested, restEvery) {
		p.rested, p.yielded = p.work(), p.steps
		return workflow.NewTimerWithOptions(ctx, rest, workflow.TimerOptions{Summary: "pause in a long loop"}).Get(ctx, nil)
	}
	if p.steps-p.yielded >= yieldEvery {
		p.yielded = p.steps
		yield(ctx)
	}
	return nil
}

// renewalDue tells, once every renewEvery steps, that the run has done enough.
func (p *pace) renewalDue(ctx workflow.Context) bool {
	if !p.due(ctx, p.renewal, renewEvery) {
		return false
	}
	p.renewal = p.work()
	return true
}

// work is what was done in this run, in steps.
func (p *pace) work() int {
	if p.light {
		return p.steps - p.tasks*(taskSteps-lightSteps)
	}
	return p.steps
}

// due tells whether so much was done since work was at a mark.
func (p *pace) due(ctx workflow.Context, mark, every int) bool {
	if p.work()-mark < every {
		return false
	}
	if !p.decided { // the first time: both marks are zero still
		p.decided, p.light = true, workflow.GetVersion(ctx, lightVersion, workflow.DefaultVersion, 1) >= 1
	}
	return p.work()-mark >= every
}

// yield gives the dispatcher a turn without an event in history.
func yield(ctx workflow.Context) {
	turned := false
	workflow.Go(ctx, func(workflow.Context) { turned = true })
	// The context of an Await that is cancelled only ends the yield early.
	_ = workflow.Await(ctx, func() bool { return turned })
}
