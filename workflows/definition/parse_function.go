package definition

import (
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// ParseFunction reads and checks the document of a function that is kept
// elsewhere: one task. It refers to nothing of the definition that calls it.
// The error is Findings, as that of Parse; name stands in them as the file. The
// same bytes always give the same Task.
func ParseFunction(name string, text []byte) (*Task, error) {
	c := newChecker(name)
	root := c.read(text)
	if root.exists() {
		c.validateWith(taskSchema(), root)
	}
	var t *Task
	if root.is(objectNode) {
		c.mode = "strict"
		t = c.task(entry{root, "function"}, siblings{}, nil)
		t.Reference = "/"
	}
	if errs := c.done().Errors(); len(errs) > 0 {
		return nil, errs
	}
	return t, nil
}

// taskSchema is the part of our schema for one task.
var taskSchema = sync.OnceValue(func() *jsonschema.Schema {
	return compileDocumentSchema(documentURL, "#/$defs/task")
})
