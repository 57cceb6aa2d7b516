package worker

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/activities/ledger"
)

// onText is a document of the namespace scheduled that events start; its output
// is its input.
func onText(name, version, on string) string {
	return "document: {dsl: 1.0.3, namespace: scheduled, name: " + name + ", version: " + version + "}\n" +
		"schedule:\n" + on + "\ndo: [{show: {set: {got: '${ $workflow.input }', version: " + version + "}}}]\n"
}

// applyOn publishes and schedules a document; the schedule goes with the test.
func applyOn(t *testing.T, s *session, text string) applied {
	t.Helper()
	b := bundleOf(t, text)
	require.Empty(t, scheduleFindings(b))
	publishText(t, s, text)
	done, err := s.applySchedule(t.Context(), b)
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.endEventSchedule(t.Context(), done.ID) }) // some are gone by then
	return done
}

// startedOn waits until so many executions were started and returns their
// outputs, in the order of the starts.
func startedOn(t *testing.T, s *session, id string, count int) []string {
	t.Helper()
	var info contract.EventScheduleInfo
	pollUntil(t, fmt.Sprintf("%s has started %d", id, count), func() bool {
		var err error
		info, _, err = s.eventSchedule(t.Context(), id)
		return err == nil && info.Started >= count
	})
	require.Equal(t, count, info.Started)
	var outputs []string
	for _, start := range info.Recent {
		output, err := resultOf(t, s, s.GetWorkflow(t.Context(), start.ID, ""))
		require.NoError(t, err)
		outputs = append(outputs, string(output))
	}
	return outputs
}

// sent sends an event with this id and payload.
func sent(t *testing.T, s *session, id, kind string, data any) contract.Outcome {
	t.Helper()
	text, err := json.Marshal(map[string]any{"type": kind, "data": data})
	require.NoError(t, err)
	return send(t, s, string(text), id)
}

// TestScheduleOn_One: each event starts one execution, with the array of it as
// input; the same event starts none. A pause, a newer version and the end of the
// schedule are as those of the clock.
func TestScheduleOn_One(t *testing.T) {
	t.Parallel()
	s := temporalSession(t)
	const on = "  on: {one: {with: {type: start.one, data: '${ .n > 0 }'}}}"
	done := applyOn(t, s, onText("on-one", "1.0.0", on))
	assert.Equal(t, applied{ID: "scheduled.on-one", Definition: "scheduled/on-one", Version: "1.0.0", Digest: done.Digest, Result: "created", Schedule: "on events"}, done)

	assert.Equal(t, "accepted/1", became(sent(t, s, "one-1", "start.one", map[string]any{"n": 1})))
	assert.Equal(t, "duplicate/0", became(sent(t, s, "one-1", "start.one", map[string]any{"n": 1})))
	assert.Equal(t, "accepted/1", became(sent(t, s, "one-0", "start.one", map[string]any{"n": 0})), "which the expression does not mean")
	sent(t, s, "one-2", "start.one", map[string]any{"n": 2})
	outputs := startedOn(t, s, done.ID, 2)
	assert.JSONEq(t, `{"got": [{"n": 1}], "version": "1.0.0"}`, outputs[0])
	assert.JSONEq(t, `{"got": [{"n": 2}], "version": "1.0.0"}`, outputs[1])

	assert.Equal(t, "unchanged", applyOn(t, s, onText("on-one", "1.0.0", on)).Result)
	require.NoError(t, s.controlEventSchedule(t.Context(), done.ID, contract.PauseSchedule, "for a test"))
	pollUntil(t, "it is paused", func() bool {
		report, err := s.eventsReport(t.Context())
		return err == nil && !strings.Contains(fmt.Sprint(report.Listeners), eventScheduleID(done.ID))
	})
	assert.Equal(t, "accepted/0", became(sent(t, s, "one-3", "start.one", map[string]any{"n": 3})))
	updated := applyOn(t, s, onText("on-one", "1.1.0", on))
	assert.Equal(t, "updated", updated.Result)
	assert.True(t, updated.Paused)

	require.NoError(t, s.controlEventSchedule(t.Context(), done.ID, contract.ResumeSchedule, ""))
	require.NoError(t, s.awaitEventSchedule(t.Context(), done.ID, updated.Digest))
	assert.Equal(t, "accepted/1", became(sent(t, s, "one-4", "start.one", map[string]any{"n": 4})))
	assert.JSONEq(t, `{"got": [{"n": 4}], "version": "1.1.0"}`, startedOn(t, s, done.ID, 3)[2])

	all, err := s.schedules(t.Context())
	require.NoError(t, err)
	assert.Contains(t, fmt.Sprint(all), "scheduled.on-one scheduled/on-one 1.1.0 false")
	var out bytes.Buffer
	a := &app{stdout: &out, stderr: &out, output: "table"}
	info, _, err := s.eventSchedule(t.Context(), done.ID)
	require.NoError(t, err)
	require.NoError(t, a.describeEventSchedule(t.Context(), s, done.ID, info))
	assert.Contains(t, out.String(), "schedule    on events\nstate       active\nstarted     3\nlast ")
	require.ErrorContains(t, s.checkUnscheduled(t.Context(), contract.Reference{Namespace: "scheduled", Name: "on-one", Version: "1.1.0"}), "schedule scheduled.on-one starts scheduled/on-one:1.1.0")

	require.NoError(t, s.endEventSchedule(t.Context(), done.ID))
	pollUntil(t, "it is gone", func() bool {
		_, runs, err := s.eventSchedule(t.Context(), done.ID)
		return err == nil && !runs
	})
	assert.Equal(t, "accepted/0", became(sent(t, s, "one-5", "start.one", map[string]any{"n": 5})))
}

