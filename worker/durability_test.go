package worker

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/workflows/definition"
)

const cancelledDefinition = `
document: {dsl: 1.0.3, namespace: test, name: cancelled, version: 1.0.0}
do:
  - guarded:
      try:
        - both:
            fork:
              branches:
                - nap: {wait: {hours: 1}}
                - script: {run: {script: {language: python, code: 'import time; time.sleep(3600)'}}}
                - child: {run: {workflow: {namespace: test, name: cancelled, version: 1.0.0}}, if: '$workflow.input == null'}
      catch: {do: [never: {set: caught}]}
  - never: {set: {ran: true}}
`

// beginCancelled runs an execution that is cancelled in the middle of a wait, a
// script and a child, to its end.
func beginCancelled(t *testing.T, s *session) client.WorkflowRun {
	t.Helper()
	def, err := definition.Parse("definition.yaml", []byte(cancelledDefinition))
	require.NoError(t, err)
	c := &testCase{definition: cancelledDefinition}
	run := c.begin(t, s, def)
	pollUntil(t, "the script and the child run", func() bool {
		return pendingActivities(t, s, run.GetID()) == 1 && pendingActivities(t, s, run.GetID()+"/1") == 1
	})
	require.NoError(t, s.CancelWorkflow(t.Context(), run.GetID(), ""))
	_, err = follow(t.Context(), s.Client, run, nil)
	require.Equal(t, exitCancelled, (&app{stderr: new(discard)}).report(err))
	return run
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

// pendingActivities counts the activities of an execution that a worker has taken.
func pendingActivities(t *testing.T, s *session, id string) int {
	t.Helper()
	described, err := s.DescribeWorkflowExecution(t.Context(), id, "")
	if err != nil {
		return 0
	}
	started := 0
	for _, pending := range described.GetPendingActivities() {
		if pending.GetLastStartedTime() != nil {
			started++
		}
	}
	return started
}

func queryState(t *testing.T, c client.Client, id string) contract.State {
	t.Helper()
	var state contract.State
	value, err := c.QueryWorkflow(t.Context(), id, "", contract.StateQuery)
	if err == nil {
		err = value.Get(&state)
	}
	if err != nil {
		return contract.State{}
	}
	return state
}

var _ = json.RawMessage{}
