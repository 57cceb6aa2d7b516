package workflows

import (
	"fmt"
	"strings"

	"go.temporal.io/sdk/workflow"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/workflows/definition"
	"lazaret.dev/lazaret/workflows/expression"
)

// prepareScript begins the request of a script with what it needs and does not
// hold: its own text, its packages. Each is asked for once an execution and
// recorded: a later attempt, task or run has the same.
func (e *execution) prepareScript(ctx workflow.Context, t *definition.Task, body *definition.RunScript, u *underWay, env expression.Env) (request contract.Process, err error) {
	ctx = workflow.WithActivityOptions(ctx, processOptions(t.Reference))
	request.Language, request.Version = body.Language, body.Python.Version
	if body.Source != nil {
		m := processMaker{input: u.Input, env: env, reference: t.Reference}
		request.Source = contract.RemoteScript{URL: m.text("source", body.Source.Endpoint), SHA256: body.Source.SHA256}
		if m.err != nil {
			return request, m.err
		}
		request.Source.SHA256, err = e.fetchScript(ctx, e.taskID(t), request.Source)
		if err != nil {
			return request, err
		}
	}
	if len(body.Python.Packages) > 0 || body.Python.RequirementsURL != "" {
		request.Lock, err = e.lockPackages(ctx, e.taskID(t), body.Python)
	}
	return request, err
}

func (e *execution) fetchScript(ctx workflow.Context, task contract.TaskID, script contract.RemoteScript) (string, error) {
	key := script.SHA256 + " " + script.URL
	if digest, known := e.state.Scripts[key]; known {
		return digest, nil
	}
	e.progress.publish(ctx)
	var fetched contract.FetchedScript
	request := contract.ScriptFetch{Task: task, Script: script}
	if err := e.perform(ctx, contract.FetchScript, request, &fetched); err != nil {
		return "", err
	}
	return remember(&e.state.Scripts, key, fetched.SHA256, task.Reference)
}

func (e *execution) lockPackages(ctx workflow.Context, task contract.TaskID, python definition.Python) (string, error) {
	key := strings.Join(append([]string{python.Version, python.RequirementsURL}, python.Packages...), " ")
	if lock, known := e.state.Locks[key]; known {
		return lock, nil
	}
	e.progress.publish(ctx)
	var locked contract.PackageLock
	request := contract.PackageRequest{
		Task: task, Version: python.Version, Packages: python.Packages, RequirementsURL: python.RequirementsURL,
	}
	if err := e.perform(ctx, contract.LockPackages, request, &locked); err != nil {
		return "", err
	}
	return remember(&e.state.Locks, key, locked.Lock, task.Reference)
}

// remember keeps what the execution got first. Branches may have asked at the
// same time and got different answers: then the second is not run.
func remember(all *map[string]string, key, value, reference string) (string, error) {
	if *all == nil {
		*all = map[string]string{}
	}
	if first, known := (*all)[key]; known && first != value {
		return "", runtimeFault(reference, fmt.Sprintf("%q changed between two tasks of this execution", strings.TrimSpace(key)))
	}
	(*all)[key] = value
	return value, nil
}
