//go:build !nodevserver

package devserver_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"lazaret.dev/lazaret/worker/devserver"
	"lazaret.dev/lazaret/worker/install"
)

func TestNamespace_Retention(t *testing.T) {
	require.Equal(t, 30*24*time.Hour, retention(t, sharedInstall, shared))
}

func TestNamespace_SearchAttributes(t *testing.T) {
	c := dial(t, sharedInstall, shared, install.CLI)
	tag(t, c, temporal.NewSearchAttributeKeyKeyword("LazaretState").ValueSet("active"))
	eventually(t, "the attribute finds the execution", func() bool {
		return count(t, c, "LazaretState = 'active'") == 1
	})
}

// A later release brings more attributes and another retention to an old file.
func TestNamespace_OldDatabaseCatchesUp(t *testing.T) {
	i := newInstall(t)
	o := options(i)
	o.NoUI, o.Retention = true, 48*time.Hour
	old, err := devserver.Start(t.Context(), o)
	require.NoError(t, err)
	require.NoError(t, old.Stop())

	o.Retention = 96 * time.Hour
	o.SearchAttributes["LazaretLevel"] = enumspb.INDEXED_VALUE_TYPE_KEYWORD
	s, err := devserver.Start(t.Context(), o)
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Stop()) }()
	require.Equal(t, 96*time.Hour, retention(t, i, s))
	c := dial(t, i, s, install.CLI)
	tag(t, c, temporal.NewSearchAttributeKeyKeyword("LazaretLevel").ValueSet("strict"))
	eventually(t, "the new attribute finds the execution", func() bool {
		return count(t, c, "LazaretLevel = 'strict'") == 1
	})
}

func TestSchedule_Fires(t *testing.T) {
	c := dial(t, sharedInstall, shared, install.CLI)
	serve(t, dial(t, sharedInstall, shared, install.Worker), "scheduled")
	handle, err := c.ScheduleClient().Create(t.Context(), client.ScheduleOptions{
		ID:   "every-second",
		Spec: client.ScheduleSpec{Intervals: []client.ScheduleIntervalSpec{{Every: time.Second}}},
		Action: &client.ScheduleWorkflowAction{
			ID: "scheduled", Workflow: greetWorkflow, Args: []any{"you"}, TaskQueue: "scheduled",
		},
	})
	require.NoError(t, err)
	eventually(t, "a scheduled execution completes", func() bool {
		return count(t, c, "TemporalScheduledById = 'every-second' AND ExecutionStatus = 'Completed'") > 0
	})
	require.NoError(t, handle.Delete(t.Context()))
}

func retention(t *testing.T, i *install.Install, s *devserver.Server) time.Duration {
	t.Helper()
	found, err := dial(t, i, s, install.CLI).WorkflowService().DescribeNamespace(t.Context(),
		&workflowservice.DescribeNamespaceRequest{Namespace: install.Namespace})
	require.NoError(t, err)
	return found.GetConfig().GetWorkflowExecutionRetentionTtl().AsDuration()
}

// tag starts an execution, which nothing runs, with the attribute set.
func tag(t *testing.T, c client.Client, set temporal.SearchAttributeUpdate) {
	t.Helper()
	_, err := c.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{
		TaskQueue: "nobody", TypedSearchAttributes: temporal.NewSearchAttributes(set),
	}, awaitWorkflow)
	require.NoError(t, err)
}

func count(t *testing.T, c client.Client, query string) int64 {
	t.Helper()
	found, err := c.CountWorkflow(t.Context(), &workflowservice.CountWorkflowExecutionsRequest{Query: query})
	require.NoError(t, err)
	return found.GetCount()
}
