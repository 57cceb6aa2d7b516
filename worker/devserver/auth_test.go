//go:build !nodevserver

package devserver_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
)

func TestAuthorize_AnonymousRefused(t *testing.T) {
	c, err := client.DialContext(t.Context(), client.Options{HostPort: shared.Address(), Logger: quiet{}})
	require.NoError(t, err, "a client may ask what the server can do")
	defer c.Close()
	_, err = c.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{TaskQueue: "anonymous"}, "any")
	var denied *serviceerror.PermissionDenied
	require.ErrorAs(t, err, &denied)
	require.Equal(t, "this Temporal belongs to lazaret and asks for a token; use TEMPORAL_CONFIG_FILE="+
		sharedInstall.ProfilePath(), denied.Error())
}
