package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"
)

// pace keeps a flow that has no effects from holding its worker.
type pace struct{ tasks int }

const (
	// yieldEvery is how many tasks run between two yields, which write nothing
	// to history. The SDK takes a coroutine that runs for a second without one
	// for deadlocked; a task costs tens of microseconds.
	yieldEvery = 500
	// restEvery is how many tasks run before a short durable timer ends the
	// workflow task, whose own limit is 10 s: an endless loop stays cancellable.
	restEvery = 25_000
	rest      = time.Millisecond
)

func (p *pace) breathe(ctx workflow.Context) error {
	p.tasks++
	if p.tasks%restEvery == 0 {
		return workflow.NewTimerWithOptions(ctx, rest, workflow.TimerOptions{Summary: "pause in a long loop"}).Get(ctx, nil)
	}
	if p.tasks%yieldEvery == 0 {
		yield(ctx)
	}
	return nil
}

// yield gives the dispatcher a turn without an event in history.
func yield(ctx workflow.Context) {
	turned := false
	workflow.Go(ctx, func(workflow.Context) { turned = true })
	// The context of an Await that is cancelled only ends the yield early.
	_ = workflow.Await(ctx, func() bool { return turned })
}
