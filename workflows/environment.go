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
		Vars: map[string]any{
			"context":       e.state.Line.Context,
			"secrets":       map[string]any{},
			"authorization": nil,
			"workflow": map[string]any{
				"id":         e.id,
				"definition": e.def.Raw,
				"input":      e.state.Raw,
				"startedAt":  dateTime(e.state.Started),
			},
			"runtime": map[string]any{
				"name":     "lazaret",
				"version":  e.start.Runtime,
				"metadata": map[string]any{},
			},
		},
	}
}

// taskEnv is what a task's expressions may read before its body has run.
func (e *execution) taskEnv(ctx workflow.Context, s scope, t *definition.Task, f *frame) expression.Env {
	env := e.workflowEnv(ctx)
	bindAll(env.Vars, s.vars)
	started := env.Now
	if f.Task != nil && !f.Task.Started.IsZero() {
		started = f.Task.Started
	}
	env.Vars["context"] = s.line.Context
	env.Vars["task"] = map[string]any{
		"name":       t.Name,
		"reference":  t.Reference,
		"definition": t.Raw,
		"input":      f.Data,
		"startedAt":  dateTime(started),
	}
	return env
}

// bindAll sets the enclosing variables, the innermost last.
func bindAll(vars map[string]any, b *binding) {
	if b == nil {
		return
	}
	bindAll(vars, b.outer)
	vars[b.name] = b.value
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
