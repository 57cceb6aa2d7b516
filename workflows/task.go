package workflows

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/workflow"

	"lazaret.dev/lazaret/workflows/definition"
	"lazaret.dev/lazaret/workflows/expression"
)

// runTask carries data through the steps that every task shares, in the
// specification's order (DSL §"Data flow"): if, input.schema, input.from, the
// body, output.as, output.schema, export.as, export.schema, then. Extensions run
// between if and all the rest, and before then. No kind bypasses it and none
// repeats it. The task is the one at f.Index, its raw input f.Data; f.Task holds
// its place while it runs.
func (e *execution) runTask(ctx workflow.Context, s scope, t *definition.Task, f *frame) (any, definition.Then, error) {
	env := e.taskEnv(ctx, s, t, f)
	if f.Task == nil {
		admitted, err := e.admit(ctx, t, f, env)
		if err != nil || !admitted {
			return f.Data, definition.Then{}, e.left(ctx, t, err)
		}
		f.Task = f.fresh()
	}
	if f.Task.Started.IsZero() {
		output, then, bypassed, err := e.extendBefore(ctx, s, t, f, env)
		if err == nil && bypassed {
			e.completed(ctx, t, output)
			return output, then, nil
		}
		if err == nil {
			if len(t.Extensions) > 0 { // they may have replaced the context
				env = e.taskEnv(ctx, s, t, f)
			}
			err = e.begin(t, f, env)
		}
		if err != nil {
			return nil, definition.Then{}, e.left(ctx, t, err)
		}
	}
	output, then, err := e.runAround(e.lifecycle.within(ctx, t), s, t, f.Task, env)
	if err != nil {
		return nil, definition.Then{}, e.left(ctx, t, locate(err, t.Reference))
	}
	e.completed(ctx, t, output)
	return output, then, nil
}

// completed notes that a task ended well.
func (e *execution) completed(ctx workflow.Context, t *definition.Task, output any) {
	e.progress.completed(t)
	if e.lifecycle != nil {
		e.lifecycle.tasked(ctx, t, "completed", "completedAt", told("output", output))
	}
}

// runAround runs the body and what extensions run after it.
func (e *execution) runAround(ctx workflow.Context, s scope, t *definition.Task, u *underWay, env expression.Env) (any, definition.Then, error) {
	if u.Extend != nil && u.Extend.Left {
		return e.extendAfter(ctx, s, t, u)
	}
	output, then, err := e.runBodyInTime(ctx, s, t, u, env)
	if err == nil {
		output, err = e.leave(ctx, s, t, output, env)
	}
	if err != nil || u.Extend == nil {
		return output, then, err
	}
	u.Extend.Left, u.Extend.Output, u.Extend.Then = true, output, then
	return e.extendAfter(ctx, s, t, u)
}

// admit decides whether the task runs.
func (e *execution) admit(ctx workflow.Context, t *definition.Task, f *frame, env expression.Env) (bool, error) {
	if t.If != nil {
		runs, err := holds(t.If, f.Data, env, t.Reference)
		if err != nil {
			return false, err
		}
		if !runs {
			e.progress.skipped(t)
			return false, nil
		}
	}
	e.progress.started(t)
	e.lifecycle.tasked(ctx, t, "created", "createdAt", nil)
	e.lifecycle.tasked(ctx, t, "started", "startedAt", nil)
	return true, nil
}

// begin checks and transforms the task's input.
func (e *execution) begin(t *definition.Task, f *frame, env expression.Env) error {
	if err := t.Input.Schema.Validate(f.Data); err != nil {
		return validationFault(t.Reference, fmt.Sprintf("input: %v", err))
	}
	input, err := evaluate(t.Input.From, f.Data, env, t.Reference)
	if err != nil {
		return err
	}
	f.Task.Input, f.Task.Started = input, env.Now
	return e.setDeadline(t, f, env)
}

