package worker

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"

	"lazaret.dev/lazaret/activities/contract"
)

// TestAlert: a High violation of a script that still runs is to be seen in Temporal
// (A26), without what exactly was tried.
func TestAlert(t *testing.T) {
	s := temporalSession(t)
	run, err := s.begin(t.Context(), document(t, `
document: {dsl: 1.0.3, namespace: test, name: spy, version: 1.0.0}
do:
  - spy:
      run:
        script:
          language: python
          code: |
            try: open("/etc/shadow")
            except OSError: pass
            while True: pass
`, "null"), "spy")
	require.NoError(t, err)
	var told *commonpb.Payloads
	require.Eventually(t, func() bool {
		d, err := s.DescribeWorkflowExecution(t.Context(), run.GetID(), run.GetRunID())
		for _, a := range d.GetPendingActivities() {
			told = a.GetHeartbeatDetails()
		}
		return err == nil && told != nil
	}, patience, 50*time.Millisecond)
	require.NoError(t, s.CancelWorkflow(t.Context(), run.GetID(), run.GetRunID()))
	var alerts []contract.Alert
	require.NoError(t, converter.GetDefaultDataConverter().FromPayloads(told, &alerts))
	require.Len(t, alerts, 1)
	assert.NotEmpty(t, alerts[0].ID)
	alerts[0].ID = ""
	assert.Equal(t, contract.Alert{Type: "UnauthorizedFileAccess", Severity: "High", Syscall: "openat"}, alerts[0])
	_, err = follow(t.Context(), s.Client, run, nil)
	require.Error(t, err)
}
