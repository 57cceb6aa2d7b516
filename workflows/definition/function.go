package definition

import "lazaret.dev/lazaret/workflows/expression"

// CallFunction runs a function: a task that is written once and called by name,
// with an input of its own. It sees nothing of the caller but the context.
type CallFunction struct {
	Name string               // as the call writes it
	Task *Task                // the function, of use.functions; nil: it is elsewhere
	URL  string               // where its document is; "" with a Task
	With *expression.Template // the function's raw input; nil: {}
}

func (*CallFunction) kind() string { return "call.function" }

// Extension is what runs before and after each task of a kind.
type Extension struct {
	Name      string
	Reference string
	Extend    string                 // a kind, or "composite" or "all"
	When      *expression.Expression // nil: always; sees the extended task's raw input and $task
	Before    TaskList
	After     TaskList
}

// extends reports whether the task is of a kind that the extension is for.
func (x *Extension) extends(t *Task) bool {
	_, do := t.Raw["do"]
	_, loop := t.Raw["for"]
	_, fork := t.Raw["fork"]
	switch x.Extend {
	case "all":
		return true
	case "composite":
		return fork || do && !loop
	default:
		_, is := t.Raw[x.Extend]
		return is
	}
}
