package worker

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

// failing answers a question for the state only after it has failed so often.
type failing struct {
	client.Client
	failures, asked int
}

func (f *failing) QueryWorkflow(context.Context, string, string, string, ...any) (converter.EncodedValue, error) {
	if f.asked++; f.asked <= f.failures {
		return nil, serviceerror.NewQueryFailed("Workflow panic: [TMPRL1100] invalid state transition")
	}
	payloads, err := converter.GetDefaultDataConverter().ToPayloads(contract.State{Status: "running"})
	return client.NewValue(payloads), err
}

// TestSession_StateAsksAgain: a question that an execution's step has overtaken is
// asked once more, and no oftener.
func TestSession_StateAsksAgain(t *testing.T) {
	t.Parallel()
	f := &failing{failures: 1}
	state, err := (&session{Client: f}).state(t.Context(), "x")
	require.NoError(t, err)
	assert.Equal(t, "running", state.Status)
	f = &failing{failures: 3}
	_, err = (&session{Client: f}).state(t.Context(), "x")
	require.ErrorContains(t, err, "TMPRL1100")
	assert.Equal(t, 2, f.asked)
}
