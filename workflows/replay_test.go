package workflows_test

import (
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

// TestReplay_NoticesAnotherFlow shows that TestReplay can fail: a history in
// which the timer of a wait was never started is not this workflow's.
func TestReplay_NoticesAnotherFlow(t *testing.T) {
	files, err := filepath.Glob("../testdata/histories/*/wait-inline.json")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	history := readHistory(t, files[0])
	for _, event := range history.GetEvents() {
		if timer := event.GetTimerStartedEventAttributes(); timer != nil {
			timer.TimerId = "another"
		}
	}
	assert.ErrorContains(t, replay(t, history), "TMPRL1100")
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
