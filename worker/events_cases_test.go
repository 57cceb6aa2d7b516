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

// beginByEvent schedules the case's definition on events, and sends its first.
func (c *testCase) beginByEvent(t *testing.T, s *session) client.WorkflowRun {
	t.Helper()
	done := applyOn(t, s, c.definition)
	line := strings.SplitN(c.events[0], " ", 3)
	require.Equal(t, line[1], became(send(t, s, line[2], t.Name())))
	id := ""
	pollUntil(t, "the event has started one", func() bool {
		info, _, err := s.eventSchedule(t.Context(), done.ID)
		if err == nil && info.Started == 1 {
			id = info.Recent[0].ID
		}
		return id != ""
	})
	return s.GetWorkflow(t.Context(), id, "")
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

// renewedListen listens before, while and after its run continues as new, for
// which the loop works long enough.
const renewedListen = `
document: {dsl: 1.0.3, namespace: cases, name: listen-renewed, version: 1.0.0}
do:
  - both:
      fork:
        branches:
          - hear: {listen: {to: {all: [{with: {type: case.renewed.before}}, {with: {type: case.renewed.after}}]}}}
          - work:
              do:
                - loop:
                    input: {from: '0'}
                    for: {each: n, in: '[range(1000)]'}
                    do: [add: {set: '${ . + ("x" * 4000000 | length | . * 0 + 1) }'}]
                - late: {listen: {to: {one: {with: {type: case.renewed.late}}}}}
  - later: {listen: {to: {one: {with: {type: case.renewed.later}}}}, output: {as: '[$input, .]'}}
`

// TestListen_OutlivesItsRun: nothing that was sent is lost where a run continues
// as new: what a listen has taken, what waits for another, and what comes later (A32).
// It is no case, since the loop would be repeated with every replay of all cases.
func TestListen_OutlivesItsRun(t *testing.T) {
	t.Parallel()
	c := &testCase{
		definition: renewedListen, want: []byte(`[[[1, 4], [3]], [2]]`), wantHistory: []string{"continued 1"},
		events: []string{
			`loop accepted/1 {"type": "case.renewed.before", "data": 1}`,
			`loop accepted/1 {"type": "case.renewed.later", "data": 2}`,
			`late accepted/1 {"type": "case.renewed.late", "data": 3}`,
			`hear accepted/1 {"type": "case.renewed.after", "data": 4}`,
		},
	}
	c.run(t, temporalSession(t))
}
