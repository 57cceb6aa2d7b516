//go:build record

package worker

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"lazaret.dev/lazaret/activities/contract"
)

// TestRecordLibvirt records executions that await what happens to guests, that are
// started by it, whose scripts ask for operations, and which continue as new while a
// person's approval is awaited; and the watch over a host. It is a part of
// TestRecordHistories in all else.
func TestRecordLibvirt(t *testing.T) {
	release := os.Getenv(record)
	require.NotEmpty(t, release, "set %s to the release", record)
	folder := filepath.Join("../testdata/histories", release)
	place := t.TempDir()
	dir, policy, rules := filepath.Join(place, "state"), filepath.Join(place, "policy.yaml"), filepath.Join(place, "rules.yaml")
	require.NoError(t, os.WriteFile(policy, []byte("libvirt: {uris: ['test:///default'], events: ['test:///default'], approval: [domain.reboot],\n"+
		"  allowed_operations: [domain.list, domain.stats, domain.info, domain.start, domain.stop, domain.suspend, domain.reboot, snapshot.create]}"), 0o600))
	require.NoError(t, os.WriteFile(rules, []byte(guestsRules), 0o600))
	_, s := startUp(t, dir, nil, "--libvirt-policy", policy, "--event-rules", rules)
	write := func(name string, run client.WorkflowRun) {
		t.Helper()
		first := run.GetRunID()
		_, _ = follow(t.Context(), s.Client, s.GetWorkflow(t.Context(), run.GetID(), ""), nil)
		writeHistories(t, s, folder, name, run.GetID(), first)
	}

	script := beginDocument(t, s, `document: {dsl: 1.0.3, namespace: ops, name: asks, version: 1.0.0}
do:
  - ask:
      run:
        script:
          language: python
          code: |
            import json, lazaret
            guests = lazaret.libvirt.domain_list()["domains"]
            try:
                lazaret.libvirt.domain_info("nobody")
            except lazaret.NotFound as e:
                print(json.dumps([[g["name"] for g in guests], e.status]))
`)
	write("libvirt-script", script)

	off := beginDocument(t, s, strings.NewReplacer("namespace: faults", "namespace: ops", "subject: web-1", "subject: test").Replace(offDefinition))
	pollUntil(t, "it listens", func() bool {
		state, err := s.state(t.Context(), off.GetID())
		return err == nil && at("off")(state)
	})
	pollUntil(t, "the watch knows that the guest runs", func() bool {
		found, err := s.DescribeWorkflowExecution(t.Context(), contract.WatchMachines+"/test:///default", "")
		return err == nil && len(found.GetPendingActivities()) > 0 &&
			strings.Contains(fmt.Sprint(found.GetPendingActivities()[0].GetHeartbeatDetails()), "running")
	})
	write("libvirt-tasks", beginDocument(t, s, `document: {dsl: 1.0.3, namespace: ops, name: tasks, version: 1.0.0}
do:
  - stop: {call: libvirt.domain.stop, with: {name: test, mode: force}}
  - again: {call: libvirt.domain.start, with: {name: test}}
`))
	write("libvirt-event", off)

	renewed := beginDocument(t, s, strings.ReplaceAll(longApproval, "domain.stop, with: {name: test, mode: force}", "domain.reboot, with: {name: test}"))
	digest := waiting(t, s, renewed.GetID(), func(state contract.State) bool { return task(state, "loop").Status != "completed" })
	handle, err := s.UpdateWorkflow(t.Context(), client.UpdateWorkflowOptions{
		WorkflowID: renewed.GetID(), UpdateName: contract.ApproveUpdate, WaitForStage: client.WorkflowUpdateStageCompleted,
		Args: []any{contract.Decision{Digest: digest, Reviewer: "ada", Reason: "window of Tuesday"}},
	})
	require.NoError(t, err)
	require.NoError(t, handle.Get(t.Context(), nil))
	write("approval-renewed", renewed)

	watch := s.GetWorkflow(t.Context(), contract.WatchMachines+"/test:///default", "")
	require.NoError(t, s.CancelWorkflow(t.Context(), watch.GetID(), ""))
	_ = watch.Get(t.Context(), nil)
	write("libvirt-watch", watch)
}
