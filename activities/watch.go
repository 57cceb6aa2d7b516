package activities

import (
	"context"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"lazaret.dev/lazaret/activities/contract"
)

// heartbeatEvery also bounds how late a cancellation reaches a program: the
// server answers it with the next heartbeat.
const heartbeatEvery = time.Second

// errWorkerStopped leaves the activity to be retried, here or elsewhere.
var errWorkerStopped = temporal.NewApplicationErrorWithOptions(
	"the worker stopped before the program ended", contract.WorkerStopped,
	temporal.ApplicationErrorOptions{Category: temporal.ApplicationErrorCategoryBenign})

// watch tells Temporal that the activity lives, and what alerts there are, and ends the returned context
// when the execution cancels the activity or when a stopping worker's grace is
// over; the context's cause says which, in Temporal's terms. The caller must
// release it.
func (p *Processes) watch(ctx context.Context, alerts *alerts) (watched context.Context, release func()) {
	return watch(ctx, alerts, p.Grace)
}

func watch(ctx context.Context, alerts *alerts, grace time.Duration) (watched context.Context, release func()) {
	watched, cancel := context.WithCancelCause(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		attend(ctx, watched, alerts, grace, cancel)
	}()
	return watched, func() { cancel(nil); <-ended }
}

func attend(ctx, watched context.Context, alerts *alerts, grace time.Duration, cancel context.CancelCauseFunc) {
	ticker := time.NewTicker(heartbeatEvery)
	defer ticker.Stop()
	stopping := activity.GetWorkerStopChannel(ctx)
	var over <-chan time.Time
	for {
		select {
		case <-watched.Done():
			return
		case <-ticker.C:
			activity.RecordHeartbeat(ctx, alerts.heartbeat()...)
		case <-alerts.news():
			activity.RecordHeartbeat(ctx, alerts.heartbeat()...)
		case <-stopping:
			stopping, over = nil, time.After(grace)
		case <-over:
			cancel(errWorkerStopped)
		}
	}
}
