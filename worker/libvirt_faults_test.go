package worker

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"lazaret.dev/lazaret/activities/audit"
	"lazaret.dev/lazaret/activities/virt"
	"lazaret.dev/lazaret/activities/virt/driver"
	"lazaret.dev/lazaret/activities/virt/virttest"
)

const (
	guestsAtOnce      = 20
	snapshotsOfGuest  = 10
	concurrentAtHost  = 5
	snapshotsDocument = `
document: {dsl: 1.0.3, namespace: faults, name: snapshots, version: 1.0.0}
do:
  - define: {call: libvirt.domain.define, with: {name: '${ .guest }', memory: 64, vcpus: 1, type: test}, output: {as: $input}}
  - each:
      for: {each: n, in: '[range(%d)]'}
      do:
        - take: {call: libvirt.snapshot.create, with: {name: '${ .guest }', snapshot: '${ "s\($n)" }'}, output: {as: $input}}
`
)

// fleet is a private libvirtd, with a policy for it, and a connection that keeps its
// guests.
type fleet struct {
	*virttest.Daemon
	pool   *driver.Pool
	policy string
}

func newFleet(t *testing.T) *fleet {
	t.Helper()
	f := &fleet{Daemon: virttest.Start(t), policy: filepath.Join(t.TempDir(), "policy.yaml")}
	var err error
	f.pool, err = driver.NewPool()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, f.pool.Close()) })
	f.call(t, "host.info", virt.Arguments{})
	text := fmt.Sprintf(`
libvirt:
  uris: ['%s']
  timeout: 60
  max_concurrent_ops: %d
  allowed_operations: [domain.info, domain.list, snapshot.create]
  dangerous: {acknowledge: true, allowed_operations: [domain.define]}
`, f.URI("test"), concurrentAtHost)
	require.NoError(t, os.WriteFile(f.policy, []byte(text), 0o600))
	return f
}

// call is one operation at the daemon's test driver, once the daemon answers.
func (f *fleet) call(t *testing.T, operation string, arguments virt.Arguments) (raw []byte) {
	t.Helper()
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		var err error
		raw, err = f.pool.Call(context.WithoutCancel(t.Context()), virt.Call{Operation: operation, URI: f.URI("test"), Arguments: arguments}, func(virt.Progress) {})
		require.NoError(c, err, operation)
	}, patience, 50*time.Millisecond)
	return raw
}

func (f *fleet) begin(t *testing.T, s *session) []client.WorkflowRun {
	t.Helper()
	var runs []client.WorkflowRun
	for i := range guestsAtOnce {
		text := strings.TrimPrefix(fmt.Sprintf(snapshotsDocument, snapshotsOfGuest), "\n")
		run, err := s.begin(t.Context(), document(t, text, fmt.Sprintf(`{"guest": "guest-%d"}`, i)), "")
		require.NoError(t, err)
		runs = append(runs, run)
	}
	return runs
}

// requireOnce requires that every guest has each of its snapshots, and no other.
func (f *fleet) requireOnce(t *testing.T) {
	t.Helper()
	for i := range guestsAtOnce {
		raw := f.call(t, "snapshot.list", virt.Arguments{"name": fmt.Sprintf("guest-%d", i)})
		require.Equal(t, snapshotsOfGuest, strings.Count(string(raw), `"name":"s`), "guest-%d: %s", i, raw)
	}
}

// operations reads the audit log of a state folder.
func operations(t *testing.T, dir string, visit func(audit.Line)) {
	t.Helper()
	require.NoError(t, audit.Read(filepath.Join(dir, "audit"), func(line audit.Line, _ []byte) error {
		if line.Kind == audit.Operation {
			visit(line)
		}
		return nil
	}))
}

