package worker

import (
	"bytes"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"lazaret.dev/lazaret/activities/contract"
)

// scheduledText is a document of the namespace scheduled.
func scheduledText(name, metadata, schedule, tasks string) string {
	return "document: {dsl: 1.0.3, namespace: scheduled, name: " + name + ", version: 1.0.0, metadata: {schedule: {" + metadata + "}}}\n" +
		"schedule: {" + schedule + "}\ndo:\n" + tasks
}

// apply publishes and schedules a document; the schedule goes with the test.
func apply(t *testing.T, s *session, text string) (applied, client.ScheduleHandle) {
	t.Helper()
	b := bundleOf(t, text)
	require.Empty(t, scheduleFindings(b))
	publishText(t, s, text)
	done, err := s.applySchedule(t.Context(), b)
	require.NoError(t, err)
	handle := s.ScheduleClient().GetHandle(t.Context(), done.ID)
	t.Cleanup(func() { _ = handle.Delete(t.Context()) }) // some are gone by then
	return done, handle
}

// triggered triggers a schedule and returns the id that is printed.
func triggered(t *testing.T, s *session, id string) string {
	t.Helper()
	var out bytes.Buffer
	a := &app{stdout: &out, stderr: &out}
	err := a.trigger(t.Context(), s, s.ScheduleClient().GetHandle(t.Context(), id), enumspb.SCHEDULE_OVERLAP_POLICY_UNSPECIFIED)
	require.NoError(t, err)
	return strings.TrimSpace(out.String())
}

// described is what describe shows.
func described(t *testing.T, s *session, handle client.ScheduleHandle) scheduleInfo {
	t.Helper()
	d, err := handle.Describe(t.Context())
	require.NoError(t, err)
	info := s.scheduleInfoOf(handle.GetID(), d)
	for _, action := range slices.Backward(d.Info.RecentActions) {
		info.Recent = append(info.Recent, s.scheduledAction(t.Context(), action, isAfter(d)))
	}
	return info
}

// awaitCompleted waits until so many of the last executions have completed.
func awaitCompleted(t *testing.T, s *session, handle client.ScheduleHandle, count int) scheduleInfo {
	t.Helper()
	var info scheduleInfo
	pollUntil(t, "executions complete", func() bool {
		info = described(t, s, handle)
		return len(completedOf(info)) >= count
	})
	return info
}

func completedOf(info scheduleInfo) []scheduledAction {
	return slices.DeleteFunc(slices.Clone(info.Recent), func(a scheduledAction) bool { return a.Status != "completed" })
}

// TestSchedule_Every starts a document each second, with its input, and keeps a
// pause when it is applied again.
func TestSchedule_Every(t *testing.T) {
	t.Parallel()
	s := temporalSession(t)
	text := scheduledText("every", "input: {n: 20}", "every: PT1S", "  - add: {set: {n: '${ .n + 1 }', input: '${ $workflow.input }'}}\n")
	done, handle := apply(t, s, text)
	assert.Equal(t, "created", done.Result)
	info := awaitCompleted(t, s, handle, 3)
	assert.Equal(t, "scheduled/every", info.Definition)
	assert.Equal(t, "1.0.0", info.Version)
	assert.Equal(t, "every 1s", info.Schedule)
	assert.Equal(t, "AllowAll", info.Overlap, "the language: whether or not the last run has ended")
	assert.Equal(t, "1m0s", info.CatchupWindow)
	assert.NotEmpty(t, info.Next)
	output, err := resultOf(t, s, s.GetWorkflow(t.Context(), info.Recent[len(info.Recent)-1].ID, ""))
	require.NoError(t, err)
	assert.JSONEq(t, `{"n": 21, "input": {"n": 20}}`, string(output))

	require.NoError(t, handle.Pause(t.Context(), client.SchedulePauseOptions{Note: "for a test"}))
	done, _ = apply(t, s, text)
	assert.Equal(t, "unchanged", done.Result)
	assert.True(t, done.Paused)
	done, _ = apply(t, s, strings.Replace(strings.Replace(text, "1.0.0", "1.1.0", 1), "PT1S", "PT2S", 1))
	assert.Equal(t, "updated", done.Result)
	info = described(t, s, handle)
	assert.True(t, info.Paused)
	assert.Equal(t, "for a test", info.Note)
	assert.Equal(t, "1.1.0", info.Version)
	assert.Equal(t, "every 2s", info.Schedule)
	assert.Empty(t, info.Next)

	require.NoError(t, handle.Unpause(t.Context(), client.ScheduleUnpauseOptions{}))
	pollUntil(t, "the new version runs", func() bool {
		found, err := s.find(t.Context(), contract.AttributeDefinition+" = 'scheduled/every' AND "+contract.AttributeVersion+" = '1.1.0'", 1)
		return err == nil && len(found) == 1
	})
	require.NoError(t, handle.Delete(t.Context()))
	_, err = handle.Describe(t.Context())
	require.ErrorContains(t, scheduleError(handle.GetID(), err), "there is no schedule scheduled.every")
}

