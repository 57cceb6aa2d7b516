package workflows

import (
	"encoding/json"
	"fmt"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/workflows/definition"
	"lazaret.dev/lazaret/workflows/expression"
)

// Telling is how much executions tell of themselves in lifecycle events.
type Telling int

// What is told: nothing, of executions, of their tasks too.
const (
	TellNothing Telling = iota
	TellWorkflows
	TellTasks
)

// The changes by which a history says what its execution tells.
const (
	tellWorkflowsVersion = "lifecycle.workflows"
	tellTasksVersion     = "lifecycle.tasks"
)

// decideTelling records what an execution tells, for as long as it lives: what
// the worker is set to when it begins. To tell nothing writes nothing to the
// history; a replay, on whatever worker, asks the history alone.
func decideTelling(ctx workflow.Context, set func() Telling) Telling {
	recorded := func(change string) bool {
		return workflow.GetVersion(ctx, change, workflow.DefaultVersion, 1) >= 1
	}
	most := TellTasks // in a replay, where GetVersion finds and never writes
	if !workflow.IsReplaying(ctx) {
		most = TellNothing
		if set != nil {
			most = set()
		}
	}
	if most < TellWorkflows || !recorded(tellWorkflowsVersion) {
		return TellNothing
	}
	if most < TellTasks || !recorded(tellTasksVersion) {
		return TellWorkflows
	}
	return TellTasks
}

// Bounds of what waits to be told, and of one activity.
const (
	maxTold      = 100
	maxToldBytes = 256 << 10
	maxUntold    = 400      // tasks wait when there are more
	maxToldValue = 32 << 10 // of an output that is told of
	tellAttempts = 40       // some six minutes, of workers that are there
)

// lifecycle tells of what happens to an execution, each thing once: the events
// have ids of their own, counted in the state. They go out in order, many in one
// activity, while the flow goes on. A nil lifecycle tells nothing.
type lifecycle struct {
	e       *execution
	state   *telling
	task    contract.TaskID
	waiting []json.RawMessage
	bytes   int
	sending bool
}

// telling is what an execution has told. It travels when the run continues as new.
type telling struct {
	Telling Telling `json:"telling"` // decided once, by the first run
	Events  int     `json:"events"`  // so far
	// Standing are the tasks that were told to be suspended, by reference.
	Standing []string `json:"standing,omitempty"`
}

// newLifecycle begins to tell, or goes on with what an earlier run decided.
func newLifecycle(ctx workflow.Context, e *execution, set func() Telling) *lifecycle {
	first := len(e.start.State) == 0
	if first {
		e.state.Told.Telling = decideTelling(ctx, set)
	}
	if e.state.Told.Telling == TellNothing {
		return nil
	}
	l := &lifecycle{e: e, state: &e.state.Told, task: e.taskID(&definition.Task{})}
	// What an execution that is cancelled has to tell goes out all the same.
	away, _ := workflow.NewDisconnectedContext(ctx)
	workflow.GoNamed(away, "lifecycle", l.send)
	if first {
		l.began(ctx)
	}
	return l
}

// send brings what waits to the router.
func (l *lifecycle) send(ctx workflow.Context) {
	options := eventOptions("lifecycle")
	options.RetryPolicy.MaximumAttempts = tellAttempts
	active := workflow.WithActivityOptions(ctx, options)
	for {
		if err := workflow.Await(ctx, func() bool { return len(l.waiting) > 0 }); err != nil {
			return
		}
		n, size := 0, 0
		for n < len(l.waiting) && n < maxTold && (n == 0 || size+len(l.waiting[n]) <= maxToldBytes) {
			size += len(l.waiting[n])
			n++
		}
		request := contract.LifecycleRequest{Task: l.task, Events: l.waiting[:n:n]}
		l.waiting, l.bytes, l.sending = l.waiting[n:], l.bytes-size, true
		if err := workflow.ExecuteActivity(active, contract.TellLifecycle, request).Get(ctx, nil); err != nil {
			workflow.GetLogger(ctx).Warn("lifecycle events not told", "error", err)
		}
		l.sending = false
	}
}

// keepUp waits while too much waits to be told.
func (l *lifecycle) keepUp(ctx workflow.Context) error {
	if l == nil || len(l.waiting) < maxUntold && l.bytes < 2*maxToldBytes {
		return nil
	}
	return workflow.Await(ctx, func() bool { return len(l.waiting) < maxTold && l.bytes < maxToldBytes })
}

