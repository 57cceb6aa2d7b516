package worker

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"lazaret.dev/lazaret/activities/contract"
)

// sendEvents sends the case's events, each when its task runs, and compares what
// became of them.
func (c *testCase) sendEvents(t *testing.T, s *session, run client.WorkflowRun) {
	t.Helper()
	for i, line := range c.events {
		parts := strings.SplitN(line, " ", 3)
		require.Len(t, parts, 3, line)
		when, want := parts[0], parts[1]
		awaitListener(t, s, run.GetID())
		if when != "-" {
			pollUntil(t, when+" runs", func() bool {
				state, err := s.state(t.Context(), run.GetID())
				return err == nil && task(state, when).Status == "running"
			})
		}
		assert.Equal(t, want, became(send(t, s, parts[2], fmt.Sprintf("%s/%d", run.GetRunID(), i))), line)
	}
}

// awaitListener waits until events are delivered to the execution.
func awaitListener(t *testing.T, s *session, id string) {
	t.Helper()
	pollUntil(t, id+" listens", func() bool {
		report, err := s.eventsReport(t.Context())
		return err == nil && slices.ContainsFunc(report.Listeners, func(l contract.ListenerInfo) bool { return l.Execution == id })
	})
}

// send sends an event, to which it gives what CloudEvents require.
func send(t *testing.T, s *session, text, id string) contract.Outcome {
	t.Helper()
	event := map[string]any{"specversion": "1.0", "source": "/tests", "id": id}
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	require.NoError(t, decoder.Decode(&event), text)
	data, err := json.Marshal(event)
	require.NoError(t, err)
	outcome, err := s.emit(t.Context(), data)
	require.NoError(t, err)
	return outcome
}

// became is an outcome as cases write it.
func became(o contract.Outcome) string {
	if o.Status == contract.Rejected {
		return o.Status + "/" + o.Check
	}
	return fmt.Sprintf("%s/%d", o.Status, o.Delivered)
}