// TestScheduleOn_All: events that belong together by their correlation start one
// execution, however they are mixed; in the order in which they came.
func TestScheduleOn_All(t *testing.T) {
	t.Parallel()
	s := temporalSession(t)
	done := applyOn(t, s, onText("on-all", "1.0.0", `  on:
    all:
      - {with: {type: start.placed}, correlate: {order: {from: .data.order}}}
      - {with: {type: start.paid}, correlate: {order: {from: .data.order}}}
  read: envelope`))
	for i, event := range []string{"placed 1", "placed 2", "paid 3", "paid 2", "paid 1", "paid 1"} {
		kind, order, _ := strings.Cut(event, " ")
		assert.Equal(t, "accepted/1", became(sent(t, s, fmt.Sprintf("all-%d", i), "start."+kind, map[string]any{"order": order})))
	}
	var got []string
	for _, output := range startedOn(t, s, done.ID, 2) {
		var result struct {
			Got []struct {
				Type string `json:"type"`
				Data struct {
					Order string `json:"order"`
				} `json:"data"`
			} `json:"got"`
		}
		require.NoError(t, json.Unmarshal([]byte(output), &result))
		got = append(got, fmt.Sprint(result.Got))
	}
	assert.Equal(t, []string{"[{start.placed {2}} {start.paid {2}}]", "[{start.placed {1}} {start.paid {1}}]"}, got)
	pollUntil(t, "the others are begun", func() bool {
		info, _, err := s.eventSchedule(t.Context(), done.ID)
		return err == nil && info.Begun == 2
	})
}

// TestScheduleOn_Any: with until, the events before it go together.
func TestScheduleOn_Any(t *testing.T) {
	t.Parallel()
	s := temporalSession(t)
	until := applyOn(t, s, onText("on-until", "1.0.0", "  on: {any: [{with: {type: start.reading}}], until: {one: {with: {type: start.close}}}}"))
	count := applyOn(t, s, onText("on-count", "1.0.0", "  on: {any: [{with: {type: start.reading}}], until: length >= 2}"))
	sent(t, s, "any-0", "start.close", nil) // of nothing: starts nothing
	for i, kind := range []string{"reading", "reading", "reading", "close", "reading"} {
		sent(t, s, fmt.Sprintf("any-%d", i+1), "start."+kind, i)
	}
	assert.JSONEq(t, `{"got": [0, 1, 2], "version": "1.0.0"}`, startedOn(t, s, until.ID, 1)[0])
	outputs := startedOn(t, s, count.ID, 2)
	assert.JSONEq(t, `{"got": [0, 1], "version": "1.0.0"}`, outputs[0])
	assert.JSONEq(t, `{"got": [2, 4], "version": "1.0.0"}`, outputs[1])
}

