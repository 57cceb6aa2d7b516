package definition

import (
	"slices"

	"lazaret.dev/lazaret/workflows/expression"
)

// vars are the names that enclosing loops and catches bind, outermost first.
type vars []string

// with is v and more names; v itself stays as it is.
func (v vars) with(names ...string) vars {
	all := slices.Clone(v)
	for _, name := range names {
		if name != "" && !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	return all
}

// The variables that the language binds, by where an expression stands. $secrets
// is left out but of callScope: a value computed elsewhere is recorded.
var (
	workflowInputVars  = []string{"workflow", "runtime"}
	workflowVars       = []string{"context", "workflow", "runtime"}
	taskInputVars      = []string{"context", "task", "workflow", "runtime", "authorization"}
	definitionVars     = []string{"context", "task", "workflow", "runtime", "authorization", "input"}
	outputVars         = []string{"context", "task", "workflow", "runtime", "authorization", "input", "output"}
	workflowInputScope = expression.NewScope(workflowInputVars...)
	workflowScope      = expression.NewScope(workflowVars...)
)

// inputScope is for if and input.from, which see no transformed input yet.
func (v vars) inputScope() expression.Scope { return expression.NewScope(taskInputVars...).With(v...) }

// definitionScope is for everything in a task's own definition.
func (v vars) definitionScope() expression.Scope {
	return expression.NewScope(definitionVars...).With(v...)
}

// callScope is for what an activity evaluates where the workflow must not: the
// arguments of a call, what a process is given.
func (v vars) callScope() expression.Scope { return v.definitionScope().With(secretVariable) }

// outputScope is for output.as and export.as.
func (v vars) outputScope() expression.Scope { return expression.NewScope(outputVars...).With(v...) }
