package workflows

import (
	"fmt"

	"go.temporal.io/sdk/workflow"

	"lazaret.dev/lazaret/workflows/definition"
	"lazaret.dev/lazaret/workflows/expression"
)

// runBody does what the task's kind does with its transformed input, and says
// where the flow goes: the task's own then, unless the kind decides.
func (e *execution) runBody(ctx workflow.Context, s scope, t *definition.Task, u *underWay, env expression.Env) (any, definition.Then, error) {
	switch body := t.Body.(type) {
	case *definition.Do:
		return e.runDo(ctx, s, t, body, u)
	case *definition.Set:
		output, err := runSet(t, body, u, env)
		return output, t.Then, err
	case *definition.Switch:
		then, err := runSwitch(t, body, u, env)
		return u.Input, then, err
	case *definition.For:
		return e.runFor(ctx, s, t, body, u, env)
	case *definition.Fork:
		return e.runFork(ctx, s, t, body, u)
	case *definition.Try:
		return e.runTry(ctx, s, t, body, u)
	case *definition.Raise:
		return nil, t.Then, runRaise(t, body, u, env)
	case *definition.Wait:
		err := e.runWait(ctx, t, body, u, env)
		return u.Input, t.Then, err
	case *definition.RunScript:
		output, err := e.runScript(ctx, t, body, u, env)
		return output, t.Then, err
	case *definition.RunShell:
		output, err := e.runShell(ctx, t, body, u, env)
		return output, t.Then, err
	case *definition.Libvirt:
		output, err := e.runLibvirt(ctx, t, body, u, env)
		return output, t.Then, err
	case *definition.Emit:
		output, err := e.runEmit(ctx, t, body, u, env)
		return output, t.Then, err
	case *definition.Listen:
		return e.runListen(ctx, s, t, body, u)
	case *definition.RunWorkflow:
		output, err := e.runWorkflow(ctx, t, body, u, env)
		return output, t.Then, err
	case *definition.CallFunction:
		return e.runFunction(ctx, s, t, body, u, env)
	case *definition.Call:
		if body.Subscription != nil {
			return e.runSubscription(ctx, s, t, body, u)
		}
		output, err := e.runCall(ctx, t, body, u, env)
		return output, t.Then, err
	}
	return nil, t.Then, configurationFault(fmt.Sprintf("BUG: no case for tasks of kind %s", t.Kind()))
}

// after is where the flow goes once a nested list has ended: end travels up,
// exit has done its work by ending the list.
func after(t *definition.Task, ended definition.Directive) definition.Then {
	if ended == definition.End {
		return definition.Then{Directive: definition.End}
	}
	return t.Then
}
