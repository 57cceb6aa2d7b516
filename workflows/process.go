package workflows

import (
	"encoding/json"
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/workflows/definition"
	"lazaret.dev/lazaret/workflows/expression"
)

// runScript runs a script in a sandbox, on whichever worker takes the activity.
func (e *execution) runScript(ctx workflow.Context, t *definition.Task, body *definition.RunScript, u *underWay, env expression.Env) (any, error) {
	request, err := e.prepareScript(ctx, t, body, u, env)
	if err != nil {
		return nil, err
	}
	return e.runProcess(ctx, t, u, env, contract.RunScript, request, processTemplates{
		code: body.Code, stdin: body.Stdin, arguments: body.Arguments, environment: body.Environment,
		await: body.Await, returns: body.Return,
	})
}

// runShell runs a shell command in a sandbox.
func (e *execution) runShell(ctx workflow.Context, t *definition.Task, body *definition.RunShell, u *underWay, env expression.Env) (any, error) {
	return e.runProcess(ctx, t, u, env, contract.RunShell, contract.Process{}, processTemplates{
		code: body.Command, stdin: body.Stdin, arguments: body.Arguments, environment: body.Environment,
		await: body.Await, returns: body.Return,
	})
}

// processTemplates is what run.script and run.shell have in common.
type processTemplates struct {
	code, stdin, arguments, environment *expression.Template
	await                               bool
	returns                             definition.Return
}

func (e *execution) runProcess(ctx workflow.Context, t *definition.Task, u *underWay, env expression.Env, activity string, request contract.Process, p processTemplates) (any, error) {
	if err := e.fillRequest(&request, t, u, env, p); err != nil {
		return nil, err
	}
	if _, err := encodeBounded(request, "the data given to the process"); err != nil {
		return nil, locate(err, t.Reference)
	}
	if !p.await {
		return u.Input, e.detach(ctx, t, activity, request)
	}
	e.progress.publish(ctx)
	var result contract.ProcessResult
	ctx = workflow.WithActivityOptions(ctx, processOptions(t.Reference))
	again := func(fresh bool) any {
		request.Fresh = fresh
		return request
	}
	if err := e.persist(ctx, effort{t, activity, again, true}, &result); err != nil {
		e.state.Violations += violationsOf(err)
		return nil, err
	}
	e.state.Violations += result.Violations
	if result.Order != nil {
		e.obey(ctx, *result.Order)
	}
	e.progress.degraded(t, result.Degraded)
	return shape(p.returns, result), nil
}

// fillRequest evaluates what the definition gives the process.
func (e *execution) fillRequest(request *contract.Process, t *definition.Task, u *underWay, env expression.Env, p processTemplates) error {
	m := processMaker{input: u.Input, env: env, reference: t.Reference}
	m.sealer = sealer{input: u.Input, env: env, reference: t.Reference}
	request.Task = e.taskID(t)
	request.Code = m.text("code", p.code)
	request.Stdin = m.textOf("stdin", m.open("stdin", p.stdin))
	request.Arguments = m.arguments(p.arguments)
	request.Environment = m.environment(p.environment)
	request.Return = string(p.returns)
	request.Sandbox = e.sandbox(t)
	request.Python = contract.NewPythonNames(e.def.Document.Metadata, t.Metadata)
	if m.err == nil {
		request.Sealed, m.err = m.sealer.seal()
	}
	if len(request.Sealed.Expressions) > 0 {
		request.Secrets = e.def.Secrets
	}
	return m.err
}

// taskID says whose effect an activity is; nil stands for the execution as a whole.
func (e *execution) taskID(t *definition.Task) contract.TaskID {
	doc := e.def.Document
	if t == nil {
		t = &definition.Task{}
	}
	return contract.TaskID{
		Namespace: doc.Namespace, Name: doc.Name, Version: doc.Version,
		Digest: e.def.Digest, Reference: t.Reference, Execution: e.start.Root(e.id),
		Labels: e.def.Document.Labels(), Signature: e.start.Definition.Signature,
	}
}

