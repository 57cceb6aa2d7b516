//go:build nodevserver

package devserver_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/worker/devserver"
)

func TestStart_NotBuilt(t *testing.T) {
	_, err := devserver.Start(t.Context(), devserver.Options{})
	require.ErrorIs(t, err, devserver.ErrUnavailable)
	var start *devserver.StartError
	require.ErrorAs(t, err, &start)
	require.Equal(t, devserver.NotBuilt, start.Code)
	require.Equal(t, "embedded Temporal: this binary was built without the embedded Temporal", start.Error())
	require.Equal(t, "set TEMPORAL_ADDRESS to the Temporal you run, or use the full binary", start.Hint)
}
