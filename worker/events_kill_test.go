package worker

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/go-retryablehttp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	sdkworker "go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/activities/ledger"
	"lazaret.dev/lazaret/workflows"
)

const killRules = `rules:
  - {name: outside, source: '@http/tests', target: cases/*, types: [case.*]}
  - {name: starts, source: '@http/tests', target: scheduled/*, types: [case.*]}
  - {name: told, source: '@lifecycle', target: cases/watch-*, types: [io.serverlessworkflow.*]}
  - {name: phases, source: '@lifecycle', target: cases/phases, types: [io.serverlessworkflow.workflow.status-changed.v1, io.serverlessworkflow.task.status-changed.v1]}
sinks:
  - {name: gone, url: 'http://127.0.0.1:9/', source: '@lifecycle', types: [io.serverlessworkflow.workflow.cancelled.v1], privateNetworks: ['127.0.0.0/8']}
`

// toldDefinition has every transition that lifecycle events tell of, but for
// cancellation, and lets both kills come in the middle.
const toldDefinition = `document: {dsl: 1.0.3, namespace: cases, name: told, version: 1.0.0}
do:
  - guarded:
      try:
        - check: {if: $context.again | not, set: {x: 1}, export: {as: '{again: true}'}}
        - odd: {raise: {error: {type: 'https://example.com/odd', status: 500}}}
      catch: {retry: {limit: {attempt: {count: 1}}}, do: [calm: {set: {calm: true}}]}
  - hear: {listen: {to: {any: [{with: {type: case.end}}]}}}
  - last: {set: {done: true}}
`

// toldTypes are what that execution tells, in order.
var toldTypes = []string{
	"workflow.started",
	"task.created /do/0/guarded", "task.started /do/0/guarded",
	"task.created /do/0/guarded/try/0/check", "task.started /do/0/guarded/try/0/check", "task.completed /do/0/guarded/try/0/check",
	"task.created /do/0/guarded/try/1/odd", "task.started /do/0/guarded/try/1/odd", "task.faulted /do/0/guarded/try/1/odd",
	"task.retried /do/0/guarded",
	"task.created /do/0/guarded/try/1/odd", "task.started /do/0/guarded/try/1/odd", "task.faulted /do/0/guarded/try/1/odd",
	"task.created /do/0/guarded/catch/do/0/calm", "task.started /do/0/guarded/catch/do/0/calm", "task.completed /do/0/guarded/catch/do/0/calm",
	"task.completed /do/0/guarded",
	"task.created /do/1/hear", "task.started /do/1/hear", "workflow.correlation-started",
	"workflow.correlation-completed", "task.completed /do/1/hear",
	"task.created /do/2/last", "task.started /do/2/last", "task.completed /do/2/last",
	"workflow.completed",
}

