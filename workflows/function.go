package workflows

import (
	"errors"
	"fmt"

	"go.temporal.io/sdk/workflow"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/workflows/definition"
	"lazaret.dev/lazaret/workflows/expression"
)

// runFunction runs the task that a call names, with the call's arguments for
// its raw input. It shares the context with its caller, and nothing else.
func (e *execution) runFunction(ctx workflow.Context, s scope, t *definition.Task, body *definition.CallFunction, u *underWay, env expression.Env) (any, definition.Then, error) {
	if s.calls >= maxDepth {
		return nil, t.Then, runtimeFault(t.Reference, fmt.Sprintf("functions nest deeper than %d", maxDepth))
	}
	if u.List == nil {
		var with any = map[string]any{}
		var err error
		if body.With != nil {
			if with, err = evaluate(body.With, u.Input, env, t.Reference); err != nil {
				return nil, t.Then, err
			}
		}
		u.List = &frame{Data: with}
	}
	task, err := e.function(ctx, t, body)
	if err != nil {
		return nil, t.Then, err
	}
	output, ended, err := e.runList(ctx, scope{line: s.line, calls: s.calls + 1}, definition.TaskList{task}, u.List)
	if err != nil && body.Task == nil && catchable(err) {
		err = relocate(err, t.Reference)
	}
	return output, after(t, ended), err
}

// relocate makes a fault the task's own: where a function is elsewhere, its
// references mean nothing in this document.
func relocate(err error, reference string) error {
	fault := *asFault(err)
	fault.Instance = reference
	return &fault
}

// function is the task of a function. One that is elsewhere is fetched once an
// execution; what was fetched stands in history and in the saved state.
func (e *execution) function(ctx workflow.Context, t *definition.Task, body *definition.CallFunction) (*definition.Task, error) {
	if body.Task != nil {
		return body.Task, nil
	}
	fetched, known := e.state.Functions[body.URL]
	if !known {
		e.progress.publish(ctx)
		ctx = workflow.WithActivityOptions(ctx, processOptions(t.Reference))
		request := contract.FunctionFetch{Task: e.taskID(t), URL: body.URL}
		if err := e.perform(ctx, contract.FetchFunction, request, &fetched); err != nil {
			return nil, err
		}
		if err := e.keepFunction(body.URL, fetched, t.Reference); err != nil {
			return nil, err
		}
	}
	return functions.load(body.URL, fetched)
}

// keepFunction keeps what the execution got first. Branches may have asked at
// the same time and got different answers: then the second is not run.
func (e *execution) keepFunction(url string, fetched contract.FetchedFunction, reference string) error {
	if first, known := e.state.Functions[url]; known && first.SHA256 != fetched.SHA256 {
		return runtimeFault(reference, fmt.Sprintf("function %s changed between two tasks of this execution", url))
	}
	if e.state.Functions == nil {
		e.state.Functions = map[string]contract.FetchedFunction{}
	}
	e.state.Functions[url] = fetched
	return nil
}

// functionCache keeps parsed functions by digest.
type functionCache struct {
	parsedCache[*definition.Task]
}

var functions functionCache

func (c *functionCache) load(url string, fetched contract.FetchedFunction) (*definition.Task, error) {
	if task, ok := c.get(fetched.SHA256); ok {
		return task, nil
	}
	task, err := definition.ParseFunction(url, []byte(fetched.Document))
	if findings, ok := errors.AsType[definition.Findings](err); ok {
		return nil, configurationFault(fmt.Sprintf("function: %s", findings[0]))
	}
	c.put(fetched.SHA256, task)
	return task, nil
}
