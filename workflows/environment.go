package workflows

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/workflow"

	"lazaret.dev/lazaret/workflows/definition"
	"lazaret.dev/lazaret/workflows/expression"
)

// workflowEnv is what the definition's own expressions may read.
func (e *execution) workflowEnv(ctx workflow.Context) expression.Env {
	return expression.Env{
		Now:   now(ctx),
		Steps: &e.pace.steps,
		Vars:  map[string]any{"context": e.state.Line.Context},
		Late:  aboutExecution{e},
	}
}

// aboutExecution gives the variables that are about the execution.
type aboutExecution struct{ *execution }

func (a aboutExecution) Read(name string) any { return a.describe(name) }

// describe gives the variables that are about the execution.
func (e *execution) describe(name string) any {
	switch name {
	case "workflow":
		return map[string]any{
			"id":         e.id,
			"definition": e.def.Raw,
			"input":      e.state.Raw,
			"startedAt":  dateTime(e.state.Started),
		}
	case "runtime":
		return map[string]any{"name": "lazaret", "version": e.start.Runtime, "metadata": map[string]any{}}
	case "secrets":
		return map[string]any{}
	}
	return nil
}

// taskEnv is what a task's expressions may read: before its body has run, and, once
// f.Task has begun, its transformed input.
func (e *execution) taskEnv(ctx workflow.Context, s scope, t *definition.Task, f *frame) expression.Env {
	v := &f.lent().view
	*v = view{
		execution: e, scope: s, context: s.line.Context, exports: s.line.exports, task: t, frame: f, input: f.Data, started: now(ctx),
	}
	env := expression.Env{Now: v.started, Steps: &e.pace.steps, Late: v}
	if v.begun() {
		v.started = f.Task.Started
	}
	return env
}

// view gives a task's variables when they are read: most tasks read few.
type view struct {
	*execution
	scope          scope
	task           *definition.Task
	frame          *frame
	context, input any // of when the task began
	exports        int // of its line, until then
	started        time.Time
}

func (v *view) begun() bool { return v.frame.Task != nil && !v.frame.Task.Started.IsZero() }

// Read implements expression.Variables.
func (v *view) Read(name string) any {
	switch {
	case name == "context":
		return v.context
	case name == "input" && v.begun():
		return v.frame.Task.Input
	case name == "task":
		return describeTask(v.task, v.input, v.started)
	}
	if value, bound := v.scope.vars.find(name); bound {
		return value
	}
	return v.describe(name)
}

// assign gives a variable a value of its own.
func assign(env *expression.Env, name string, value any) {
	if env.Vars == nil {
		env.Vars = map[string]any{}
	}
	env.Vars[name] = value
}

// describeTask is $task, before the body has run.
func describeTask(t *definition.Task, input any, started time.Time) map[string]any {
	return map[string]any{
		"name":       t.Name,
		"reference":  t.Reference,
		"definition": t.Raw,
		"input":      input,
		"startedAt":  dateTime(started),
	}
}

// withOutput has $task show the body's output.
type withOutput struct {
	expression.Variables
	output any
}

func (w withOutput) Read(name string) any {
	value := w.Variables.Read(name)
	if task, ok := value.(map[string]any); ok && name == "task" {
		task["output"] = w.output
	}
	return value
}

// find is the innermost variable of a name.
func (b *binding) find(name string) (value any, bound bool) {
	for ; b != nil; b = b.outer {
		switch name {
		case b.at:
			return b.index, true
		case b.name:
			return b.value, true
		}
	}
	return nil, false
}

// dateTime is a moment as the DSL shows it to expressions.
func dateTime(t time.Time) map[string]any {
	t = t.UTC()
	return map[string]any{
		"iso8601": t.Format("2006-01-02T15:04:05.000Z"),
		"epoch": map[string]any{
			"seconds":      int(t.Unix()),
			"milliseconds": int(t.UnixMilli()),
		},
	}
}

// evaluate gives the template's value, or the input unchanged when there is no template.
func evaluate(t *expression.Template, input any, env expression.Env, reference string) (any, error) {
	if t == nil {
		return input, nil
	}
	value, err := t.Evaluate(input, env)
	if err != nil {
		return nil, expressionFault(reference, err)
	}
	return value, nil
}

// holds tells whether a condition is true.
func holds(condition *expression.Expression, input any, env expression.Env, reference string) (bool, error) {
	value, err := condition.Evaluate(input, env)
	if err != nil {
		return false, expressionFault(reference, err)
	}
	return expression.Truthy(value), nil
}

// duration gives a duration's length; an expression must yield ISO 8601 text.
func (e *execution) duration(d definition.Duration, input any, env expression.Env, reference string) (time.Duration, error) {
	if d.Dynamic == nil {
		return d.Fixed, nil
	}
	value, err := d.Dynamic.Evaluate(input, env)
	if err != nil {
		return 0, expressionFault(reference, err)
	}
	text, ok := value.(string)
	if !ok {
		return 0, expressionFault(reference, fmt.Errorf("a duration must be ISO 8601 text, not %s", kindOf(value)))
	}
	length, err := definition.ParseDuration(text)
	if err != nil {
		return 0, expressionFault(reference, err)
	}
	return length, nil
}

// kindOf names a value's JSON type, with its article.
func kindOf(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case bool:
		return "a boolean"
	case string:
		return "a string"
	case []any:
		return "an array"
	case map[string]any:
		return "an object"
	}
	return "a number"
}
