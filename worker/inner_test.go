package worker

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/workflow"

	"lazaret.dev/lazaret/workflows"
)

// types collects the workflow types that are registered.
type types []string

func (t *types) RegisterWorkflowWithOptions(_ any, options workflow.RegisterOptions) {
	*t = append(*t, options.Name)
}

func (t *types) RegisterDynamicWorkflow(any, workflow.DynamicRegisterOptions) {}

// TestInnerAbout: each workflow that a worker serves besides definitions is told of for
// what it is, and none else is.
func TestInnerAbout(t *testing.T) {
	t.Parallel()
	var registered types
	workflows.RegisterWith(&registered, workflows.Options{})
	for _, name := range registered {
		require.Contains(t, innerAbout(name), "lazaret's own, which ", name)
	}
	require.Len(t, inner, len(registered))
	require.Empty(t, innerAbout("demo/hello"))
	require.Equal(t, "not lazaret's: no execution of a definition", innerAbout("PaymentWorkflow"))
}
