package worker

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/log"
	sdkworker "go.temporal.io/sdk/worker"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/workflows"
)

// replayRules are a part of the shared worker's, which judge on receipt.
const replayRules = `rate: {limit: 100000, window: 1h}
rules: [{name: order, source: order/*, target: cases/*, types: [case.order.*]}]
`

// TestRouter_Replays sends batches from several senders at once, some of which are
// rejected, to listeners that take them, while the router is asked who listens.
// Every workflow task of it must have replayed, and must replay from each point at
// which a worker could have begun to (A09, A33). It shares the router with the
// tests beside it, and so replays theirs too.
func TestRouter_Replays(t *testing.T) {
	t.Parallel()
	s := temporalSession(t)
	gateway := testGateway(t, replayRules)
	const senders, batches, size = 3, 8, 4
	var ids []string
	for n := range 2 {
		run := beginDocument(t, s, fmt.Sprintf(`document: {dsl: 1.0.3, namespace: cases, name: replay-%d, version: 1.0.0}
do: [hear: {listen: {to: {any: [{with: {type: case.order.replay}}], until: 'length == %d'}}, output: {as: length}}]
`, n, senders*batches*size))
		awaitListener(t, s, run.GetID())
		ids = append(ids, run.GetID())
	}
	var sending sync.WaitGroup
	for sender := range senders {
		sending.Go(func() {
			for n := range batches {
				texts := make([]json.RawMessage, size)
				for i := range texts {
					texts[i] = json.RawMessage(fmt.Sprintf(`{"specversion":"1.0","source":"/replay/%d","id":"%d.%d","type":"case.order.replay"}`, sender, n, i))
				}
				if _, err := gateway.Publish(t.Context(), contract.Sender{Identity: "nobody/replay"}, texts, ""); !assert.NoError(t, err) {
					return
				}
				outcomes, err := gateway.Publish(t.Context(), contract.Sender{Identity: "order/replay"}, texts, "")
				if assert.NoError(t, err) {
					assert.Equal(t, "accepted/2", became(outcomes[0]))
				}
				_, err = s.eventsReport(t.Context())
				assert.NoError(t, err)
			}
		})
	}
	sending.Wait()
	for _, id := range ids {
		output, err := resultOf(t, s, s.GetWorkflow(t.Context(), id, ""))
		require.NoError(t, err)
		assert.Equal(t, fmt.Sprint(senders*batches*size), string(output))
	}
	requireReplays(t, historyEvents(t, s, contract.EventRouterID, ""))
}

// requireReplays replays a history to each tenth of its workflow tasks, and to its
// end, and wants none that failed.
func requireReplays(t *testing.T, events []*historypb.HistoryEvent) {
	t.Helper()
	var ends []int // behind what a workflow task did
	for i, event := range events {
		if failed := event.GetWorkflowTaskFailedEventAttributes(); failed != nil {
			assert.NotEqual(t, enumspb.WORKFLOW_TASK_FAILED_CAUSE_NON_DETERMINISTIC_ERROR, failed.GetCause(), "event %d: %s", event.GetEventId(), failed.GetFailure().GetMessage())
		}
		if event.GetEventType() == enumspb.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED && i > 3 {
			ends = append(ends, i)
		}
	}
	require.NotEmpty(t, ends)
	for n, end := range ends {
		if n%(1+len(ends)/10) == 0 || n == len(ends)-1 {
			assert.NoError(t, replay(t, events[:end]), "to event %d", events[end].GetEventId())
		}
	}
}

func replay(t *testing.T, events []*historypb.HistoryEvent) error {
	t.Helper()
	replayer, err := sdkworker.NewWorkflowReplayerWithOptions(sdkworker.WorkflowReplayerOptions{DisableDeadlockDetection: true})
	require.NoError(t, err)
	workflows.Register(replayer)
	return replayer.ReplayWorkflowHistory(log.NewStructuredLogger(slog.New(slog.DiscardHandler)), &historypb.History{Events: events})
}

// TestRouter_ReplaysOnlyItsOwn shows that the replay notices another flow: signals
// that the router never sent.
func TestRouter_ReplaysOnlyItsOwn(t *testing.T) {
	t.Parallel()
	s := temporalSession(t)
	run := beginDocument(t, s, "document: {dsl: 1.0.3, namespace: cases, name: replay-own, version: 1.0.0}\ndo: [hear: {listen: {to: {one: {with: {type: case.own}}}}}]\n")
	awaitListener(t, s, run.GetID())
	require.Equal(t, "accepted/1", became(send(t, s, `{"type": "case.own"}`, "replay-own")))
	var kept []*historypb.HistoryEvent
	for _, event := range historyEvents(t, s, contract.EventRouterID, "") {
		if initiated := event.GetSignalExternalWorkflowExecutionInitiatedEventAttributes(); initiated != nil && strings.HasPrefix(initiated.GetWorkflowExecution().GetWorkflowId(), run.GetID()) {
			initiated.WorkflowExecution.WorkflowId = "another"
		}
		kept = append(kept, event)
	}
	require.ErrorContains(t, replay(t, kept), "TMPRL1100")
}
