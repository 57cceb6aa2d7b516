package worker

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/activities/ledger"
	"lazaret.dev/lazaret/worker/install"
)

const siegePolicy = `
policy: 1
rules:
  - {name: away, match: {namespace: away}, level: minimal}
  - {name: siege, match: {namespace: siege}, level: standard, thresholds: {violations: 1}}
`

// siege is a Temporal with a worker in its process, and another worker beside it;
// both can be killed.
type siege struct {
	*session
	t                    *testing.T // of the whole siege: its processes outlive what is shown with them
	dir, address, policy string
	processes            [2]*lazaretCommand // the first is the server's
	store                ledger.Store
	kills                int
}

func newSiege(t *testing.T) *siege {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := &siege{t: t, dir: filepath.Join(t.TempDir(), "state"), address: listener.Addr().String(), policy: filepath.Join(t.TempDir(), "policy.yaml")}
	require.NoError(t, listener.Close())
	require.NoError(t, os.WriteFile(s.policy, []byte(siegePolicy), 0o600))
	s.launch(0)
	s.launch(1)
	s.processes[1].awaitLine(t, "worker of ")
	home, err := install.Open(s.dir)
	require.NoError(t, err)
	c, err := (&app{logFormat: "console", logLevel: "error", stderr: os.Stderr}).dial(t.Context(), localOptions(home, s.address, install.CLI))
	require.NoError(t, err)
	t.Cleanup(c.Close)
	s.session, s.store = &session{Client: c, install: home}, ledger.Store{Client: c}
	return s
}

// launch starts a process, the first time or again. The server's has one place for
// scripts, so that most run beside it.
func (s *siege) launch(i int) {
	s.t.Helper()
	common := []string{"--state-dir", s.dir, "--policy", s.policy, "--metrics-address", ""}
	if i == 0 {
		s.processes[0] = startLazaret(s.t, nil, append([]string{"up", "--address", s.address, "--ui-address", "127.0.0.1:0", "--max-scripts", "1"}, common...)...)
		s.processes[0].awaitLine(s.t, "Web UI ")
		return
	}
	home, err := install.Open(s.dir)
	require.NoError(s.t, err)
	s.processes[1] = startLazaret(s.t, []string{"TEMPORAL_CONFIG_FILE=" + home.ProfilePath()}, append([]string{"worker", "--max-scripts", "16"}, common...)...)
}

func (s *siege) kill(i int) {
	_ = s.processes[i].Process.Kill()
	_ = s.processes[i].Wait()
	s.kills++
}

func (s *siege) begin(t *testing.T, text string) client.WorkflowRun {
	t.Helper()
	p := document(t, text, "null")
	p.start.Interpreter = contract.Interpreter
	var run client.WorkflowRun
	pollUntil(t, "Temporal takes a start", func() bool {
		var err error
		run, err = s.session.begin(t.Context(), p, "")
		return err == nil
	})
	return run
}

// ledger is what is known of a definition; nothing while the server is away.
func (s *siege) ledger(t *testing.T, namespace, name string) contract.Ledger {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	l, _ := s.store.Ledger(ctx, namespace, name) // it is asked again
	return l
}

func (s *siege) status(t *testing.T, id string) string {
	t.Helper()
	state, err := s.state(t.Context(), id)
	if err != nil {
		return ""
	}
	return state.Status
}

// TestLedger_Chaos kills the server, and workers, at each step of the loop: what was
// done counts once, what is put away stays so, and what held ends as the release
// says.
func TestLedger_Chaos(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for heartbeats to be missed")
	}
	t.Parallel()
	s := newSiege(t)
	t.Run("server away", func(t *testing.T) { testServerAway(t, s) }) //nolint:paralleltest // it kills what the next one needs
	t.Run("steps", func(t *testing.T) { testSteps(t, s) })            //nolint:paralleltest // likewise
}

