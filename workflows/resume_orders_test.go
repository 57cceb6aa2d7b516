package workflows_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/workflows"
	"lazaret.dev/lazaret/workflows/definition"
)

const napping = `
document: {dsl: 1.0.3, namespace: cases, name: napping, version: 1.0.0}
do:
  - first: {wait: {seconds: 1}}
  - second: {set: {done: true}}
`

// ordered runs the execution, which would continue as new at its first boundary and
// takes half a second to tell that it has started, and 0.3 s to read an order. The order comes at the given time.
func ordered(t *testing.T, do string, after time.Duration) *testsuite.TestWorkflowEnvironment {
	t.Helper()
	def, err := definition.Parse("napping.yaml", []byte(napping))
	require.NoError(t, err)
	start := contract.Start{Definition: contract.Source{File: "napping.yaml", Document: napping, Digest: def.Digest}}
	telling := workflows.Options{Telling: func() workflows.Telling { return workflows.TellTasks }}
	env := newEnvironmentOf(telling, 2, time.Now())
	read := func(context.Context, contract.OrderCheck) (contract.Order, error) {
		return contract.Order{Namespace: "cases", Name: "napping", Revision: 7, Do: do, Reason: "a test"}, nil
	}
	env.RegisterActivityWithOptions(read, activity.RegisterOptions{Name: contract.ReadOrder})
	tell := func(context.Context, contract.LifecycleRequest) error { return nil }
	env.RegisterActivityWithOptions(tell, activity.RegisterOptions{Name: contract.TellLifecycle})
	env.OnActivity(contract.ReadOrder, mock.Anything, mock.Anything).After(300 * time.Millisecond).Return(read)
	env.OnActivity(contract.TellLifecycle, mock.Anything, mock.Anything).After(500 * time.Millisecond).Return(tell)
	env.RegisterDelayedCallback(func() { env.SignalWorkflow(contract.QuarantineSignal, contract.Signed{}) }, after)
	env.ExecuteWorkflow("cases/any", start)
	return env
}

// TestExecute_EndedObeysNothing: an order that comes when an execution has ended, but
// still tells of that, is none for it any more.
func TestExecute_EndedObeysNothing(t *testing.T) {
	t.Parallel()
	const text = "document: {dsl: 1.0.3, namespace: cases, name: short, version: 1.0.0}\ndo: [{only: {set: {done: true}}}]\n"
	def, err := definition.Parse("short.yaml", []byte(text))
	require.NoError(t, err)
	env := newEnvironmentOf(workflows.Options{Telling: func() workflows.Telling { return workflows.TellWorkflows }}, 1000, time.Now())
	read := func(context.Context, contract.OrderCheck) (contract.Order, error) {
		return contract.Order{Namespace: "cases", Name: "short", Revision: 7, Do: contract.HoldExecution, Reason: "a test"}, nil
	}
	env.RegisterActivityWithOptions(read, activity.RegisterOptions{Name: contract.ReadOrder})
	var told []string
	tell := func(_ context.Context, r contract.LifecycleRequest) error {
		for _, text := range r.Events {
			var event struct {
				Type string `json:"type"`
			}
			if err := json.Unmarshal(text, &event); err != nil {
				return err
			}
			told = append(told, event.Type)
		}
		return nil
	}
	env.RegisterActivityWithOptions(tell, activity.RegisterOptions{Name: contract.TellLifecycle})
	env.OnActivity(contract.TellLifecycle, mock.Anything, mock.Anything).After(500 * time.Millisecond).Return(tell)
	env.RegisterDelayedCallback(func() { env.SignalWorkflow(contract.QuarantineSignal, contract.Signed{}) }, 100*time.Millisecond)
	env.ExecuteWorkflow("cases/any", contract.Start{Definition: contract.Source{File: "short.yaml", Document: text, Digest: def.Digest}})
	require.NoError(t, env.GetWorkflowError())
	assert.Equal(t, []string{"io.serverlessworkflow.workflow.started.v1", "io.serverlessworkflow.workflow.completed.v1"}, told)
}

// onTheWay are moments at which the run, about to continue as new, tells what
// happened: an order may come at any of them (A12).
var onTheWay = []time.Duration{time.Millisecond, 100 * time.Millisecond, 400 * time.Millisecond}

// TestExecute_HoldsAcrossRuns: an order that comes while a run is about to continue
// as new is obeyed by the next.
func TestExecute_HoldsAcrossRuns(t *testing.T) {
	t.Parallel()
	for _, after := range onTheWay {
		env := ordered(t, contract.HoldExecution, after)
		var next *workflow.ContinueAsNewError
		require.ErrorAs(t, env.GetWorkflowError(), &next)
		var start contract.Start
		require.NoError(t, converter.GetDefaultDataConverter().FromPayloads(next.Input, &start))
		assert.Contains(t, string(start.State), `"do":"hold"`, "after %s", after)
	}
}

// TestExecute_EndsInsteadOfContinuing: an execution that its quarantine ends does
// not continue as new.
func TestExecute_EndsInsteadOfContinuing(t *testing.T) {
	t.Parallel()
	for _, after := range onTheWay {
		var fault *temporal.ApplicationError
		require.ErrorAs(t, ordered(t, contract.FaultExecution, after).GetWorkflowError(), &fault)
		assert.Equal(t, contract.Quarantined, fault.Type(), "after %s", after)
		var cancelled *temporal.CanceledError
		require.ErrorAs(t, ordered(t, contract.ShutExecution, after).GetWorkflowError(), &cancelled, "after %s", after)
	}
}