func (e *execution) setDeadline(t *definition.Task, f *frame, env expression.Env) error {
	if t.Timeout == nil {
		return nil
	}
	after, err := e.duration(t.Timeout.After, f.Task.Input, env, t.Reference)
	if err != nil {
		return err
	}
	f.Task.Deadline = f.Task.Started.Add(after)
	return nil
}

// runBodyInTime runs the body under the task's timeout, if it has one.
func (e *execution) runBodyInTime(ctx workflow.Context, s scope, t *definition.Task, u *underWay, env expression.Env) (any, definition.Then, error) {
	if u.Deadline.IsZero() {
		return e.runBody(ctx, s, t, u, env)
	}
	var then definition.Then
	after := u.Deadline.Sub(u.Started)
	output, err := e.withDeadline(ctx, u.Deadline, timeoutFault(t.Reference, fmt.Sprintf("task %q", t.Name), after),
		func(ctx workflow.Context) (output any, err error) {
			output, then, err = e.runBody(ctx, s, t, u, env)
			return output, err
		})
	return output, then, err
}

// leave transforms and checks the task's output and replaces the context.
func (e *execution) leave(ctx workflow.Context, s scope, t *definition.Task, raw any, env expression.Env) (any, error) {
	if t.Output.As != nil && exportedWithin(ctx, s, env) {
		assign(&env, "context", s.line.Context)
	}
	if t.Output.As != nil || t.Export.As != nil {
		env.Late = withOutput{env.Late, raw}
		assign(&env, "output", raw)
	}
	output, err := evaluate(t.Output.As, raw, env, t.Reference)
	if err != nil {
		return nil, err
	}
	if err := t.Output.Schema.Validate(output); err != nil {
		return nil, validationFault(t.Reference, fmt.Sprintf("output: %v", err))
	}
	return output, export(s, t, output, env)
}

// contextVersion is the change by which output.as of a task has the context that tasks
// within it have exported, and not that of its beginning.
const contextVersion = "output.context"

// exportedWithin tells whether tasks within one that ends have replaced the context.
func exportedWithin(ctx workflow.Context, s scope, env expression.Env) bool {
	v, ok := env.Late.(*view)
	return ok && v.exports != s.line.exports && workflow.GetVersion(ctx, contextVersion, workflow.DefaultVersion, 1) >= 1
}

func export(s scope, t *definition.Task, output any, env expression.Env) error {
	return exportTo(s.line, t.Export, output, env, t.Reference, "export")
}

// exportTo replaces a line's context by what the export makes of the output.
func exportTo(l *line, export definition.Export, output any, env expression.Env, reference, what string) error {
	if export.As == nil && export.Schema == nil {
		return nil
	}
	context := l.Context
	if export.As != nil {
		assign(&env, "context", context)
		assign(&env, "output", output)
		var err error
		if context, err = evaluate(export.As, output, env, reference); err != nil {
			return err
		}
	}
	if err := export.Schema.Validate(context); err != nil {
		return validationFault(reference, fmt.Sprintf("%s: %v", what, err))
	}
	l.Context, l.exports = context, l.exports+1
	return nil
}

// left notes an error against the task and hands it on.
func (e *execution) left(ctx workflow.Context, t *definition.Task, err error) error {
	if err != nil {
		e.progress.failed(t, err)
		e.lifecycle.left(ctx, t, err)
	}
	return err
}

// withDeadline runs a body and, when the deadline passes first, cancels it,
// waits for its end and faults with late.
func (e *execution) withDeadline(ctx workflow.Context, deadline time.Time, late error, body func(workflow.Context) (any, error)) (any, error) {
	left := deadline.Sub(now(ctx))
	if left <= 0 {
		return nil, late
	}
	inTime, cancel := workflow.WithCancel(ctx)
	defer cancel()
	expired := false
	timer := workflow.NewTimerWithOptions(inTime, left, workflow.TimerOptions{Summary: "timeout"})
	workflow.Go(inTime, func(ctx workflow.Context) {
		if timer.Get(ctx, nil) == nil {
			expired = true
			cancel()
		}
	})
	output, err := body(inTime)
	if err != nil && expired && ctx.Err() == nil {
		return nil, late
	}
	return output, err
}
