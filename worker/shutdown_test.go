package worker

import (
	"io"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"

	"lazaret.dev/lazaret/worker/devserver"
	"lazaret.dev/lazaret/worker/install"
)

// workerless is a Temporal without a worker, with what others need to
// reach it.
type workerless struct {
	*session
	home    *install.Install
	address string
}

// environment lets a process reach it as one of the principals.
func (w *workerless) environment(who install.Principal) []string {
	return []string{
		"TEMPORAL_ADDRESS=" + w.address,
		"TEMPORAL_GRPC_META_AUTHORIZATION=Bearer " + w.home.Token(who),
	}
}

func startWorkerless(t *testing.T) *workerless {
	t.Helper()
	home, err := install.Open(t.TempDir() + "/state")
	require.NoError(t, err)
	server, err := devserver.Start(t.Context(), devserver.Options{
		Install: home, InMemory: true, NoUI: true, Address: "127.0.0.1:0",
		SearchAttributes: searchAttributes, Logger: zerolog.New(io.Discard),
	})
	require.NoError(t, err)
	t.Cleanup(func() { _ = server.Stop() })
	c, err := (&app{stderr: io.Discard}).dial(t.Context(), localOptions(home, server.Address(), install.CLI))
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return &workerless{session: &session{Client: c, install: home}, home: home, address: server.Address()}
}

// startWorker runs "lazaret worker" and waits until it polls.
func (w *workerless) startWorker(t *testing.T, flags ...string) *lazaretCommand {
	t.Helper()
	worker := startLazaret(t, w.environment(install.Worker), append([]string{"worker", "--metrics-address", ""}, flags...)...)
	worker.awaitLine(t, "worker of ")
	return worker
}

// lastAttempt is the number of the attempt by which an activity of the
// execution ended.
func (w *workerless) lastAttempt(t *testing.T, id string) int32 {
	t.Helper()
	attempt := int32(0)
	for _, event := range w.events(t, id) {
		if started := event.GetActivityTaskStartedEventAttributes(); started != nil {
			attempt = started.GetAttempt()
		}
	}
	return attempt
}

func (w *workerless) events(t *testing.T, id string) []*historypb.HistoryEvent {
	t.Helper()
	var all []*historypb.HistoryEvent
	for events := w.GetWorkflowHistory(t.Context(), id, "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT); events.HasNext(); {
		event, err := events.Next()
		require.NoError(t, err)
		all = append(all, event)
	}
	return all
}

// TestShutdown_ScriptFinishes: a worker that is told to stop lets its script
// finish, and tells Temporal how it ended.
func TestShutdown_ScriptFinishes(t *testing.T) {
	temporal := startWorkerless(t)
	first := temporal.startWorker(t, "--grace", "60s")
	const id = "finishes"
	run, err := temporal.begin(t.Context(), document(t, holding, `{"marker": "`+id+`"}`), id)
	require.NoError(t, err)
	script := awaitMarked(t, "LC_HOLDING="+id, 1)

	first.signal(t, syscall.SIGTERM)
	first.awaitLine(t, "stopping: running scripts have 1m0s to finish")
	release(t, script)
	require.NoError(t, first.Wait())

	temporal.startWorker(t)
	output, err := follow(t.Context(), temporal.Client, run, nil)
	require.NoError(t, err)
	require.JSONEq(t, `"released"`, string(output))
	require.EqualValues(t, 1, temporal.lastAttempt(t, id), "the script ran once")
}

// TestShutdown_ScriptRetried: when the grace is over the script is killed, the
// worker ends, and another worker runs the script again.
func TestShutdown_ScriptRetried(t *testing.T) {
	temporal := startWorkerless(t)
	first := temporal.startWorker(t, "--grace", "50ms")
	const id = "retried"
	run, err := temporal.begin(t.Context(), document(t, holding, `{"marker": "`+id+`"}`), id)
	require.NoError(t, err)
	killed := awaitMarked(t, "LC_HOLDING="+id, 1)

	first.signal(t, syscall.SIGTERM)
	require.NoError(t, first.Wait())
	require.NoFileExists(t, "/proc/"+strconv.Itoa(killed[0])+"/exe")

	temporal.startWorker(t)
	release(t, awaitMarked(t, "LC_HOLDING="+id, 1))
	output, err := follow(t.Context(), temporal.Client, run, nil)
	require.NoError(t, err)
	require.JSONEq(t, `"released"`, string(output))
	require.EqualValues(t, 2, temporal.lastAttempt(t, id))
}

// TestInterrupt_Twice: the second interrupt of a run that waits for its
// execution to end leaves the execution to itself.
func TestInterrupt_Twice(t *testing.T) {
	temporal := startWorkerless(t)
	const id = "left"
	run := startLazaret(t, temporal.environment(install.CLI), "run", "../testdata/definitions/set.yaml", "--id", id)
	require.Eventually(t, func() bool {
		_, err := temporal.DescribeWorkflowExecution(t.Context(), id, "")
		return err == nil
	}, patience, 10*time.Millisecond)
	run.signal(t, syscall.SIGINT)
	run.awaitLine(t, "cancelling left; interrupt again to leave it to itself")
	require.Eventually(t, func() bool {
		return slices.ContainsFunc(temporal.events(t, id), func(e *historypb.HistoryEvent) bool {
			return e.GetEventType() == enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CANCEL_REQUESTED
		})
	}, patience, 10*time.Millisecond)
	run.signal(t, syscall.SIGINT)
	require.EqualError(t, run.Wait(), "signal: interrupt")

	// Its cancellation was asked for all the same: the next worker ends it.
	temporal.startWorker(t)
	_, err := follow(t.Context(), temporal.Client, temporal.GetWorkflow(t.Context(), id, ""), nil)
	require.EqualError(t, err, "the execution was cancelled")
}
