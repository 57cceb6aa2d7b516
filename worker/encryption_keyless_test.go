package worker

import (
	"fmt"
	"io"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/activities/ledger"
)

// TestEncryption_Keyless: a worker that lacks the key of what is sealed takes
// nothing of it for wrong: executions and ledgers wait for one that has it, and
// the worker ends once it sees that it cannot know what is held.
func TestEncryption_Keyless(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a Temporal and three workers")
	}
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "state")
	_, plain := startUp(t, dir, nil, "--payload-keys", "auto", "--level", "strict")
	a := &app{stateDir: dir, logFormat: "console", logLevel: "error", stderr: io.Discard, stdout: io.Discard}
	sealed, err := a.connect(t.Context())
	require.NoError(t, err)
	defer sealed.Close()
	store := ledger.Store{Client: sealed.Client}
	work := func(name string) client.WorkflowRun {
		run, err := sealed.begin(t.Context(), document(t, groundText(name, "print(1)"), "null"), "")
		require.NoError(t, err)
		return run
	}
	profile := "TEMPORAL_CONFIG_FILE=" + plain.install.ProfilePath()

	// Of the same state folder, it finds the keys by itself.
	local := startLazaret(t, []string{profile}, "worker", "--state-dir", dir, "--metrics-address", "", "--level", "strict")
	local.awaitLine(t, "worker of ")

	strange := filepath.Join(t.TempDir(), "strange.keys")
	require.Zero(t, a.execute(t.Context(), []string{"keys", "create", strange}))
	for name, keys := range map[string]string{"none": "off", "others": strange} {
		keyless := startLazaret(t, []string{profile}, "worker", "--state-dir", t.TempDir(), "--metrics-address", "", "--level", "strict", "--payload-keys", keys)
		keyless.awaitLine(t, "worker of ")
		for n := range 6 {
			_, err := resultOf(t, sealed, work(fmt.Sprintf("keyless/%s-%d", name, n)))
			require.NoError(t, err, "another worker has the key")
		}
		_, err = store.Add(t.Context(), "keyless", name, contract.LedgerRequest{Reason: "looks odd", By: "me"})
		require.NoError(t, err)
		_ = keyless.Wait()
		require.Equal(t, exitUnreachable, keyless.ProcessState.ExitCode())
		assert.Contains(t, keyless.said.String(), "its key is not in the ring")
		l, err := store.Ledger(t.Context(), "keyless", name)
		require.NoError(t, err)
		assert.Equal(t, contract.LedgerQuarantined, l.State)
	}
	for _, id := range []string{contract.LedgerID("keyless", "none"), contract.LedgerID("keyless", "others"), contract.RegisterID} {
		d, err := plain.DescribeWorkflowExecution(t.Context(), id, "")
		require.NoError(t, err)
		info := d.GetWorkflowExecutionInfo()
		assert.Equal(t, enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, info.GetStatus(), id)
		assert.Equal(t, info.GetFirstRunId(), info.GetExecution().GetRunId(), "%s was never begun anew", id)
	}
}
