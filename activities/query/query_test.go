package query

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"lazaret.dev/lazaret/activities/contract"
)

// failing answers only after it has failed so often.
type failing struct {
	client.Client
	failures, asked int
	err             error
}

func (f *failing) QueryWorkflow(context.Context, string, string, string, ...any) (converter.EncodedValue, error) {
	if f.asked++; f.asked <= f.failures {
		return nil, f.err
	}
	payloads, err := converter.GetDefaultDataConverter().ToPayloads(contract.State{Status: "running"})
	return client.NewValue(payloads), err
}

// TestWorkflow_AsksAgain: a question that an execution's step has overtaken is put
// again, but not for ever; what else fails is told at once.
func TestWorkflow_AsksAgain(t *testing.T) {
	t.Parallel()
	overtaken := serviceerror.NewQueryFailed("[TMPRL1100] During replay, a matching Signal command was expected")
	ask := func(f *failing) (contract.State, error) {
		var state contract.State
		err := Workflow(t.Context(), f, "x", contract.StateQuery, &state)
		return state, err
	}
	f := &failing{failures: attempts - 1, err: overtaken}
	state, err := ask(f)
	require.NoError(t, err)
	assert.Equal(t, "running", state.Status)

	f = &failing{failures: attempts, err: overtaken}
	_, err = ask(f)
	require.ErrorContains(t, err, "TMPRL1100")
	assert.Equal(t, attempts, f.asked)

	f = &failing{failures: 1, err: serviceerror.NewNotFound("none")}
	_, err = ask(f)
	require.ErrorAs(t, err, new(*serviceerror.NotFound))
	assert.Equal(t, 1, f.asked)
}
