package definition

import (
	"time"

	"lazaret.dev/lazaret/workflows/expression"
)

// Definition is a parsed and checked document. It is immutable: executions share it.
type Definition struct {
	Document Document
	Input    Input
	Output   Output
	Do       TaskList
	// Functions are those of use.functions; CallFunction refers to them.
	Functions TaskList
	// Extensions are those of use.extensions; tasks refer to them.
	Extensions []*Extension
	Timeout    *Timeout
	Schedule   *Schedule       // nil: none
	Secrets    []string        // use.secrets
	Mode       expression.Mode // evaluate.mode
	// StartOn are the events that start executions (schedule.on); nil: none do.
	StartOn *Listen
	// Raw is the document as a JSON tree: what $workflow.definition shows.
	Raw map[string]any
	// Source is the document's bytes as they were read, and Digest their SHA-256 in hex.
	Source []byte
	Digest string
}

// Document identifies a definition.
type Document struct {
	DSL, Namespace, Name, Version string
	Title, Summary                string
	Tags                          map[string]any
	Metadata                      map[string]any
}

// Position is a place in the source, both counted from 1; the zero value means unknown.
type Position struct{ Line, Column int }

// TaskList is an ordered list of named tasks; names are unique within it.
type TaskList []*Task

// Task is one named entry of a task list. Every kind shares all fields but Body.
type Task struct {
	Name      string
	Reference string // JSON pointer in the document: /do/0/fetch
	Position  Position
	If        *expression.Expression // nil: always
	Input     Input
	Output    Output
	Export    Export
	Timeout   *Timeout // nil: none
	Then      Then
	Metadata  map[string]any
	Raw       map[string]any // the task's own JSON tree: what $task.definition shows
	Body      Body
	// Extensions are around this task, in the order in which they run.
	Extensions []*Extension
}

// Kind is the task's kind as the DSL and the Temporal UI name it: "set", "run.script".
func (t *Task) Kind() string { return t.Body.kind() }

// Input shapes what a workflow or task receives: Schema checks the raw input, From transforms it.
type Input struct {
	Schema *Schema              // nil: anything
	From   *expression.Template // nil: unchanged
}

// Output shapes what a workflow or task gives: As transforms the raw output, Schema checks the result.
type Output struct {
	As     *expression.Template
	Schema *Schema
}

// Export replaces the context: As computes the new one, Schema checks it.
type Export struct {
	As     *expression.Template
	Schema *Schema
}

// Timeout is a timeout after which a workflow or task faults.
type Timeout struct{ After Duration }

// Duration is a literal or an expression that yields an ISO 8601 duration.
type Duration struct {
	Fixed   time.Duration
	Dynamic *expression.Expression // non-nil: evaluate it, then ParseDuration
}

// Directive is where the flow goes after a task.
type Directive int

// The flow directives.
const (
	Continue Directive = iota // the next task of the list
	Exit                      // complete the current scope
	End                       // complete the workflow
	Goto                      // the task at Then.Target of the same list
)

// Then is a flow directive with its target. The zero value is Continue.
type Then struct {
	Directive Directive `json:"directive"`
	Target    int       `json:"target"` // index in the same list; Goto only
	Name      string    `json:"name"`   // the target's name; Goto only
}

// Body is what a task does. It is sealed: one struct a kind.
//
//sumtype:decl
type Body interface{ kind() string }