// testServerAway: violations that are committed while Temporal is away wait in the
// spool, and are filed once when it is back, though their script, whose activity
// could not tell that it lives, runs again (D7).
func testServerAway(t *testing.T, s *siege) {
	t.Helper()
	const acts = 60
	code := fmt.Sprintf("import time\nfor n in range(%d):\n  try: open('/root/%%d' %% n)\n  except OSError: pass\n  time.sleep(0.1)\n", acts)
	names := []string{"spy-0", "spy-1", "spy-2"}
	for _, name := range names {
		run := s.begin(t, groundText("away/"+name, code))
		pollUntil(t, name+" runs", func() bool { return startedActivities(t, s.session, run.GetID()) > 0 })
	}
	time.Sleep(time.Second) // they do the first of what they must not; it is told at their end
	s.kill(0)
	waiting := func() int {
		files, _ := filepath.Glob(filepath.Join(s.dir, "spool", "*.report"))
		return len(files)
	}
	pollUntil(t, "reports wait in the spool", func() bool { return waiting() > 0 })
	t.Logf("%d reports wait", waiting())
	s.launch(0)
	pollUntil(t, "the spool is empty", func() bool { return waiting() == 0 })
	for _, name := range names {
		pollUntil(t, name+"'s violations are recorded", func() bool { return s.ledger(t, "away", name).Total >= acts })
		l := s.ledger(t, "away", name)
		assert.Equal(t, [2]int{acts, acts}, [2]int{l.Total, l.Counted})
		assert.Equal(t, contract.LedgerActive, l.State)
	}
}

// testSteps kills one process when a definition has come to a step, and goes on with
// the next definition.
func testSteps(t *testing.T, s *siege) {
	t.Helper()
	failed := s.begin(t, groundText("siege/failing", "raise SystemExit(3)"))
	pollUntil(t, "its error is recorded", func() bool { return len(s.ledger(t, "siege", "failing").Failures) > 0 })
	var culprits, bystanders []client.WorkflowRun
	name := func(n int) string { return fmt.Sprint("spy-", n) }
	steps := []struct {
		name string
		come func(n int) bool
	}{
		{"the script runs", func(n int) bool { return startedActivities(t, s.session, culprits[n].GetID()) > 0 }},
		{"the violation is recorded", func(n int) bool { return s.ledger(t, "siege", name(n)).Total > 0 }},
		{"the definition is put away", func(n int) bool { return contract.LedgerHolds(s.ledger(t, "siege", name(n)).State) }},
		{"an execution holds", func(n int) bool { return s.status(t, bystanders[n].GetID()) == contract.HeldState }},
	}
	for n, step := range steps {
		bystanders = append(bystanders, s.begin(t, groundText("siege/"+name(n), "import time\ntime.sleep(600)")))
		// One that is not admitted yet when its definition is put away is refused, and does not hold.
		pollUntil(t, "a bystander runs", func() bool { return startedActivities(t, s.session, bystanders[n].GetID()) > 0 })
		culprits = append(culprits, s.begin(t, groundText("siege/"+name(n), "import time\ntime.sleep(1)\ntry: open('/etc/shadow')\nexcept OSError: pass\ntime.sleep(600)")))
		pollUntil(t, step.name, func() bool { return step.come(n) })
		s.kill(n % 2)
		s.launch(n % 2)
	}
	for n, step := range steps {
		for _, run := range []client.WorkflowRun{culprits[n], bystanders[n]} {
			pollUntil(t, run.GetID()+" holds, killed when "+step.name, func() bool { return s.status(t, run.GetID()) == contract.HeldState })
		}
		// Workers may have heard before the ledger itself had written down what it judged.
		pollUntil(t, "the ledger has judged", func() bool { return s.ledger(t, "siege", name(n)).Total > 0 })
		l := s.ledger(t, "siege", name(n))
		assert.Equal(t, [2]int{1, 1}, [2]int{l.Total, l.Counted}, "killed when %s: %+v", step.name, l.Violations)
		assert.Len(t, l.Incidents, 1, step.name)
	}
	for n := range steps {
		pollUntil(t, "it is released", func() bool {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			_, err := s.store.Release(ctx, "siege", name(n), contract.LedgerRequest{Reason: "fine", Reviewer: "ada", Resume: contract.CancelHeld})
			return err == nil || s.ledger(t, "siege", name(n)).State == contract.LedgerReleased
		})
		if n < 2 {
			s.kill(n)
			s.launch(n)
		}
	}
	for n, step := range steps {
		for _, run := range []client.WorkflowRun{culprits[n], bystanders[n]} {
			pollUntil(t, run.GetID()+" is cancelled", func() bool {
				d, err := s.DescribeWorkflow(t.Context(), run.GetID(), "")
				return err == nil && d.Status.String() == "Canceled"
			})
		}
		l := s.ledger(t, "siege", name(n))
		assert.Equal(t, contract.LedgerReleased, l.State, step.name)
		assert.Equal(t, 1, l.Total, step.name)
	}
	// Every worker was killed since, and the error is still known, once (A14).
	failures := s.ledger(t, "siege", "failing").Failures
	require.Len(t, failures, 1)
	assert.Equal(t, [2]string{"EXE_001", failed.GetID()}, [2]string{failures[0].Code, failures[0].Execution})
	t.Logf("%d kills", s.kills)
}
