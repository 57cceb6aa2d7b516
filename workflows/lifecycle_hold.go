package workflows

import (
	"slices"

	"go.temporal.io/sdk/workflow"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/workflows/definition"
)

// held tells that the execution holds, or goes on with the tasks that stood.
func (l *lifecycle) held(ctx workflow.Context, is bool) {
	switch {
	case l == nil:
	case is:
		l.workflow(ctx, "suspended", "suspendedAt", nil)
	default:
		l.workflow(ctx, "resumed", "resumedAt", nil)
		for _, reference := range l.state.Standing {
			l.add(ctx, contract.LifecycleTask, "resumed", l.aboutTask(ctx, reference, "resumedAt"), nil)
		}
		l.state.Standing = nil
	}
}

// inTask is the key under which a context has the task that it runs.
type inTask struct{}

// runningTask is a task that runs, with those around it.
type runningTask struct {
	task  *definition.Task
	outer *runningTask
}

// within is the context for what runs in a task.
func (l *lifecycle) within(ctx workflow.Context, t *definition.Task) workflow.Context {
	if l == nil || l.state.Telling < TellTasks {
		return ctx
	}
	outer, _ := ctx.Value(inTask{}).(*runningTask)
	return workflow.WithValue(ctx, inTask{}, &runningTask{t, outer})
}

// stands tells, the outermost first, of the tasks that a line of control stands
// in while the execution holds: each once, until it is resumed.
func (l *lifecycle) stands(ctx workflow.Context) {
	if l == nil || l.state.Telling < TellTasks {
		return
	}
	var line []*definition.Task
	running, _ := ctx.Value(inTask{}).(*runningTask)
	for ; running != nil; running = running.outer {
		line = append(line, running.task)
	}
	for _, t := range slices.Backward(line) {
		if !slices.Contains(l.state.Standing, t.Reference) {
			l.state.Standing = append(l.state.Standing, t.Reference)
			l.tasked(ctx, t, "suspended", "suspendedAt", nil)
		}
	}
}
