package workflows

import (
	"time"

	"lazaret.dev/lazaret/activities/contract"
)

// frame is where the flow stands in one task list. Frames are plain data: they
// travel as JSON when a run continues as new.
type frame struct {
	Index int       `json:"index"`          // the task that is next, or under way
	Data  any       `json:"data"`           // that task's raw input
	Task  *underWay `json:"task,omitempty"` // set while that task's body runs

	spare *spare // of the tasks before, for the next
}

// spare is what a frame's tasks need one after the other: nothing keeps it beyond its task.
type spare struct {
	task underWay
	view view
}

func (f *frame) lent() *spare {
	if f.spare == nil {
		f.spare = &spare{}
	}
	return f.spare
}

// fresh is a task that has not begun.
func (f *frame) fresh() *underWay {
	task := &f.lent().task
	*task = underWay{worn: task.worn}
	return task
}

// wear leaves data that nobody holds any more to the list's only task, a set task that
// made it, and has just made other data which does not hold it either.
func (f *frame) wear(data any) {
	task := &f.lent().task
	if object, is := data.(map[string]any); is && task.alone {
		task.worn = object
	}
}

// restart begins the list again, with other data.
func (f *frame) restart(data any) { *f = frame{Data: data, spare: f.spare} }

// underWay is a task in the middle of its body.
type underWay struct {
	Input    any       `json:"input"` // transformed input
	Started  time.Time `json:"started"`
	Deadline time.Time `json:"deadline,omitzero"` // of the task's timeout
	// At most one of these is set, by kind.
	List     *frame    `json:"list,omitempty"`     // do, call.function
	Loop     *loop     `json:"loop,omitempty"`     // for
	Attempt  *attempt  `json:"attempt,omitempty"`  // try
	Branches []*branch `json:"branches,omitempty"` // fork
	Until    time.Time `json:"until,omitzero"`     // wait
	Listen   *hearing  `json:"listen,omitempty"`   // listen
	// Consuming is a call that takes messages.
	Consuming *consuming `json:"consuming,omitempty"`
	// Approval is what waits for a person; libvirt
	Approval *contract.Approvable `json:"approval,omitempty"`
	// Extend is set beside it where extensions are around the task.
	Extend *extending `json:"extend,omitempty"`

	// Of a set task, see frame.wear: what it may fill, and whether what it made is alone.
	worn  map[string]any
	alone bool
}

// loop is the state of a for task between two items.
type loop struct {
	Items []any  `json:"items"`
	Index int    `json:"index"`
	Body  *frame `json:"body"`
}

// attempt is the state of a try task.
type attempt struct {
	Retries  int            `json:"retries"`
	Started  time.Time      `json:"started"`           // of the first attempt
	Deadline time.Time      `json:"deadline,omitzero"` // of this attempt
	NextAt   time.Time      `json:"nextAt,omitzero"`   // the retry that is being waited for
	Body     *frame         `json:"body,omitempty"`    // the tasks tried
	Handler  *frame         `json:"handler,omitempty"` // catch.do, once it has begun
	Error    map[string]any `json:"error,omitempty"`   // what catch.do handles
}

// branch is one branch of a fork. It has a context of its own.
type branch struct {
	Body  *frame          `json:"body"`
	Line  line            `json:"line"`
	Done  bool            `json:"done,omitempty"`
	Fault *contract.Fault `json:"fault,omitempty"` // with which it ended
}

// line is one line of control: the execution's own, or a branch's.
type line struct {
	Context any `json:"context"` // $context
	// exports counts those of this run, by which a task sees that there were some in it.
	exports int
}

// snapshot is all that a run hands to the one that continues it.
type snapshot struct {
	Started    time.Time            `json:"started"` // of the first run
	Raw        any                  `json:"raw"`     // $workflow.input
	Input      any                  `json:"input"`   // transformed
	Line       line                 `json:"line"`
	Body       *frame               `json:"body"`
	Drawn      uint64               `json:"drawn"`                // random numbers drawn so far
	Children   int                  `json:"children"`             // children started so far
	Tasks      []contract.TaskState `json:"tasks,omitempty"`      // what people see of them
	Violations int                  `json:"violations,omitempty"` // seen so far
	// What scripts of this execution needed and got, see prepareScript.
	Scripts map[string]string `json:"scripts,omitempty"`
	Locks   map[string]string `json:"locks,omitempty"`
	// Functions are those that were fetched, by URL.
	Functions map[string]contract.FetchedFunction `json:"functions,omitempty"`
	// Published are the definitions that run.workflow tasks found, by reference.
	Published map[string]contract.Source `json:"published,omitempty"`
	// What has to do with events.
	Emitted int    `json:"emitted,omitempty"` // events emitted so far
	Inbox   *inbox `json:"inbox,omitempty"`   // of an execution that listens
	// Recovery is what is done about errors; nil: nothing.
	Recovery *contract.Recovery `json:"recovery,omitempty"`
	// TellErrors has the ledger told of the error that the execution ends in.
	TellErrors bool `json:"tellErrors,omitempty"`
	// Obeyed is what the definition's ledger has said.
	Obeyed obeyed `json:"obeyed,omitzero"`
	// Told is what lifecycle events have told.
	Told telling `json:"told,omitzero"`
}