// sandbox is what is asked for a task's effect: the level of the start, and that
// of the task's metadata, or else of the document's.
func (e *execution) sandbox(t *definition.Task) contract.Sandbox {
	asked := e.start.Sandbox
	asked.Metadata = definition.SandboxLevel(t.Metadata)
	if asked.Metadata == "" {
		asked.Metadata = definition.SandboxLevel(e.def.Document.Metadata)
	}
	return asked
}

// shape is the task's raw output, as run.return says.
func shape(form definition.Return, r contract.ProcessResult) any {
	switch form {
	case definition.ReturnStdout:
		return r.Stdout
	case definition.ReturnStderr:
		return r.Stderr
	case definition.ReturnCode:
		return r.Code
	case definition.ReturnAll:
		return map[string]any{"code": r.Code, "stdout": r.Stdout, "stderr": r.Stderr}
	case definition.ReturnNone:
	}
	return nil
}

// Infrastructure faults alone are retried here: a worker that died (no
// heartbeat) or a sandbox that could not start. What a script does is never
// retried but by the DSL's own retry.
func processOptions(reference string) workflow.ActivityOptions {
	return workflow.ActivityOptions{
		StartToCloseTimeout: 25 * time.Hour, // above every level's wall limit
		HeartbeatTimeout:    10 * time.Second,
		WaitForCancellation: true,
		Summary:             reference,
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval:    200 * time.Millisecond,
			BackoffCoefficient: 2,
			MaximumInterval:    10 * time.Second,
			MaximumAttempts:    20,
		},
	}
}

// processMaker evaluates a process's parts and keeps the first thing that went wrong.
type processMaker struct {
	input     any
	env       expression.Env
	reference string
	sealer    sealer // of what may read secrets
	err       error
}

func (m *processMaker) value(part *expression.Template) any {
	if m.err != nil || part == nil {
		return nil
	}
	value, err := evaluate(part, m.input, m.env, m.reference)
	m.err = err
	return value
}

// open is value for what may read secrets: null stands for them.
func (m *processMaker) open(name string, part *expression.Template) any {
	if m.err != nil || part == nil {
		return nil
	}
	value, err := m.sealer.evaluate("/"+name, part)
	m.err = err
	return value
}

// text is a string as it is, null as nothing, and anything else as JSON.
func (m *processMaker) text(name string, part *expression.Template) string {
	return m.textOf(name, m.value(part))
}

func (m *processMaker) textOf(name string, value any) string {
	if m.err != nil || value == nil {
		return ""
	}
	if text, ok := value.(string); ok {
		return text
	}
	text, err := expression.Encode(value)
	if err != nil {
		m.err = runtimeFault(m.reference, fmt.Sprintf("%s: %v", name, err))
	}
	return string(text)
}

func (m *processMaker) arguments(part *expression.Template) json.RawMessage {
	value := m.open("arguments", part)
	switch value.(type) {
	case nil:
		return nil
	case []any, map[string]any:
	default:
		m.err = validationFault(m.reference, "arguments must be an object or an array, not "+kindOf(value))
		return nil
	}
	data, err := expression.Encode(value)
	if err != nil {
		m.err = runtimeFault(m.reference, fmt.Sprintf("arguments: %v", err))
	}
	return data
}

func (m *processMaker) environment(part *expression.Template) map[string]string {
	value := m.open("environment", part)
	if m.err != nil || value == nil {
		return nil
	}
	object, ok := value.(map[string]any)
	if !ok {
		m.err = validationFault(m.reference, "environment must be an object, not "+kindOf(value))
		return nil
	}
	environment := make(map[string]string, len(object))
	for _, name := range workflow.DeterministicKeys(object) {
		text, err := variableText(object[name])
		if err != nil {
			m.err = validationFault(m.reference, fmt.Sprintf("environment variable %q: %v", name, err))
			return nil
		}
		environment[name] = text
	}
	return environment
}

func variableText(value any) (string, error) {
	switch value := value.(type) {
	case nil:
		return "", nil
	case string:
		return value, nil
	}
	text, err := expression.Encode(value)
	return string(text), err
}
