//go:build record

package worker

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/temporalproto"
	"go.temporal.io/sdk/client"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/workflows/definition"
)

// record, set to a name such as v0.1.0, makes TestRecordHistories write.
const record = "LAZARET_RECORD_HISTORIES"

// recordedCases are those whose histories are kept: every kind of task, and every
// way to end, wait, fault and be cancelled.
var recordedCases = []string{
	"data-flow-order", "export-replaces", "skip", "workflow-data-flow", "switch-default",
	"for-accumulate", "for-nested", "for-renewed", "for-scripts", "then-goto-backward", "then-end-nested",
	"fork-order", "fork-compete", "fork-compete-script", "fork-context", "fork-fault-caught", "fork-end", "fork-nested", "fork-scripts",
	"raise-inline", "expression-error", "try-catch-do", "try-nested", "try-script",
	"retry-recovers", "retry-exponential", "retry-attempt-duration", "retry-scripts", "retry-jitter",
	"timeout-caught", "timeout-script", "timeout-workflow", "timeout-in-time", "wait-inline", "wait-expression",
	"run-python-all", "run-python-arguments-map", "run-python-detached", "run-js", "run-shell",
	"run-python-source", "run-python-source-pinned", "run-python-packages",
	"run-workflow", "run-workflow-fault", "run-workflow-detached", "run-workflow-timeout", "run-workflow-recursion-ends",
	"run-script-in-try-for-fork",
	"emit", "emit-refused", "emit-listen", "listen-one", "listen-all", "listen-sequence", "listen-fork", "listen-until-event",
	"call-http", "call-http-retry", "call-http-secrets", "call-openapi", "call-grpc", "call-grpc-stream", "call-grpc-status",
	"call-mcp", "call-mcp-tool-fails", "call-a2a", "call-a2a-stream",
	"call-asyncapi-http", "call-asyncapi-foreach", "call-asyncapi-for",
	"listen-foreach", "listen-correlate", "listen-timeout", "listen-priority",
	"emit-id-replayed", "function-inline", "function-nested", "function-script", "function-url", "function-cataloged",
	"extension-around", "extension-exit", "extension-fault", "schedule-on-input",
}

// TestRecordHistories writes, for the release that the variable names, what
// Temporal records of the cases, to be replayed by every later version. What
// is there already stays: a history is never recorded again.
//
// It is no check, and so no part of the tests: build it with -tags record.
func TestRecordHistories(t *testing.T) { //nolint:tparallel // it has the shared Temporal to itself
	release := os.Getenv(record)
	require.NotEmpty(t, release, "set %s to the release", record)
	folder := filepath.Join("../testdata/histories", release)
	require.NoError(t, os.MkdirAll(folder, 0o755))
	s := temporalSession(t)
	for _, name := range recordedCases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := readCase(t, filepath.Join(caseFolder, name+".txtar"))
			def, err := definition.Parse("definition.yaml", []byte(c.definition))
			require.NoError(t, err)
			run := c.begin(t, s, def)
			first := run.GetRunID()
			_, _ = follow(t.Context(), s.Client, run, nil) // faults are recorded too
			writeHistories(t, s, folder, name, run.GetID(), first)
		})
	}
	t.Run("cancelled", func(t *testing.T) {
		t.Parallel()
		run := beginCancelled(t, s)
		writeHistories(t, s, folder, "cancelled", run.GetID(), run.GetRunID())
	})
}