// TestSchedule_After: the next execution begins when the one before has ended
// and the delay has passed, also when it faulted.
func TestSchedule_After(t *testing.T) {
	t.Parallel()
	s := temporalSession(t)
	_, handle := apply(t, s, scheduledText("after", "", "after: PT1S", `
  - nap: {wait: {milliseconds: 1500}}
  - odd: {if: '$workflow.startedAt.epoch.seconds % 2 == 1', raise: {error: {type: 'https://example.com/odd', status: 500}}}
`))
	var info scheduleInfo
	pollUntil(t, "three have ended", func() bool {
		info = described(t, s, handle)
		// The newest may be about to begin: what the schedule started has yet to start it.
		return len(info.Recent) >= 4 && info.Recent[0].Status != "unknown"
	})
	assert.Equal(t, "1s after the end of the one before", info.Schedule)
	assert.Zero(t, info.Skipped)
	assert.Empty(t, info.Next)
	var before time.Time
	for _, action := range slices.Backward(info.Recent) {
		answer, err := s.DescribeWorkflowExecution(t.Context(), action.ID, "")
		require.NoError(t, err)
		e := answer.GetWorkflowExecutionInfo()
		assert.Equal(t, "scheduled/after", e.GetType().GetName())
		if e.GetCloseTime() != nil { // else it may not have found its definition yet
			assert.Equal(t, "1.0.0", attribute(e, contract.AttributeVersion))
		}
		if !before.IsZero() {
			assert.GreaterOrEqual(t, e.GetStartTime().AsTime().Sub(before), time.Second)
		}
		before = e.GetCloseTime().AsTime()
	}
	a := &app{}
	require.ErrorContains(t, a.backfill(t.Context(), s, handle, client.ScheduleBackfill{}), "starts after its last end")
}

// TestSchedule_Overlap: what would be dropped silently is refused, and what the
// policy drops is counted.
func TestSchedule_Overlap(t *testing.T) {
	t.Parallel()
	s := temporalSession(t)
	_, handle := apply(t, s, scheduledText("overlap", "overlapPolicy: Skip", "every: PT1S", "  - nap: {wait: {hours: 1}}\n"))
	pollUntil(t, "a start is skipped", func() bool { return described(t, s, handle).Skipped > 0 })
	var out bytes.Buffer
	a := &app{stdout: &out, stderr: &out}
	err := a.trigger(t.Context(), s, handle, enumspb.SCHEDULE_OVERLAP_POLICY_UNSPECIFIED)
	require.ErrorContains(t, err, "with overlapPolicy Skip nothing else starts")
	require.NoError(t, handle.Pause(t.Context(), client.SchedulePauseOptions{}))
	require.NoError(t, a.trigger(t.Context(), s, handle, enumspb.SCHEDULE_OVERLAP_POLICY_ALLOW_ALL))
	id := strings.TrimSpace(out.String())
	assert.Regexp(t, `^scheduled\.overlap-`, id)
	for _, action := range described(t, s, handle).Recent {
		require.NoError(t, s.CancelWorkflow(t.Context(), action.ID, ""))
	}
}

// TestScheduleInfo_After: ticks that an outage or a delay has left out are no starts
// that were missed.
func TestScheduleInfo_After(t *testing.T) {
	t.Parallel()
	for workflow, want := range map[string]int{contract.After: 0, "test/every": 2} {
		info := (&session{}).scheduleInfoOf("test.x", &client.ScheduleDescription{
			Schedule: client.Schedule{Action: &client.ScheduleWorkflowAction{Workflow: workflow}},
			Info:     client.ScheduleInfo{NumActionsMissedCatchupWindow: 2, NumActionsSkippedOverlap: 2},
		})
		assert.Equal(t, want, info.Missed, workflow)
		assert.Equal(t, want, info.Skipped, workflow)
	}
}

// TestSchedule_Backfill makes up for three nights, one after another.
func TestSchedule_Backfill(t *testing.T) {
	t.Parallel()
	s := temporalSession(t)
	_, handle := apply(t, s, scheduledText("backfill", "timezoneName: Europe/Berlin", "cron: 30 2 * * *", "  - a: {set: {x: 1}}\n"))
	info := described(t, s, handle)
	assert.Equal(t, "cron 30 2 * * * Europe/Berlin", info.Schedule)
	assert.Equal(t, "Skip", info.Overlap)
	berlin, err := time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	for _, next := range info.Next {
		assert.Equal(t, "02:30:00", next.In(berlin).Format(time.TimeOnly))
	}
	past, err := parseBackfill("2026-10-01T00:00:00Z", "2026-10-03T23:00:00Z", "BufferAll")
	require.NoError(t, err)
	a := &app{stderr: &bytes.Buffer{}}
	require.NoError(t, a.backfill(t.Context(), s, handle, past))
	assert.Len(t, awaitCompleted(t, s, handle, 3).Recent, 3)
}

// TestSchedule_OutlivesKill: a schedule goes on after its server and worker were
// killed, and so does what it had started.
func TestSchedule_OutlivesKill(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a server twice")
	}
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "state")
	victim, s := startUp(t, dir, nil)
	text := scheduledText("killed", "", "every: PT2S", "  - nap: {wait: {seconds: 3}}\n  - done: {set: {done: true}}\n")
	_, handle := apply(t, s, text)
	pollUntil(t, "two have started", func() bool { return len(described(t, s, handle).Recent) >= 2 })
	require.NoError(t, victim.Process.Kill())
	_ = victim.Wait()

	_, s = startUp(t, dir, nil)
	handle = s.ScheduleClient().GetHandle(t.Context(), handle.GetID())
	info := awaitCompleted(t, s, handle, 4)
	for _, action := range info.Recent {
		_, err := resultOf(t, s, s.GetWorkflow(t.Context(), action.ID, ""))
		require.NoError(t, err)
	}
	require.NoError(t, handle.Delete(t.Context()))
}
