package workflows

import (
	"strings"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/workflows/definition"
)

// The states of an execution and of a task, as people see them.
const (
	pending   = "pending"
	running   = "running"
	completed = "completed"
	skipped   = "skipped"
	faulted   = "faulted"
	cancelled = "cancelled"
	held      = contract.HeldState // an execution whose definition is in quarantine
)

// progress is what people see of an execution: one entry a task of the
// definition, however often it runs, so that its size never grows.
type progress struct {
	definition string
	status     string
	held       string // why it holds
	fault      *contract.Fault
	tasks      []contract.TaskState
	starts     int                      // of tasks, so far
	place      map[*definition.Task]int // in tasks
	approvals  func() []contract.Approvable
}

func newProgress(def *definition.Definition) *progress {
	p := &progress{
		definition: TypeName(def.Document) + ":" + def.Document.Version,
		status:     running,
		place:      map[*definition.Task]int{},
		approvals:  func() []contract.Approvable { return nil },
	}
	for _, list := range def.Lists() {
		p.add(list, 0)
	}
	return p
}

func (p *progress) add(list definition.TaskList, depth int) {
	for _, t := range list {
		p.place[t] = len(p.tasks)
		p.tasks = append(p.tasks, contract.TaskState{
			Reference: t.Reference, Name: t.Name, Kind: t.Kind(), Depth: depth, Status: pending,
		})
		for _, inner := range t.Lists() {
			p.add(inner, depth+1)
		}
	}
}

// restore shows what an earlier run of the execution has done.
func (p *progress) restore(tasks []contract.TaskState) {
	if len(tasks) == len(p.tasks) {
		copy(p.tasks, tasks)
	}
	for _, t := range p.tasks {
		p.starts = max(p.starts, t.Order)
	}
}

// answer registers the state query.
func (p *progress) answer(ctx workflow.Context, approvals func() []contract.Approvable) error {
	p.approvals = approvals
	return workflow.SetQueryHandlerWithOptions(ctx, contract.StateQuery, func() (contract.State, error) {
		return contract.State{Definition: p.definition, Status: p.status, Held: p.held, Tasks: p.tasks, Fault: p.fault, Approvals: approvals()}, nil
	}, workflow.QueryHandlerOptions{Description: "where the execution stands, task by task"})
}

// at is where a task's progress is kept. Tasks of functions that are kept
// elsewhere have none: what runs them shows it.
func (p *progress) at(t *definition.Task) *contract.TaskState {
	if i, known := p.place[t]; known {
		return &p.tasks[i]
	}
	return &contract.TaskState{}
}

func (p *progress) started(t *definition.Task) {
	state := p.at(t)
	state.Status, state.Item, state.Items, state.Retry = running, 0, 0, 0
	state.Runs++
	p.starts++
	state.Order = p.starts
}

// awaits shows that a task waits for a person, or does so no more.
func (p *progress) awaits(t *definition.Task, is bool) {
	p.at(t).Status = running
	if is {
		p.at(t).Status = contract.AwaitingApproval
	}
	p.status = running
	if len(p.approvals()) > 0 {
		p.status = contract.AwaitingApproval
	}
}

func (p *progress) completed(t *definition.Task)       { p.at(t).Status = completed }
func (p *progress) skipped(t *definition.Task)         { p.at(t).Status = skipped }
func (p *progress) retrying(t *definition.Task, n int) { p.at(t).Retry = n }
func (p *progress) degraded(t *definition.Task, without []string) {
	p.at(t).Degraded = strings.Join(without, ",")
}
func (p *progress) item(t *definition.Task, n, of int) { p.at(t).Item, p.at(t).Items = n, of }

func (p *progress) failed(t *definition.Task, err error) {
	switch {
	case temporal.IsCanceledError(err):
		p.at(t).Status = cancelled
	case catchable(err):
		p.at(t).Status = faulted
	}
}

// end records how the execution ended.
func (p *progress) end(err error) {
	contract.Ended(p.tasks)
	p.held = ""
	switch {
	case err == nil:
		p.status = completed
	case temporal.IsCanceledError(err):
		p.status = cancelled
	default:
		p.status, p.fault = faulted, asFault(err)
	}
}

// publish shows the progress as the execution's current details in the UI. It
// writes nothing to history; call it before anything that blocks.
func (p *progress) publish(ctx workflow.Context) {
	workflow.SetCurrentDetails(ctx, p.markdown())
}
