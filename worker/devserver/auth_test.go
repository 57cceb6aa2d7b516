//go:build !nodevserver

package devserver_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/envconfig"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"lazaret.dev/lazaret/worker/install"
)

func TestAuthorize_RefusesAnonymousAndWrongToken(t *testing.T) {
	for name, headers := range map[string]client.Options{
		"anonymous":   {},
		"wrong token": {HeadersProvider: (&install.Install{}).Credentials(install.CLI)},
	} {
		t.Run(name, func(t *testing.T) {
			headers.HostPort, headers.Logger = shared.Address(), quiet{}
			c, err := client.DialContext(t.Context(), headers)
			require.NoError(t, err, "anyone may ask what the server can do")
			defer c.Close()
			_, err = c.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{TaskQueue: "q"}, "any")
			var denied *serviceerror.PermissionDenied
			require.ErrorAs(t, err, &denied)
			require.Equal(t, "this Temporal belongs to lazaret and asks for a token; use TEMPORAL_CONFIG_FILE="+
				sharedInstall.ProfilePath(), denied.Error())
		})
	}
}

// The admin service can rewrite histories; even the CLI's token does not open it.
func TestAuthorize_AdminServiceClosed(t *testing.T) {
	conn, err := grpc.NewClient("passthrough:///"+shared.Address(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+sharedInstall.Token(install.CLI))
	err = conn.Invoke(ctx, "/temporal.server.api.adminservice.v1.AdminService/DescribeCluster",
		&workflowservice.GetSystemInfoRequest{}, &workflowservice.GetSystemInfoResponse{})
	require.Equal(t, codes.PermissionDenied, status.Code(err), "%v", err)
}

func TestAuthorize_PrincipalStampedOnEvents(t *testing.T) {
	worker := dial(t, sharedInstall, shared, install.Worker)
	serve(t, worker, "principals")
	cli := dial(t, sharedInstall, shared, install.CLI)
	run, err := cli.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{TaskQueue: "principals"}, awaitWorkflow)
	require.NoError(t, err)
	ui := dial(t, sharedInstall, shared, install.UI)
	require.NoError(t, ui.SignalWorkflow(t.Context(), run.GetID(), run.GetRunID(), "go", "now"))
	require.NoError(t, run.Get(t.Context(), nil))

	events := eventsOf(t, cli, run)
	require.Equal(t, "cli", events[enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED].GetPrincipal().GetName())
	require.Equal(t, "ui", events[enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED].GetPrincipal().GetName())
	closing := events[enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED].GetPrincipal()
	require.Equal(t, "worker", closing.GetName())
	require.Equal(t, "lazaret", closing.GetType())
}

// eventsOf returns the history of run, the last event of each type.
func eventsOf(t *testing.T, c client.Client, run client.WorkflowRun) map[enumspb.EventType]*historypb.HistoryEvent {
	t.Helper()
	events := map[enumspb.EventType]*historypb.HistoryEvent{}
	iter := c.GetWorkflowHistory(t.Context(), run.GetID(), run.GetRunID(), false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for iter.HasNext() {
		event, err := iter.Next()
		require.NoError(t, err)
		events[event.GetEventType()] = event
	}
	return events
}

// Whatever reads environment configuration works with temporal.toml alone.
func TestProfile_OrdinaryClient(t *testing.T) {
	t.Setenv("TEMPORAL_CONFIG_FILE", sharedInstall.ProfilePath())
	o, err := envconfig.LoadDefaultClientOptions()
	require.NoError(t, err)
	o.Logger = quiet{}
	c, err := client.DialContext(t.Context(), o)
	require.NoError(t, err)
	defer c.Close()
	_, err = c.CountWorkflow(t.Context(), &workflowservice.CountWorkflowExecutionsRequest{})
	require.NoError(t, err)
}

// The ports of the services are no way around the tokens.
func TestInternode_RefusesStrangers(t *testing.T) {
	require.Len(t, sharedPorts, 6, "frontend, UI and four internal ports")
	for _, at := range sharedPorts {
		if at == shared.Address() || at == shared.UIAddress() {
			continue
		}
		conn, err := grpc.NewClient("passthrough:///"+at, grpc.WithTransportCredentials(insecure.NewCredentials()))
		require.NoError(t, err)
		_, err = workflowservice.NewWorkflowServiceClient(conn).ListNamespaces(t.Context(), &workflowservice.ListNamespacesRequest{})
		require.Equal(t, codes.Unavailable, status.Code(err), "%s answered a stranger: %v", at, err)
		require.NoError(t, conn.Close())
	}
}
