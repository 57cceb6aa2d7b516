package activities

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/sandbox"
)

// runnerFunc is a Runner without a sandbox.
type runnerFunc func(context.Context, sandbox.Spec) (sandbox.Result, error)

func (f runnerFunc) Run(ctx context.Context, spec sandbox.Spec) (sandbox.Result, error) {
	return f(ctx, spec)
}

// execute runs the activity run.script as Temporal would.
func execute(t *testing.T, p *Processes, request contract.Process) (contract.ProcessResult, error) {
	t.Helper()
	env := (&testsuite.WorkflowTestSuite{}).NewTestActivityEnvironment()
	env.RegisterActivity(p.RunScript)
	p.Interpreters = Interpreters{Python: "/bin/sh"}
	value, err := env.ExecuteActivity(p.RunScript, request)
	if err != nil {
		return contract.ProcessResult{}, err
	}
	var result contract.ProcessResult
	require.NoError(t, value.Get(&result))
	return result, nil
}

func TestRunScript(t *testing.T) {
	var observed []sandbox.Outcome
	p := &Processes{
		Runner: runnerFunc(func(_ context.Context, spec sandbox.Spec) (sandbox.Result, error) {
			assert.Equal(t, "/lazaret/script.py", spec.Files[len(spec.Files)-1].Path)
			return sandbox.Result{Outcome: sandbox.Completed, Stdout: []byte("42\n")}, nil
		}),
		Observe: func(_ contract.Process, level policies.Level, r sandbox.Result) {
			assert.Equal(t, policies.Maximum, level)
			observed = append(observed, r.Outcome)
		},
	}
	result, err := execute(t, p, contract.Process{Language: "python", Code: "print(42)", Return: "stdout"})
	require.NoError(t, err)
	require.Equal(t, contract.ProcessResult{Stdout: "42\n", Level: "maximum"}, result)
	require.Equal(t, []sandbox.Outcome{sandbox.Completed}, observed)
}

// TestRunScript_Errors: what the program is to blame for carries the DSL's
// error and is never retried by Temporal; what the machine is to blame for is.
func TestRunScript_Errors(t *testing.T) {
	for name, test := range map[string]struct {
		result    sandbox.Result
		err       error
		kind      string
		retryable bool
	}{
		"exit code":     {sandbox.Result{Outcome: sandbox.Failed, Code: 1}, nil, contract.RuntimeError, false},
		"violation":     {sandbox.Result{Outcome: sandbox.Denied}, nil, contract.AuthorizationError, false},
		"unavailable":   {sandbox.Result{}, fmt.Errorf("no cgroups: %w", sandbox.ErrUnavailable), contract.SandboxUnavailable, false},
		"sandbox error": {sandbox.Result{}, errors.New("clone: resource temporarily unavailable"), contract.SandboxFailed, true},
	} {
		t.Run(name, func(t *testing.T) {
			p := &Processes{Runner: runnerFunc(func(context.Context, sandbox.Spec) (sandbox.Result, error) { return test.result, test.err })}
			_, err := execute(t, p, contract.Process{Language: "python", Return: "stdout"})
			var application *temporal.ApplicationError
			require.ErrorAs(t, err, &application)
			require.Equal(t, test.kind, application.Type())
			require.Equal(t, test.retryable, !application.NonRetryable())
			var fault contract.Fault
			require.Equal(t, !test.retryable, application.HasDetails() && application.Details(&fault) == nil && fault.Type == test.kind)
		})
	}
}

// TestRunScript_WorkerStops: a stopping worker's program is ended when the grace
// is over, by an error that Temporal retries.
func TestRunScript_WorkerStops(t *testing.T) {
	stopping := make(chan struct{})
	p := &Processes{Grace: time.Millisecond, Runner: runnerFunc(func(ctx context.Context, _ sandbox.Spec) (sandbox.Result, error) {
		close(stopping)
		<-ctx.Done()
		return sandbox.Result{Outcome: sandbox.Cancelled}, ctx.Err()
	})}
	env := (&testsuite.WorkflowTestSuite{}).NewTestActivityEnvironment()
	env.SetWorkerStopChannel(stopping)
	env.RegisterActivity(p.RunScript)
	p.Interpreters = Interpreters{Python: "/bin/sh"}
	_, err := env.ExecuteActivity(p.RunScript, contract.Process{Language: "python", Return: "stdout"})
	var application *temporal.ApplicationError
	require.ErrorAs(t, err, &application)
	require.Equal(t, contract.WorkerStopped, application.Type())
	require.False(t, application.NonRetryable())
}