// 200 operations of 20 executions, five at a time: each is carried out once, none
// fails or is lost, and never do more than five go on (C13).
func TestLibvirt_ManyAtOnce(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	dir := filepath.Join(t.TempDir(), "state")
	_, s := startUp(t, dir, nil, "--libvirt-policy", f.policy, "--max-scripts", "16")
	for _, run := range f.begin(t, s) {
		require.NoError(t, run.Get(t.Context(), nil))
	}
	f.requireOnce(t)
	begun, ended, under, most := 0, 0, 0, 0
	operations(t, dir, func(line audit.Line) {
		if line.Outcome == "begin" {
			begun, under = begun+1, under+1
			most = max(most, under)
			return
		}
		require.Equal(t, "completed", line.Outcome, "%+v", line)
		ended, under = ended+1, under-1
	})
	want := guestsAtOnce * (1 + snapshotsOfGuest)
	require.Equal(t, []int{want, want}, []int{begun, ended})
	require.Equal(t, concurrentAtHost, most, "the limit is used, and not exceeded")
}

// The worker dies between the request and its answer: libvirtd is stopped with
// requests in its socket, and carries them out when it goes on, for nobody. The
// next worker's attempts find what was done.
func TestLibvirt_WorkerKilledBeforeTheAnswer(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	dir := filepath.Join(t.TempDir(), "state")
	up, s := startUp(t, dir, nil, "--libvirt-policy", f.policy)
	runs := f.begin(t, s)
	started := func() (n int) {
		operations(t, dir, func(line audit.Line) {
			if line.Outcome == "begin" && line.Type == "libvirt.snapshot.create" {
				n++
			}
		})
		return n
	}
	require.Eventually(t, func() bool { return started() > guestsAtOnce }, patience, 10*time.Millisecond)
	f.Freeze(t, true)
	before := started()
	time.Sleep(300 * time.Millisecond) // requests reach the socket; fewer would only make the test weaker
	require.NoError(t, up.Process.Kill())
	_ = up.Wait()
	f.Freeze(t, false)

	_, s = startUp(t, dir, nil, "--libvirt-policy", f.policy)
	for _, run := range runs {
		require.EventuallyWithT(t, func(c *assert.CollectT) {
			assert.NoError(c, s.GetWorkflow(t.Context(), run.GetID(), "").Get(t.Context(), nil))
		}, 3*patience, 100*time.Millisecond)
	}
	f.requireOnce(t)
	require.Greater(t, started(), before, "there were attempts after the kill")
}

// libvirtd dies under its operations again and again: what fails is retried, and
// each execution ends as if nothing had happened. The guests are QEMU's, which
// outlive their daemon.
func TestLibvirt_DaemonKilled(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	policy, err := os.ReadFile(f.policy)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(f.policy, []byte(strings.ReplaceAll(string(policy), f.URI("test"), f.URI("qemu"))), 0o600))
	dir := filepath.Join(t.TempDir(), "state")
	_, s := startUp(t, dir, nil, "--libvirt-policy", f.policy)
	run := beginDocument(t, s, `document: {dsl: 1.0.3, namespace: faults, name: defined, version: 1.0.0}
do:
  - each:
      for: {each: n, in: '[range(30)]'}
      do:
        - patiently:
            try:
              - make:
                  call: libvirt.domain.define
                  with: {name: '${ "kept-\($n)" }', memory: 64, vcpus: 1, type: qemu}
            catch:
              errors: {with: {status: 503}}
              retry: {delay: {milliseconds: 500}, limit: {attempt: {count: 30}}}
`)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = run.Get(context.WithoutCancel(t.Context()), nil)
	}()
	kills := 0
	for ended := false; !ended && kills < 5; {
		select {
		case <-done:
			ended = true
		case <-time.After(400 * time.Millisecond):
			f.call(t, "host.info", virt.Arguments{}) // it is there, so that there is something to kill
			f.Kill(t)
			kills++
		}
	}
	require.Positive(t, kills)
	require.NoError(t, run.Get(t.Context(), nil))
	raw, err := f.pool.Call(t.Context(), virt.Call{Operation: "domain.list", URI: f.URI("qemu"), Arguments: virt.Arguments{"state": "all"}}, func(virt.Progress) {})
	require.NoError(t, err)
	require.Equal(t, 30, strings.Count(string(raw), `"name":"kept-`), "%s", raw)
}
