package workflows_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
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
	"lazaret.dev/lazaret/workflows/definition"
)

// hearing listens in a branch while the other naps, then to what came meanwhile.
const hearing = `
document: {dsl: 1.0.3, namespace: cases, name: hearing, version: 1.0.0}
do:
  - both:
      fork:
        branches:
          - hear: {listen: {to: {any: [{with: {type: now}}], until: '. | length == 4'}}}
          - work: {for: {each: n, in: '[1, 2, 3]'}, do: [nap: {wait: {seconds: 2}}]}
  - rest:
      for: {each: n, in: '[1, 2, 3, 4]'}
      do: [each: {listen: {to: {one: {with: {type: later}}}}, output: {as: '[$input, .[0]] | flatten'}}]
`

// heard are the events with when they come: while a listen waits, while none
// does, and while a worker judges those before.
var heard = []struct {
	after time.Duration
	kind  string
	data  int
}{
	{100 * time.Millisecond, "now", 1},
	{150 * time.Millisecond, "later", 2},
	{1900 * time.Millisecond, "now", 3},
	{2100 * time.Millisecond, "later", 4},
	{3950 * time.Millisecond, "later", 5},
	{4050 * time.Millisecond, "now", 6},
	{6500 * time.Millisecond, "now", 7},
	{6600 * time.Millisecond, "later", 8},
}

// TestExecute_EventsOutliveRun cuts an execution that receives events at each of
// its boundaries, in one run and in all of them: every event is taken once, in its
// order, wherever it was when the run ended.
func TestExecute_EventsOutliveRun(t *testing.T) {
	t.Parallel()
	def, err := definition.Parse("hearing.yaml", []byte(hearing))
	require.NoError(t, err)
	start := contract.Start{Definition: contract.Source{File: "hearing.yaml", Document: hearing, Digest: def.Digest}, Input: json.RawMessage("[]")}
	const want = `[1,3,6,7,2,4,5,8]`
	cut := 0
	for at := range maxCuts {
		for _, each := range []bool{false, true} {
			if each && at < deep {
				continue // it would get nowhere
			}
			output, runs := hearTo(t, start, at, each)
			assert.Equal(t, want, output, "cut at boundary %d, each %t", at, each)
			cut += runs - 1
		}
	}
	assert.Greater(t, cut, 10, "cuts in all")
}

// hearTo runs the execution to its end, as runTo does, and sends the events.
func hearTo(t *testing.T, start contract.Start, at int, each bool) (output string, runs int) {
	t.Helper()
	begun := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	from, sent := begun, 0
	for runs = 1; runs < 1000; runs++ {
		env := newEnvironment(at, from)
		judgeSlowly(env)
		for i := sent; i < len(heard); i++ {
			env.RegisterDelayedCallback(func() {
				sent++
				env.SignalWorkflow(contract.EventSignal, envelope(heard[i].kind, heard[i].data))
			}, max(0, begun.Add(heard[i].after).Sub(from)))
		}
		env.ExecuteWorkflow("cases/any", start)
		err := env.GetWorkflowError()
		var next *workflow.ContinueAsNewError
		if !errors.As(err, &next) {
			require.NoError(t, err)
			var result json.RawMessage
			require.NoError(t, env.GetWorkflowResult(&result))
			return string(result), runs
		}
		start = contract.Start{}
		require.NoError(t, converter.GetDefaultDataConverter().FromPayloads(next.Input, &start))
		from = env.Now()
		if !each {
			at = 0
		}
	}
	t.Fatal("the execution never ends")
	return "", runs
}

// judgeSlowly has a worker that accepts every event and takes its time over it.
func judgeSlowly(env *testsuite.TestWorkflowEnvironment) {
	env.RegisterActivityWithOptions(func(context.Context, contract.SubscribeRequest) (contract.Subscribed, error) {
		return contract.Subscribed{Queue: 100}, nil
	}, activity.RegisterOptions{Name: contract.Subscribe})
	accept := func(_ context.Context, r contract.ReceiveRequest) (contract.Received, error) {
		return contract.Received{Verdicts: make([]contract.Verdict, len(r.Envelopes))}, nil
	}
	env.RegisterActivityWithOptions(accept, activity.RegisterOptions{Name: contract.ReceiveEvents})
	read := func(context.Context, contract.OrderCheck) (contract.Order, error) {
		return contract.Order{}, temporal.NewNonRetryableApplicationError("nobody signed it", "test", nil)
	}
	env.RegisterActivityWithOptions(read, activity.RegisterOptions{Name: contract.ReadOrder})
	env.OnActivity(contract.ReadOrder, mock.Anything, mock.Anything).After(500 * time.Millisecond).Return(read)
	env.OnActivity(contract.ReceiveEvents, mock.Anything, mock.Anything).After(120 * time.Millisecond).Return(accept)
	env.OnSignalExternalWorkflow(mock.Anything, mock.Anything, mock.Anything, mock.Anything, mock.Anything).Return(nil)
}

func envelope(kind string, data int) contract.Envelopes {
	id := fmt.Sprintf("%s-%d", kind, data)
	event := fmt.Sprintf(`{"specversion": "1.0", "id": %q, "source": "/tests", "type": %q, "data": %d}`, id, kind, data)
	return contract.Envelopes{{Event: json.RawMessage(event), Type: kind, Source: "/tests", ID: id, Sender: contract.Sender{Identity: contract.SenderCLI}}}
}

// TestExecute_EventsOutliveAnOrder: an event that comes while the run, about to
// continue as new, still reads an order is not lost.
func TestExecute_EventsOutliveAnOrder(t *testing.T) {
	t.Parallel()
	const text = `
document: {dsl: 1.0.3, namespace: cases, name: ordered, version: 1.0.0}
do:
  - nap: {wait: {seconds: 1}}
  - hear: {listen: {to: {any: [{with: {type: now}}], until: '. | length == 3'}}}
`
	def, err := definition.Parse("ordered.yaml", []byte(text))
	require.NoError(t, err)
	start := contract.Start{Definition: contract.Source{File: "ordered.yaml", Document: text, Digest: def.Digest}}
	env := newEnvironment(2, time.Now())
	judgeSlowly(env)
	env.RegisterDelayedCallback(func() { env.SignalWorkflow(contract.QuarantineSignal, contract.Signed{}) }, 900*time.Millisecond)
	for i, when := range []time.Duration{1050, 1150, 1250} {
		env.RegisterDelayedCallback(func() { env.SignalWorkflow(contract.EventSignal, envelope("now", i)) }, when*time.Millisecond)
	}
	env.ExecuteWorkflow("cases/any", start)
	var next *workflow.ContinueAsNewError
	require.ErrorAs(t, env.GetWorkflowError(), &next)
	require.NoError(t, converter.GetDefaultDataConverter().FromPayloads(next.Input, &start))
	last := newEnvironment(0, env.Now())
	judgeSlowly(last)
	last.ExecuteWorkflow("cases/any", start)
	require.NoError(t, last.GetWorkflowError())
	var output json.RawMessage
	require.NoError(t, last.GetWorkflowResult(&output))
	assert.JSONEq(t, "[0, 1, 2]", string(output))
}
