package workflows_test

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"lazaret.dev/lazaret/workflows"
)

// TestReplay replays what real servers recorded of every kind of task, by this
// and every earlier release: a run in flight survives the change at hand.
func TestReplay(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../testdata/histories/*/*.json")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Join(filepath.Base(filepath.Dir(file)), filepath.Base(file)), ".json")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.NoError(t, replay(t, readHistory(t, file)))
		})
	}
}

// TestReplay_NoticesAnotherFlow shows that TestReplay can fail: what the recorded
// history has otherwise than this interpreter would do it is not this workflow's.
func TestReplay_NoticesAnotherFlow(t *testing.T) {
	t.Parallel()
	for name, another := range map[string]func(*historypb.HistoryEvent){
		"wait-inline": func(e *historypb.HistoryEvent) { // its timer was never started
			if timer := e.GetTimerStartedEventAttributes(); timer != nil {
				timer.TimerId = "another"
			}
		},
		// An execution that ends in an error tells its ledger, once (A14).
		"error-told":        renameLocal("ledger.end"),
		"suspended-running": renameLocal("ledger.end"),
		// The ledger counts it.
		"ledger-errors-kept": renameLocal("ledger.endings"),
		// Whom the policy suspends starts nothing (B60).
		"suspended-start": func(e *historypb.HistoryEvent) {
			for _, result := range e.GetMarkerRecordedEventAttributes().GetDetails()["result"].GetPayloads() {
				result.Data = bytes.Replace(result.Data, []byte(`"refused":true`), []byte(`"tell":true`), 1)
			}
		},
		"held-refused": func(e *historypb.HistoryEvent) {
			if scheduled := e.GetActivityTaskScheduledEventAttributes(); scheduled != nil {
				scheduled.ActivityType.Name = "another"
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			history := readHistory(t, "../testdata/histories/v0.1.0/"+name+".json")
			for _, event := range history.GetEvents() {
				another(event)
			}
			assert.ErrorContains(t, replay(t, history), "TMPRL1100")
		})
	}
}

// renameLocal has another local activity recorded where the history has this one.
func renameLocal(activity string) func(*historypb.HistoryEvent) {
	return func(e *historypb.HistoryEvent) {
		for _, data := range e.GetMarkerRecordedEventAttributes().GetDetails()["data"].GetPayloads() {
			data.Data = bytes.Replace(data.Data, []byte(`"`+activity+`"`), []byte(`"another"`), 1)
		}
	}
}

func replay(t *testing.T, history *historypb.History) error {
	t.Helper()
	replayer, err := worker.NewWorkflowReplayerWithOptions(worker.WorkflowReplayerOptions{DisableDeadlockDetection: true})
	require.NoError(t, err)
	workflows.Register(replayer)
	started := history.GetEvents()[0].GetWorkflowExecutionStartedEventAttributes()
	return replayer.ReplayWorkflowHistoryWithOptions(log.NewStructuredLogger(slog.New(slog.DiscardHandler)), history,
		worker.ReplayWorkflowHistoryOptions{OriginalExecution: workflow.Execution{
			// Children are named after it.
			ID: started.GetWorkflowId(), RunID: started.GetOriginalExecutionRunId(),
		}})
}

func readHistory(t *testing.T, file string) *historypb.History {
	t.Helper()
	f, err := os.Open(file)
	require.NoError(t, err)
	defer func() { _ = f.Close() }()
	history, err := client.HistoryFromJSON(f, client.HistoryJSONOptions{})
	require.NoError(t, err)
	return history
}
