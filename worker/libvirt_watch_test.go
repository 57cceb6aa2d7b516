package worker

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/activities/virt"
)

const offDefinition = `document: {dsl: 1.0.3, namespace: faults, name: off, version: 1.0.0}
do:
  - off:
      listen: {to: {one: {with: {type: dev.lazaret.libvirt.domain.stopped, subject: web-1}}}}
      output: {as: '.[0] | {missed, name}'}
`

// What happens to a guest while nobody looks is told after, as missed: while the
// worker that watched was killed, and while libvirtd was, with its guests. The
// guests are QEMU's.
func TestLibvirt_WatchIsTakenUpAgain(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	uri, folder := f.URI("qemu"), t.TempDir()
	rules := filepath.Join(folder, "rules.yaml")
	require.NoError(t, os.WriteFile(f.policy, fmt.Appendf(nil, "libvirt: {uris: ['%s'], events: ['%s']}", uri, uri), 0o600))
	require.NoError(t, os.WriteFile(rules, []byte("rules: [{name: guests, source: '@libvirt', target: faults/*, types: [dev.lazaret.libvirt.domain.*]}]"), 0o600))
	f.qemu(t, "domain.define", virt.Arguments{"name": "web-1", "memory": int64(32), "vcpus": int64(1), "type": "qemu"})
	f.qemu(t, "domain.start", virt.Arguments{"name": "web-1"})
	dir := filepath.Join(folder, "state")
	flags := []string{"--libvirt-policy", f.policy, "--event-rules", rules}

	up, s := startUp(t, dir, nil, flags...)
	run := f.waitsForOff(t, s)
	require.NoError(t, up.Process.Kill())
	_ = up.Wait()
	f.qemu(t, "domain.stop", virt.Arguments{"name": "web-1", "mode": "force"})
	_, s = startUp(t, dir, nil, flags...)
	f.requireMissed(t, s, run)

	f.qemu(t, "domain.start", virt.Arguments{"name": "web-1"})
	run = f.waitsForOff(t, s)
	f.KillWithGuest(t, "web-1")
	f.requireMissed(t, s, run)
}

// A host that a policy has watched from now on is, and one that it has no more is not.
func TestLibvirt_WatchFollowsThePolicy(t *testing.T) {
	t.Parallel()
	needLibvirt(t)
	folder := t.TempDir()
	file := filepath.Join(folder, "policy.yaml")
	write := func(events string) {
		t.Helper()
		text := "policy: 1\nrules: [{name: ops, match: {namespace: ops}, libvirt: {uris: ['test:///default'], events: [" + events + "]}}]\n"
		require.NoError(t, os.WriteFile(file+".next", []byte(text), 0o600))
		require.NoError(t, os.Rename(file+".next", file))
	}
	write("")
	_, s := startUp(t, filepath.Join(folder, "state"), nil, "--policy", file)
	watch := contract.WatchMachines + "/test:///default"
	_, err := s.DescribeWorkflowExecution(t.Context(), watch, "")
	require.Error(t, err)
	write("'test:///default'")
	pollUntil(t, "the watch knows that the guest runs", func() bool { return watchKnows(t, s, watch, `"running"`) })
	write("")
	require.ErrorContains(t, s.GetWorkflow(t.Context(), watch, "").Get(t.Context(), nil), "the policy has no events of")
	write("'test:///default'")
	pollUntil(t, "it is watched again", func() bool { return watchKnows(t, s, watch, `"running"`) })
}

// watchKnows tells whether what outlives a watch's worker has this in it.
func watchKnows(t *testing.T, s *session, watch, text string) bool {
	t.Helper()
	found, err := s.DescribeWorkflowExecution(t.Context(), watch, "")
	if err != nil || len(found.GetPendingActivities()) == 0 {
		return false
	}
	known := found.GetPendingActivities()[0].GetHeartbeatDetails().GetPayloads()
	return len(known) > 0 && strings.Contains(string(known[0].GetData()), text)
}

// needLibvirt skips the test where there is none; not in CI, where it fails.
func needLibvirt(t *testing.T) {
	t.Helper()
	there, err := scriptCondition("libvirt")
	require.NoError(t, err)
	if !there && os.Getenv("CI") == "" {
		t.Skip("no libvirt")
	}
}

// qemu is one operation at the daemon's QEMU, past the broker.
func (f *fleet) qemu(t *testing.T, operation string, arguments virt.Arguments) {
	t.Helper()
	_, err := f.pool.Call(t.Context(), virt.Call{Operation: operation, URI: f.URI("qemu"), Arguments: arguments, Key: operation}, func(virt.Progress) {})
	require.NoError(t, err, operation)
}

// waitsForOff begins an execution that waits until the guest is off, and returns
// when it does and when the watch, in what outlives its worker, knows that the guest
// runs.
func (f *fleet) waitsForOff(t *testing.T, s *session) client.WorkflowRun {
	t.Helper()
	run := beginDocument(t, s, offDefinition)
	pollUntil(t, "the execution listens", func() bool {
		about, err := s.QueryWorkflow(t.Context(), run.GetID(), "", contract.StateQuery)
		var state map[string]any
		return err == nil && about.Get(&state) == nil && strings.Contains(fmt.Sprint(state), "/do/0/off")
	})
	watch := contract.WatchMachines + "/" + f.URI("qemu")
	pollUntil(t, "the watch knows that the guest runs", func() bool { return watchKnows(t, s, watch, `"running"`) })
	return run
}

func (f *fleet) requireMissed(t *testing.T, s *session, run client.WorkflowRun) {
	t.Helper()
	var output map[string]any
	var err error
	for deadline := time.Now().Add(2 * patience); time.Now().Before(deadline); {
		if err = s.GetWorkflow(t.Context(), run.GetID(), "").Get(t.Context(), &output); err == nil {
			break
		}
	}
	require.NoError(t, err)
	require.Equal(t, map[string]any{"missed": true, "name": "web-1"}, output)
}
