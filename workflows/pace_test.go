package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/workflow"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/workflows/definition"
)

// TestPace_LightTasks: tasks without effects do not pause a loop of 100,000, and an
// execution from when they counted for more pauses where it did.
func TestPace_LightTasks(t *testing.T) {
	t.Parallel()
	const text = `
document: {dsl: 1.0.3, namespace: test, name: pace, version: 1.0.0}
do:
  - start: {set: '${ 0 }'}
  - loop: {for: {each: n, in: '[range(100000)]'}, do: [add: {set: '${ . + 1 }'}]}
`
	def, err := definition.Parse("pace.yaml", []byte(text))
	require.NoError(t, err)
	for version, pauses := range map[workflow.Version]int{1: 0, workflow.DefaultVersion: 4} {
		env := newEnvironment(0, time.Now())
		env.OnGetVersion("light tasks", workflow.DefaultVersion, workflow.Version(1)).Return(version)
		paused := 0
		env.SetOnTimerScheduledListener(func(string, time.Duration) { paused++ })
		env.ExecuteWorkflow("test/pace", contract.Start{Definition: contract.Source{Document: text, Digest: def.Digest}})
		require.NoError(t, env.GetWorkflowError())
		var output int
		require.NoError(t, env.GetWorkflowResult(&output))
		assert.Equal(t, 100_000, output)
		assert.Equal(t, pauses, paused, "version %d", version)
	}
}