// TestEvents_SurviveKills kills server, router and workers without warning, twice,
// while events flow: a sender that tries until it is answered loses none, and
// none is delivered twice; each starts one execution; the lifecycle of an
// execution is told once, and of a replay nothing.
func TestEvents_SurviveKills(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a server three times")
	}
	t.Parallel()
	const count = 60
	dir := t.TempDir()
	rules, senders := filepath.Join(dir, "rules.yaml"), sendersFile(t)
	require.NoError(t, os.WriteFile(rules, []byte(killRules), 0o600))
	address := freeAddress(t)
	start := func() (*lazaretCommand, *session) {
		return startUp(t, filepath.Join(dir, "state"), nil, "--event-rules", rules, "--event-listen", address, "--event-senders", senders, "--log-level", "error")
	}
	victim, s := start()
	watch := beginWatch(t, s, "told", "completed")
	hear := beginDocument(t, s, fmt.Sprintf(`document: {dsl: 1.0.3, namespace: cases, name: killed, version: 1.0.0}
do: [{hear: {listen: {to: {any: [{with: {type: case.flow}}], until: 'length >= %d'}}}}]
`, count+1))
	awaitListener(t, s, hear.GetID())
	schedule := applyOn(t, s, onText("killed", "1.0.0", "  on: {one: {with: {type: case.flow}}}"))
	told := beginDocument(t, s, toldDefinition)

	var answered atomic.Int64
	flow := make(chan error, 1)
	go func() {
		flow <- sendAll(t.Context(), "http://"+address+"/events", count, &answered)
	}()
	for _, after := range []int64{count / 4, count / 2} {
		pollUntil(t, "some are answered", func() bool { return answered.Load() >= after })
		require.NoError(t, victim.Process.Kill())
		_ = victim.Wait()
		victim, s = start()
	}
	require.NoError(t, <-flow)
	// One more, as the end: had one before been delivered twice, it would be missing.
	end := post(t, "http://"+address+"/events", testTokens["tests"], eventText("end", "case.flow", fmt.Sprintf(`,"data":%d`, count)), structuredMode)
	require.Equal(t, http.StatusAccepted, end.status, end.text)
	require.Equal(t, http.StatusAccepted, post(t, "http://"+address+"/events", testTokens["tests"], eventText("told", "case.end", ""), structuredMode).status)

	var want []any
	for i := range count + 1 {
		want = append(want, float64(i))
	}
	assert.Equal(t, want, outputOf(t, s, hear), "each once, in the order in which they were sent")
	pollUntil(t, "each has started one", func() bool {
		info, _, err := s.eventSchedule(t.Context(), schedule.ID)
		return err == nil && info.Started >= count+1
	})
	info, _, err := s.eventSchedule(t.Context(), schedule.ID)
	require.NoError(t, err)
	assert.Equal(t, count+1, info.Started)

	_ = outputOf(t, s, told)
	checkTold(t, outputOf(t, s, watch))
	checkToldReplay(t, s, told)
	t.Run("suspended", func(t *testing.T) { checkSuspended(t, s) })
	t.Run("cancelled", func(t *testing.T) { checkCancelled(t, s) })
}

// beginWatch begins to listen to what the executions of a definition tell, until
// one ends in this way.
func beginWatch(t *testing.T, s *session, name, end string) client.WorkflowRun {
	t.Helper()
	run := beginDocument(t, s, fmt.Sprintf(`document: {dsl: 1.0.3, namespace: cases, name: watch-%[1]s, version: 1.0.0}
do:
  - all:
      listen:
        to:
          any: [{with: {source: /cases/%[1]s/1.0.0, data: '${ has("status") | not }'}}]
          until: '.[-1].type == "io.serverlessworkflow.workflow.%[2]s.v1"'
        read: envelope
`, name, end))
	awaitListener(t, s, run.GetID())
	return run
}