// TestScheduleOn_BecomesClock: a version that starts by the clock takes the place
// of one that events start, and the other way round.
func TestScheduleOn_BecomesClock(t *testing.T) {
	t.Parallel()
	s := temporalSession(t)
	const on = "  on: {one: {with: {type: start.clock}}}"
	done := applyOn(t, s, onText("on-clock", "1.0.0", on))
	_, handle := apply(t, s, onText("on-clock", "1.1.0", "  cron: 0 2 * * *"))
	pollUntil(t, "events start it no more", func() bool {
		_, runs, err := s.eventSchedule(t.Context(), done.ID)
		return err == nil && !runs
	})
	applyOn(t, s, onText("on-clock", "1.2.0", on))
	_, err := handle.Describe(t.Context())
	require.ErrorContains(t, scheduleError(handle.GetID(), err), "there is no schedule")
}

// TestScheduleOn_Held: what comes while the definition is in quarantine waits, and
// starts exactly one execution each after the release.
func TestScheduleOn_Held(t *testing.T) {
	t.Parallel()
	s := temporalSession(t)
	done := applyOn(t, s, onText("on-held", "1.0.0", "  on: {one: {with: {type: start.held}}}"))
	store := ledger.Store{Client: s.Client}
	_, err := store.Add(t.Context(), "scheduled", "on-held", contract.LedgerRequest{Reason: "looks odd", By: "me"})
	require.NoError(t, err)
	assert.Equal(t, "accepted/1", became(sent(t, s, "held-1", "start.held", 1)))
	assert.Equal(t, "accepted/1", became(sent(t, s, "held-2", "start.held", 2)))
	// A worker hears of it within a second: what it lets through until then waits in
	// the execution that was started, and the rest in the schedule.
	pollUntil(t, "something is refused", func() bool {
		found, err := s.ListWorkflow(t.Context(), &workflowservice.ListWorkflowExecutionsRequest{Query: "WorkflowType = 'scheduled/on-held'"})
		refused := err == nil && len(found.GetExecutions()) > 0
		for _, event := range historyEvents(t, s, contract.EventScheduleID("scheduled", "on-held"), "") {
			refused = refused || event.GetActivityTaskFailedEventAttributes().GetFailure().GetApplicationFailureInfo().GetType() == contract.Quarantined
		}
		return refused
	})
	info, _, err := s.eventSchedule(t.Context(), done.ID)
	require.NoError(t, err)
	assert.Empty(t, info.LastError)
	for _, start := range info.Recent {
		d, err := s.DescribeWorkflowExecution(t.Context(), start.ID, "")
		require.NoError(t, err)
		assert.NotEqual(t, enumspb.WORKFLOW_EXECUTION_STATUS_FAILED, d.GetWorkflowExecutionInfo().GetStatus())
	}
	_, err = store.Release(t.Context(), "scheduled", "on-held", contract.LedgerRequest{Reason: "fine", Reviewer: "you"})
	require.NoError(t, err)
	outputs := startedOn(t, s, done.ID, 2)
	assert.JSONEq(t, `{"got": [1], "version": "1.0.0"}`, outputs[0])
	assert.JSONEq(t, `{"got": [2], "version": "1.0.0"}`, outputs[1])
	assert.Equal(t, "duplicate/0", became(sent(t, s, "held-1", "start.held", 1)))
	assert.Len(t, startedOn(t, s, done.ID, 2), 2)
}

// TestScheduleOn_DeletedDefinition: what an event starts of a version that is gone
// says so, and keeps the event.
func TestScheduleOn_DeletedDefinition(t *testing.T) {
	t.Parallel()
	s := temporalSession(t)
	done := applyOn(t, s, onText("on-deleted", "1.0.0", "  on: {one: {with: {type: start.deleted}}}"))
	_, err := s.store().Delete(t.Context(), "scheduled", "on-deleted", contract.Deletion{Version: "1.0.0", By: "me"})
	require.NoError(t, err)
	assert.Equal(t, "accepted/1", became(sent(t, s, "deleted-1", "start.deleted", 1)))
	var id string
	pollUntil(t, "it has started", func() bool {
		info, _, err := s.eventSchedule(t.Context(), done.ID)
		if err == nil && len(info.Recent) == 1 {
			id = info.Recent[0].ID
		}
		return id != ""
	})
	_, err = resultOf(t, s, s.GetWorkflow(t.Context(), id, ""))
	requireFaultOf(t, err, contract.ConfigurationError, "is deleted")
	started := historyEvents(t, s, id, "")[0].GetWorkflowExecutionStartedEventAttributes()
	assert.Contains(t, started.GetInput().String(), "[1]")
}