// The kinds of task that this version runs.
type (
	// Do runs a sub-list in order.
	Do struct{ Tasks TaskList }

	// Set replaces the data with a value.
	Set struct{ Value *expression.Template }

	// Switch goes where its first true case says.
	Switch struct{ Cases []Case } // default, if any, is last

	// For runs a sub-list once per item.
	For struct {
		Each, At string               // variable names, without "$"
		In       *expression.Template // yields an array
		While    *expression.Expression
		Do       TaskList
	}

	// Fork runs branches at the same time.
	Fork struct {
		Branches TaskList
		Compete  bool
	}

	// Try runs a sub-list and handles its errors.
	Try struct {
		Tasks TaskList
		Catch Catch
	}

	// Raise faults with an error.
	Raise struct{ Error ErrorTemplate }

	// Wait lets time pass.
	Wait struct{ For Duration }

	// RunScript runs a script in a sandbox.
	RunScript struct {
		Language    string               // "python", "js"
		Code        *expression.Template // a constant unless the whole string is one expression; nil with a Source
		Source      *ScriptSource        // nil: the script is Code
		Python      Python               // of python scripts
		Stdin       *expression.Template // nil: empty
		Arguments   *expression.Template // nil: none; yields a map or a list
		Environment *expression.Template // nil: none; yields a map
		Await       bool
		Return      Return
		CodeAt      Position // of the code's first line, to place a script's own errors
	}

	// RunShell runs a shell command in a sandbox.
	RunShell struct {
		Command     *expression.Template
		Stdin       *expression.Template
		Arguments   *expression.Template
		Environment *expression.Template
		Await       bool
		Return      Return
	}

	// Libvirt asks for one operation on virtual machines.
	Libvirt struct {
		Operation string               // such as domain.start
		With      *expression.Template // nil: {}; yields an object
	}

	// Call calls something outside by one of the DSL's protocols.
	Call struct {
		Protocol string // such as "http"
		With     []Argument
		// Subscription is what a call takes that does not answer; nil: it answers.
		Subscription *Subscription
	}

	// Emit publishes an event.
	Emit struct {
		Event *expression.Template // yields an object: the event's attributes, with data
	}

	// Listen waits for events.
	Listen struct {
		To   Strategy
		Read Read
		Each *EventLoop // foreach; nil: none
	}

	// RunWorkflow runs another definition as a child execution.
	RunWorkflow struct {
		Namespace, Name, Version string
		Input                    *expression.Template // nil: {}
		Await                    bool
	}
)

func (*Do) kind() string          { return "do" }
func (*Set) kind() string         { return "set" }
func (*Switch) kind() string      { return "switch" }
func (*For) kind() string         { return "for" }
func (*Fork) kind() string        { return "fork" }
func (*Try) kind() string         { return "try" }
func (*Raise) kind() string       { return "raise" }
func (*Wait) kind() string        { return "wait" }
func (*RunScript) kind() string   { return "run.script" }
func (*RunShell) kind() string    { return "run.shell" }
func (*Emit) kind() string        { return "emit" }
func (*Listen) kind() string      { return "listen" }
func (*RunWorkflow) kind() string { return "run.workflow" }
func (b *Libvirt) kind() string   { return libvirtPrefix + b.Operation }
func (b *Call) kind() string      { return "call." + b.Protocol }

// Activity is the type of the activity that makes the call.
func (b *Call) Activity() string { return b.kind() }

// Case is one case of a switch.
type Case struct {
	Name string
	When *expression.Expression // nil: the default
	Then Then
}

// Catch says which errors a try handles, and how.
type Catch struct {
	Filter     *ErrorFilter // nil: every error
	As         string       // variable name; "error" unless named
	When       *expression.Expression
	ExceptWhen *expression.Expression
	Retry      *Retry
	Do         TaskList
	Then       *Then // nil: none written
}

// ErrorFilter matches errors whose every given property is equal; type URIs match in any of their known forms.
type ErrorFilter struct {
	Type     string
	Status   int // 0: any
	Instance string
	Title    string
	Detail   string
}

// Backoff is how the delay grows with each retry.
type Backoff string

// The backoffs.
const (
	Constant    Backoff = "constant"
	Linear      Backoff = "linear"
	Exponential Backoff = "exponential"
)

// Retry is a retry policy. Nil durations mean none.
type Retry struct {
	When, ExceptWhen     *expression.Expression
	Delay                *Duration
	Backoff              Backoff // Constant unless written
	Attempts             int     // retries after the first execution; 0: no limit
	AttemptDuration      *Duration
	LimitDuration        *Duration
	JitterFrom, JitterTo *Duration
}

// ErrorTemplate makes an error object: each part a literal or an expression.
type ErrorTemplate struct {
	Type, Title, Detail, Instance *expression.Template // nil: absent
	Status                        *expression.Template
}

// Return is what a process gives as its output.
type Return string

// The forms of run.return.
const (
	ReturnStdout Return = "stdout"
	ReturnStderr Return = "stderr"
	ReturnCode   Return = "code"
	ReturnAll    Return = "all"
	ReturnNone   Return = "none"
)