// checkSuspended: an execution that a quarantine holds tells so, of itself and of
// the tasks that stand, and that they go on; changes of status are told to who
// asks for them by name.
func checkSuspended(t *testing.T, s *session) {
	t.Helper()
	watch := beginWatch(t, s, "held", "completed")
	phases := beginDocument(t, s, `document: {dsl: 1.0.3, namespace: cases, name: phases, version: 1.0.0}
do:
  - all:
      listen:
        to:
          any: [{with: {source: /cases/held/1.0.0, data: '${ has("status") }'}}]
          until: '.[-1] | .status == "completed" and (has("task") | not)'
`)
	awaitListener(t, s, phases.GetID())
	text := `document: {dsl: 1.0.3, namespace: cases, name: held, version: 1.0.0}
do:
  - outer: {do: [{sleep: {run: {script: {language: python, code: "import time\ntime.sleep(2)\nprint('slept', end='')"}}}}]}
`
	run := beginDocument(t, s, text)
	pollUntil(t, "the script runs", func() bool { return startedActivities(t, s, run.GetID()) == 1 })
	store := ledger.Store{Client: s.Client}
	_, err := store.Add(t.Context(), "cases", "held", contract.LedgerRequest{Reason: "looks odd", By: "me"})
	require.NoError(t, err)
	pollUntil(t, "its script is killed", func() bool {
		state, err := s.state(t.Context(), run.GetID())
		return err == nil && state.Status == "held" && startedActivities(t, s, run.GetID()) == 0
	})
	_, err = store.Release(t.Context(), "cases", "held", contract.LedgerRequest{Reason: "fine", Reviewer: "you"})
	require.NoError(t, err)
	assert.Equal(t, "slept", outputOf(t, s, run))
	assert.Equal(t, []string{
		"workflow.started", "task.created /do/0/outer", "task.started /do/0/outer",
		"task.created /do/0/outer/do/0/sleep", "task.started /do/0/outer/do/0/sleep",
		"workflow.suspended", "task.suspended /do/0/outer", "task.suspended /do/0/outer/do/0/sleep",
		"workflow.resumed", "task.resumed /do/0/outer", "task.resumed /do/0/outer/do/0/sleep",
		"task.completed /do/0/outer/do/0/sleep", "task.completed /do/0/outer", "workflow.completed",
	}, linesOf(outputOf(t, s, watch)))
	var got []string
	for _, item := range outputOf(t, s, phases).([]any) {
		data := item.(map[string]any)
		assert.NotEmpty(t, data["updatedAt"])
		task, _ := data["task"].(string)
		got = append(got, strings.TrimSuffix(fmt.Sprintf("%v %s", data["status"], task), " "))
	}
	assert.Equal(t, []string{
		"running", "pending /do/0/outer", "running /do/0/outer", "pending /do/0/outer/do/0/sleep", "running /do/0/outer/do/0/sleep",
		"suspended", "suspended /do/0/outer", "suspended /do/0/outer/do/0/sleep",
		"running", "running /do/0/outer", "running /do/0/outer/do/0/sleep",
		"completed /do/0/outer/do/0/sleep", "completed /do/0/outer", "completed",
	}, got)
}

// checkCancelled: an execution that is cancelled still tells so, and ends, although
// a sink that is to hear of it is not there.
func checkCancelled(t *testing.T, s *session) {
	t.Helper()
	watch := beginWatch(t, s, "stopped", "cancelled")
	run := beginDocument(t, s, `document: {dsl: 1.0.3, namespace: cases, name: stopped, version: 1.0.0}
do: [{long: {wait: PT1H}}]
`)
	pollUntil(t, "it waits", func() bool {
		state, err := s.state(t.Context(), run.GetID())
		return err == nil && task(state, "long").Status == "running"
	})
	require.NoError(t, s.CancelWorkflow(t.Context(), run.GetID(), ""))
	assert.Equal(t, []string{
		"workflow.started", "task.created /do/0/long", "task.started /do/0/long", "task.cancelled /do/0/long", "workflow.cancelled",
	}, linesOf(outputOf(t, s, watch)))
	_, err := resultOf(t, s, s.GetWorkflow(t.Context(), run.GetID(), ""))
	var ended *exitError
	require.ErrorAs(t, err, &ended)
	assert.Equal(t, exitCancelled, ended.code)
	pollUntil(t, "the sink is tried", func() bool {
		found, err := s.ListWorkflow(t.Context(), &workflowservice.ListWorkflowExecutionsRequest{Query: "WorkflowType = 'lazaret.sink' AND ExecutionStatus = 'Running'"})
		return err == nil && len(found.GetExecutions()) == 1
	})
}

// linesOf are the transitions of lifecycle events, with their tasks.
func linesOf(output any) []string {
	var lines []string
	for _, item := range output.([]any) {
		lines = append(lines, lineOf(item.(map[string]any)))
	}
	return lines
}

func lineOf(event map[string]any) string {
	line := strings.TrimSuffix(strings.TrimPrefix(event["type"].(string), "io.serverlessworkflow."), ".v1")
	if task, ok := event["data"].(map[string]any)["task"].(string); ok {
		line += " " + task
	}
	return line
}