// TestRecordHistories_ByName writes those of executions that are started by the
// name of a published definition, with plain JSON, as the UI does it, and as a
// child; and that of the schedule on events itself. It is a part of
// TestRecordHistories in all else.
func TestRecordHistories_ByName(t *testing.T) {
	release := os.Getenv(record)
	require.NotEmpty(t, release, "set %s to the release", record)
	folder := filepath.Join("../testdata/histories", release)
	s := temporalSession(t)
	publishText(t, s, everyWay)
	for name, run := range map[string]client.WorkflowRun{
		"by-name":         startPlain(t, s, "published/every-way", map[string]any{"n": 12}),
		"by-name-version": startPlain(t, s, "published/every-way:1.0.0", map[string]any{"n": 12}),
		"by-name-unknown": startPlain(t, s, "published/nowhere"),
		"by-name-child": beginDocument(t, s, `
document: {dsl: 1.0.3, namespace: published, name: parent, version: 1.0.0}
do: [child: {run: {workflow: {namespace: published, name: every-way, version: latest, input: {n: 12}}}}]
`),
	} {
		_, _ = follow(t.Context(), s.Client, run, nil)
		writeHistories(t, s, folder, name, run.GetID(), run.GetRunID())
	}
	done := applyOn(t, s, onText("on-recorded", "1.0.0", "  on: {all: [{with: {type: start.a}}, {with: {type: start.b}}]}"))
	for i, kind := range []string{"start.a", "start.b", "start.b", "start.a"} {
		require.Equal(t, "accepted/1", became(sent(t, s, fmt.Sprintf("recorded-%d", i), kind, i)))
	}
	startedOn(t, s, done.ID, 2)
	schedule := s.GetWorkflow(t.Context(), eventScheduleID(done.ID), "")
	require.NoError(t, s.endEventSchedule(t.Context(), done.ID))
	_ = schedule.Get(t.Context(), nil)
	writeHistories(t, s, folder, "schedule-on", schedule.GetID(), schedule.GetRunID())
}

// writeHistories writes an execution's history, those of the runs that continue
// it, and its children's.
func writeHistories(t *testing.T, s *session, folder, name, id, runID string) {
	t.Helper()
	events := historyEvents(t, s, id, runID)
	closed := []enumspb.EventType{
		enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED,
		enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW,
	}
	require.True(t, slices.Contains(closed, events[len(events)-1].GetEventType()), "%s has not ended", name)
	writeHistory(t, filepath.Join(folder, name+".json"), events)
	last := events[len(events)-1]
	if next := last.GetWorkflowExecutionContinuedAsNewEventAttributes(); next != nil {
		writeHistories(t, s, folder, name+".next", id, next.GetNewExecutionRunId())
	}
	children := 0
	for _, event := range events {
		if child := event.GetChildWorkflowExecutionStartedEventAttributes(); child != nil {
			children++
			execution := child.GetWorkflowExecution()
			_, _ = follow(t.Context(), s.Client, s.GetWorkflow(t.Context(), execution.GetWorkflowId(), execution.GetRunId()), nil)
			writeHistories(t, s, folder, fmt.Sprintf("%s.child-%d", name, children), execution.GetWorkflowId(), execution.GetRunId())
		}
	}
}

func writeHistory(t *testing.T, file string, events []*historypb.HistoryEvent) {
	t.Helper()
	data, err := temporalproto.CustomJSONMarshalOptions{Indent: " "}.Marshal(&historypb.History{Events: events})
	require.NoError(t, err)
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	require.NoError(t, err, "a history is never recorded again")
	_, err = f.Write(append(withoutMachine(t, data), '\n'))
	require.NoError(t, err)
	require.NoError(t, f.Close())
}

// workerIdentity is PID@HOST@ or HOST:UUID, as the SDK names workers and their queues.
var workerIdentity = regexp.MustCompile(`"(\d+@[^"]*|[^":/ ]+:[0-9a-f-]{36})"`)

// withoutMachine takes out what belongs to the machine that recorded.
func withoutMachine(t *testing.T, data []byte) []byte {
	t.Helper()
	data = workerIdentity.ReplaceAll(data, []byte(`"recorder"`))
	host, err := os.Hostname()
	require.NoError(t, err)
	for _, word := range []string{"/root/", "/home/", "/tmp/", `"` + host} {
		require.NotContains(t, string(data), word)
	}
	return data
}

// TestRecordRouter writes that of the events' router, which never ends: what it
// did while tests sent to it, one event and many at a time, some of them rejected.
func TestRecordRouter(t *testing.T) {
	release := os.Getenv(record)
	require.NotEmpty(t, release, "set %s to the release", record)
	s := temporalSession(t)
	t.Run("tests", func(t *testing.T) {
		t.Run("batches", TestRouter_Replays)
		t.Run("left", TestRouter_ReplaysOnlyItsOwn)
	})
	events := historyEvents(t, s, contract.EventRouterID, "")
	writeHistory(t, filepath.Join("../testdata/histories", release, "router.json"), events)
}