// flush waits until all is told.
func (l *lifecycle) flush(ctx workflow.Context) {
	away, done := workflow.NewDisconnectedContext(ctx)
	defer done()
	_ = workflow.Await(away, l.idle)
}

// idle says that all is told.
func (l *lifecycle) idle() bool { return l == nil || len(l.waiting) == 0 && !l.sending }

// workflow tells of the execution: what is a transition, such as "started", at
// the moment named at.
func (l *lifecycle) workflow(ctx workflow.Context, what, at string, more map[string]any) {
	if l == nil {
		return
	}
	data := map[string]any{"name": l.name(), at: moment(ctx)}
	l.add(ctx, contract.LifecycleWorkflow, what, data, more)
}

// tasked tells of a task.
func (l *lifecycle) tasked(ctx workflow.Context, t *definition.Task, what, at string, more map[string]any) {
	if l == nil || l.state.Telling < TellTasks {
		return
	}
	l.add(ctx, contract.LifecycleTask, what, l.aboutTask(ctx, t.Reference, at), more)
}

func (l *lifecycle) aboutTask(ctx workflow.Context, reference, at string) map[string]any {
	return map[string]any{"workflow": l.name(), "task": reference, at: moment(ctx)}
}

// name is the execution's qualified name (DSL, "Workflow Started Event").
func (l *lifecycle) name() string {
	doc := l.e.def.Document
	return fmt.Sprintf("%s-%s.%s", doc.Name, l.e.id, doc.Namespace)
}

func moment(ctx workflow.Context) string { return now(ctx).Format("2006-01-02T15:04:05.000Z") }

func (l *lifecycle) add(ctx workflow.Context, about, what string, data, more map[string]any) {
	for _, key := range workflow.DeterministicKeys(more) {
		data[key] = more[key]
	}
	doc := l.e.def.Document
	l.state.Events++
	text, err := expression.Encode(map[string]any{
		"specversion": "1.0", "id": eventID(ctx, "lifecycle", l.state.Events),
		"source": fmt.Sprintf("/%s/%s/%s", doc.Namespace, doc.Name, doc.Version), "subject": l.e.id,
		"type": contract.LifecycleType(about, what), "time": moment(ctx), "datacontenttype": "application/json", "data": data,
	})
	if err != nil {
		return // of our own values
	}
	l.waiting, l.bytes = append(l.waiting, text), l.bytes+len(text)
}

// began tells that the execution has started.
func (l *lifecycle) began(ctx workflow.Context) {
	doc := l.e.def.Document
	l.workflow(ctx, "started", "startedAt", map[string]any{
		"definition": map[string]any{"namespace": doc.Namespace, "name": doc.Name, "version": doc.Version},
	})
}

// ended tells how the execution ended, and waits until all is told.
func (l *lifecycle) ended(ctx workflow.Context, output any, err error) {
	switch {
	case l == nil:
		return
	case err == nil:
		l.workflow(ctx, "completed", "completedAt", told("output", output))
	case temporal.IsCanceledError(err):
		l.workflow(ctx, "cancelled", "cancelledAt", nil)
	default:
		l.workflow(ctx, "faulted", "faultedAt", map[string]any{"error": errorObject(asFault(err))})
	}
	l.flush(ctx)
}

// left tells how a task ended other than well.
func (l *lifecycle) left(ctx workflow.Context, t *definition.Task, err error) {
	switch {
	case l == nil:
	case temporal.IsCanceledError(err):
		l.tasked(ctx, t, "cancelled", "cancelledAt", nil)
	case catchable(err):
		l.tasked(ctx, t, "faulted", "faultedAt", map[string]any{"error": errorObject(asFault(err))})
	}
}

// told is a value under its name, unless it is too large to be told.
func told(name string, value any) map[string]any {
	text, err := expression.Encode(value)
	if err != nil || len(text) > maxToldValue {
		return nil
	}
	return map[string]any{name: value}
}

// correlated tells that a listen has ended, and by which values.
func (l *lifecycle) correlated(ctx workflow.Context, keys map[string]any) {
	var more map[string]any
	if len(keys) > 0 {
		more = map[string]any{"correlationKeys": keys}
	}
	l.workflow(ctx, "correlation-completed", "completedAt", more)
}
