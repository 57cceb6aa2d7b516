package activities

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"

	"lazaret.dev/lazaret/activities/runners"
	"lazaret.dev/lazaret/activities/virt"
	"lazaret.dev/lazaret/sandbox"
)

// pythonModule is what "import lazaret" finds.
const pythonModule = "/lazaret/lib/lazaret.py"

var modules = map[bool]func() []byte{
	false: sync.OnceValue(func() []byte { return module("") }),
	true:  sync.OnceValue(func() []byte { return module(fmt.Sprintf("_DESCRIPTOR = %d\n", sandbox.ServiceFD)) }),
}

// moduleFor is the module of a script that can talk with the worker, or cannot.
func moduleFor(served bool) []byte { return modules[served]() }

// module completes the module with the operations: JSON of texts is Python too.
func module(more string) []byte {
	table := map[string][3]string{}
	for _, o := range virt.Operations() {
		names := make([]string, len(o.Parameters))
		for i, p := range o.Parameters {
			names[i] = p.Name
		}
		table[OperationFunction(o.Name)] = [3]string{o.Name, strings.Join(names, " "), o.Text}
	}
	operations, err := json.Marshal(table)
	if err != nil {
		panic("BUG: operations are no JSON: " + err.Error())
	}
	return fmt.Appendf(nil, "%s%s_OPERATIONS = %s\n", runners.Module, more, operations)
}

// OperationFunction is an operation's name in Python: domain.console-log is
// domain_console_log.
func OperationFunction(operation string) string {
	return strings.NewReplacer(".", "_", "-", "_").Replace(operation)
}