// sendAll sends events one after another, each until it is answered.
func sendAll(ctx context.Context, url string, count int, answered *atomic.Int64) error {
	sender := retryablehttp.NewClient()
	sender.Logger, sender.RetryMax, sender.RetryWaitMin, sender.RetryWaitMax = nil, 600, 50*time.Millisecond, 200*time.Millisecond
	for i := range count {
		body := eventText(fmt.Sprintf("k%d", i), "case.flow", fmt.Sprintf(`,"data":%d`, i))
		request, err := retryablehttp.NewRequestWithContext(ctx, http.MethodPost, url, []byte(body))
		if err != nil {
			return err
		}
		request.Header.Set("Authorization", "Bearer "+testTokens["tests"])
		request.Header.Set("Content-Type", "application/cloudevents+json")
		response, err := sender.Do(request)
		if err != nil {
			return err
		}
		_ = response.Body.Close()
		if response.StatusCode != http.StatusAccepted {
			return fmt.Errorf("event %d: status %d", i, response.StatusCode)
		}
		answered.Add(1)
	}
	return nil
}

// freeAddress is one of loopback that nobody listens on now.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close() //nolint:errcheck // it served its purpose
	return l.Addr().String()
}

func outputOf(t *testing.T, s *session, run client.WorkflowRun) any {
	t.Helper()
	output, err := resultOf(t, s, s.GetWorkflow(t.Context(), run.GetID(), ""))
	require.NoError(t, err)
	var value any
	require.NoError(t, json.Unmarshal(output, &value))
	return value
}

// checkTold holds what was told against what happened.
func checkTold(t *testing.T, output any) {
	t.Helper()
	var got []string
	ids := map[any]bool{}
	for _, item := range output.([]any) {
		event := item.(map[string]any)
		ids[event["id"]] = true
		assert.Equal(t, "@lifecycle", event["lazaretsender"])
		data := event["data"].(map[string]any)
		line := lineOf(event)
		got = append(got, line)
		switch line {
		case "workflow.started":
			assert.Equal(t, map[string]any{"namespace": "cases", "name": "told", "version": "1.0.0"}, data["definition"])
			assert.Regexp(t, `^told-.+\.cases$`, data["name"])
			assert.NotEmpty(t, data["startedAt"])
		case "task.faulted /do/0/guarded/try/1/odd":
			assert.InDelta(t, 500, data["error"].(map[string]any)["status"], 0)
		case "workflow.completed":
			assert.Equal(t, map[string]any{"done": true}, data["output"])
		}
	}
	assert.Equal(t, toldTypes, got)
	assert.Len(t, ids, len(toldTypes), "each has an id of its own")
}

// checkToldReplay replays the execution where nothing is told: its history says
// what was decided, and how few activities told it.
func checkToldReplay(t *testing.T, s *session, run client.WorkflowRun) {
	t.Helper()
	tellings := 0
	history := historyEvents(t, s, run.GetID(), run.GetRunID())
	for _, event := range history {
		if event.GetActivityTaskScheduledEventAttributes().GetActivityType().GetName() == "event.lifecycle" {
			tellings++
		}
	}
	assert.Positive(t, tellings)
	assert.LessOrEqual(t, tellings, 6, "many transitions go together")
	replayer, err := sdkworker.NewWorkflowReplayerWithOptions(sdkworker.WorkflowReplayerOptions{DisableDeadlockDetection: true})
	require.NoError(t, err)
	workflows.Register(replayer)
	original := history[0].GetWorkflowExecutionStartedEventAttributes().GetOriginalExecutionRunId()
	require.NoError(t, replayer.ReplayWorkflowHistoryWithOptions(nil, &historypb.History{Events: history},
		sdkworker.ReplayWorkflowHistoryOptions{OriginalExecution: workflow.Execution{ID: run.GetID(), RunID: original}}))
}
