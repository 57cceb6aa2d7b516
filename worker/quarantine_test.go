package worker

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/activities/ledger"
	"lazaret.dev/lazaret/activities/notify"
)

// groundPolicy is the policy of the proving ground: a namespace for each thing shown.
const groundPolicy = `
policy: 1
targets:
  hook: {type: webhook, url: "%s/hook", secretFrom: "file:%s", privateNetworks: [127.0.0.0/8]}
bases:
  told: {level: standard, secrets: [canary], notify: [{target: hook, severity: Medium}]}
rules:
  - {name: ground, match: {namespace: ground}, extends: told}
  - {name: types, match: {namespace: types}, extends: told, thresholds: {violations: 1}}
  - {name: strict, match: {namespace: strict}, extends: told, level: strict}
  - {name: minimal, match: {namespace: minimal}, level: minimal, notify: [{target: hook, severity: Medium}]}
  - {name: faulting, match: {namespace: faulting}, extends: told, onQuarantine: fault}
  - {name: odd, match: {namespace: odd}, extends: told, anomaly: {window: 1m, learn: 2, severity: Critical}}
  - {name: drilled, match: {namespace: lazaret, name: drill}, review: {reviewers: [ada]}}
  - {name: reviewed, match: {namespace: reviewed}, extends: told, review: {reviewers: [ada, %s]}}
  - name: recovering
    match: {namespace: recovering}
    extends: told
    limits: {memory: 64MiB}
    recovery: {automatic: true, consecutive: 3, critical: 2, backoff: 50ms, actions: {ExecutionError: rollback}}
  - name: slow
    match: {namespace: slow}
    extends: told
    limits: {time: 1s}
    recovery: {automatic: true, backoff: 50ms}
`

const groundSecret = "canary-ground-6Zt/9+1="

// ground is a Temporal in a process of its own with two workers, and a receiver of
// their notifications.
type ground struct {
	*session
	dir, policy, ca string
	keys            string // of its payloads; empty: they are plain
	up, second      *lazaretCommand
	store           ledger.Store

	mu   sync.Mutex
	told []notify.Message
	bad  []string // requests without the right signature
}

func newGround(t *testing.T, more ...string) *ground {
	t.Helper()
	g := &ground{dir: filepath.Join(t.TempDir(), "state")}
	hook := httptest.NewTLSServer(http.HandlerFunc(g.take))
	t.Cleanup(hook.Close)
	files := t.TempDir()
	g.policy, g.ca = filepath.Join(files, "policy.yaml"), filepath.Join(files, "ca.pem")
	key, secret := filepath.Join(files, "hook.key"), filepath.Join(files, "canary")
	for file, text := range map[string]string{
		key: "shared-with-the-hook", secret: groundSecret,
		g.ca:     string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: hook.Certificate().Raw})),
		g.policy: fmt.Sprintf(groundPolicy, hook.URL, key, publisher()),
	} {
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	}
	flags := append([]string{"--policy", g.policy, "--call-ca", g.ca, "--secret", "canary=file:" + secret, "--max-scripts", "8", "--metrics-address", "127.0.0.1:0"}, more...)
	g.up, g.session = startUp(t, g.dir, traced(), flags...)
	g.store = ledger.Store{Client: g.Client}
	g.second = startLazaret(t, append(traced(), "TEMPORAL_CONFIG_FILE="+g.install.ProfilePath()), append([]string{"worker", "--state-dir", g.dir}, flags...)...)
	g.second.awaitLine(t, "worker of ")
	return g
}

// take receives a notification.
func (g *ground) take(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	var m notify.Message
	g.mu.Lock()
	defer g.mu.Unlock()
	if r.Header.Get(notify.HeaderSignature) != notify.Sign("shared-with-the-hook", r.Header.Get(notify.HeaderTimestamp), body) || json.Unmarshal(body, &m) != nil {
		g.bad = append(g.bad, string(body))
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	g.told = append(g.told, m)
}

// notices are the kinds of what people were told of a definition, in their order.
func (g *ground) notices(definition string) []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	var kinds []string
	for _, m := range g.told {
		if m.Definition == definition {
			kinds = append(kinds, m.Kind)
		}
	}
	return kinds
}

func (g *ground) awaitNotice(t *testing.T, definition, kind string) {
	t.Helper()
	pollUntil(t, "people are told of "+kind+" of "+definition, func() bool { return slices.Contains(g.notices(definition), kind) })
}

// lazaret runs a command on the ground, and returns what it printed.
func (g *ground) lazaret(t *testing.T, args ...string) (stdout string, code int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "lazaret", append(args, "--state-dir", g.dir)...)
	cmd.Env = append(os.Environ(), "TEMPORAL_CONFIG_FILE="+g.install.ProfilePath(), payloadKeysVariable+"="+g.keys)
	text, err := cmd.Output()
	if cmd.ProcessState == nil {
		require.NoError(t, err)
	}
	return string(text), cmd.ProcessState.ExitCode()
}

// begin starts a definition as the command line does.
func (g *ground) begin(t *testing.T, text, input string) client.WorkflowRun {
	t.Helper()
	run, err := g.tryBegin(t, text, input)
	require.NoError(t, err)
	return run
}

func (g *ground) tryBegin(t *testing.T, text, input string) (client.WorkflowRun, error) {
	t.Helper()
	p := document(t, text, input)
	p.start.Interpreter = contract.Interpreter
	return g.session.begin(t.Context(), p, "")
}

func (g *ground) ledger(t *testing.T, name string) contract.Ledger {
	t.Helper()
	namespace, own, _ := strings.Cut(name, "/")
	l, err := g.store.Ledger(t.Context(), namespace, own)
	if slow := (*serviceerror.DeadlineExceeded)(nil); errors.As(err, &slow) || errors.Is(err, context.DeadlineExceeded) {
		return contract.Ledger{} // its worker has much to do: it is asked again
	}
	if err != nil {
		require.ErrorIs(t, err, ledger.ErrNoLedger)
	}
	return l
}

// awaitLedger waits for what a ledger shall come to.
func (g *ground) awaitLedger(t *testing.T, name, what string, is func(contract.Ledger) bool) contract.Ledger {
	t.Helper()
	var l contract.Ledger
	pollUntil(t, name+": "+what, func() bool {
		l = g.ledger(t, name)
		return is(l)
	})
	return l
}

func (g *ground) add(t *testing.T, name string) {
	t.Helper()
	namespace, own, _ := strings.Cut(name, "/")
	_, err := g.store.Add(t.Context(), namespace, own, contract.LedgerRequest{Reason: "looks odd", By: "me"})
	require.NoError(t, err)
}

func (g *ground) release(t *testing.T, name, resume string) {
	t.Helper()
	namespace, own, _ := strings.Cut(name, "/")
	_, err := g.store.Release(t.Context(), namespace, own, contract.LedgerRequest{Reason: "fine", Reviewer: "ada", Resume: resume})
	require.NoError(t, err)
}

func (g *ground) awaitHeld(t *testing.T, id string) {
	t.Helper()
	pollUntil(t, id+" holds", func() bool {
		state, err := g.state(t.Context(), id)
		return err == nil && state.Status == contract.HeldState && startedActivities(t, g.session, id) == 0
	})
}

func (g *ground) awaitScript(t *testing.T, id string) {
	t.Helper()
	pollUntil(t, "a script of "+id+" runs", func() bool { return startedActivities(t, g.session, id) > 0 })
}

// groundText is a definition with one script.
func groundText(name, code string) string {
	namespace, own, _ := strings.Cut(name, "/")
	return "document: {dsl: 1.0.3, namespace: " + namespace + ", name: " + own + ", version: 1.0.0}\n" +
		"do: [work: {run: {script: {language: python, code: " + quote("# "+name+"\n"+code) + "}}}]\n"
}

func quote(text string) string {
	data, _ := json.Marshal(text) // a text
	return string(data)
}

// TestQuarantine shows the whole loop, from a forbidden act to its consequences and
// back, on a Temporal of its own with two workers under one policy.
func TestQuarantine(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a Temporal and two workers")
	}
	t.Parallel()
	g := newGround(t)
	t.Run("things", func(t *testing.T) {
		for name, test := range map[string]func(*testing.T, *ground){
			"levels": testLevels, "minimal": testMinimal, "fault": testFaultAction, "cancel held": testCancelHeld,
			"try": testTryCatchesNothing, "schedule": testScheduleIsRefused, "child": testChildIsRefused,
			"relatives": testRelativesAreTold, "reviewers": testReviewers, "forged": testForged, "burst": testBurst,
			"canary": testCanary, "anomaly": testAnomaly, "errors": testErrorsAreKept, "incident": testIncident, "types": testIncidentTypes, "drill": testDrill, "recovery": testRecovery, "rollback": testRollback, "shutdown": testShutdown,
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				test(t, g)
			})
		}
	})
	g.mu.Lock()
	defer g.mu.Unlock()
	assert.Empty(t, g.bad, "every notification is signed")
}

// manyFiles are so many different files of the host that no program may read.
func manyFiles(n int) string {
	return fmt.Sprintf("for n in range(%d):\n  try: open('/root/%%d' %% n)\n  except OSError: pass\n", n)
}

// testLevels: exactly the documented count, notice, hold, refusal and release, at
// the levels that count beyond one (A21, A22, A26, A29, A30).
func testLevels(t *testing.T, g *ground) {
	t.Helper()
	for namespace, limit := range map[string]int{"strict": 3, "ground": 5} {
		t.Run(namespace, func(t *testing.T) {
			t.Parallel()
			name := namespace + "/spies"
			code := "import time\ntry: open('/etc/shadow')\nexcept OSError: pass\n"
			text := groundText(name, code)
			for n := 1; n < limit; n++ {
				_, err := follow(t.Context(), g.Client, g.begin(t, text, "null"), nil)
				require.NoError(t, err)
				l := g.awaitLedger(t, name, fmt.Sprint(n, " violations"), func(l contract.Ledger) bool { return l.Total >= n })
				assert.Equal(t, [3]int{n, n, limit}, [3]int{l.Counted, l.Total, l.Limit})
				assert.Equal(t, contract.LedgerActive, l.State)
			}
			bystander := g.begin(t, groundText(name, "import time\ntime.sleep(600)"), "null")
			g.awaitScript(t, bystander.GetID())
			culprit := g.begin(t, groundText(name, code+"time.sleep(600)"), "null")
			g.awaitHeld(t, culprit.GetID())
			g.awaitHeld(t, bystander.GetID())
			l := g.ledger(t, name)
			assert.Equal(t, [2]int{limit, limit}, [2]int{l.Counted, l.Total})
			require.Len(t, l.Incidents, 1)
			assert.Equal(t, "violation", l.Incidents[0].DetectedBy)
			assert.Len(t, l.Incidents[0].Violations, limit)
			g.awaitNotice(t, name, "violation")
			g.awaitNotice(t, name, "quarantine")
			_, err := g.tryBegin(t, text, "null")
			requireFaultOf(t, err, contract.Quarantined, name+" is in quarantine")
			g.release(t, name, contract.CancelHeld)
			for _, run := range []client.WorkflowRun{culprit, bystander} {
				requireCancelled(t, g.session, run)
			}
			g.awaitNotice(t, name, "release")
			l = g.ledger(t, name)
			assert.Equal(t, contract.LedgerReleased, l.State)
			assert.Zero(t, l.Counted)
			// Its next version counts anew, and is watched: one more is enough (A55).
			g.awaitAdmitted(t, strings.Replace(text, "1.0.0", "1.0.1", 1))
			l = g.awaitLedger(t, name, "is put away again", func(l contract.Ledger) bool { return l.State == contract.LedgerQuarantined })
			assert.Equal(t, [3]int{1, limit + 1, 1}, [3]int{l.Counted, l.Total, l.Limit})
			assert.Len(t, l.Incidents, 2)
			require.Len(t, l.Versions, 3, "the culprit's, its bystander's and the new one's")
			assert.Equal(t, "1.0.1", l.Versions[2].Version)
		})
	}
}

// awaitAdmitted starts a definition that was released as soon as the workers know.
func (g *ground) awaitAdmitted(t *testing.T, text string) {
	t.Helper()
	pollUntil(t, "it may run again", func() bool {
		run, err := g.tryBegin(t, text, "null")
		if err != nil {
			return false
		}
		pollUntil(t, "it has begun, or is refused", func() bool {
			state, err := g.state(t.Context(), run.GetID())
			return err == nil && (state.Fault != nil || slices.ContainsFunc(state.Tasks, func(s contract.TaskState) bool { return s.Runs > 0 }))
		})
		state, err := g.state(t.Context(), run.GetID())
		return err == nil && state.Fault == nil
	})
}

func requireCancelled(t *testing.T, s *session, run client.WorkflowRun) {
	t.Helper()
	_, err := follow(t.Context(), s.Client, run, nil)
	var exit *exitError
	require.ErrorAs(t, err, &exit)
	require.Equal(t, exitCancelled, exit.code)
}

// testMinimal: a fully trusted definition alerts at ten, once, and is never put
// away by itself (A23).
func testMinimal(t *testing.T, g *ground) {
	t.Helper()
	for range 2 {
		_, err := follow(t.Context(), g.Client, g.begin(t, groundText("minimal/spy", manyFiles(11)), "null"), nil)
		require.NoError(t, err)
	}
	l := g.awaitLedger(t, "minimal/spy", "22 violations", func(l contract.Ledger) bool { return l.Total >= 22 })
	assert.Equal(t, contract.LedgerActive, l.State)
	assert.Equal(t, [2]int{22, 10}, [2]int{l.Counted, l.Limit})
	assert.False(t, l.Alerted.IsZero())
	g.awaitNotice(t, "minimal/spy", "alert")
	count := 0
	for _, kind := range g.notices("minimal/spy") {
		if kind == "alert" {
			count++
		}
	}
	assert.Equal(t, 1, count)
}

// testFaultAction: where the policy says so, running executions fault.
func testFaultAction(t *testing.T, g *ground) {
	t.Helper()
	run := g.begin(t, groundText("faulting/sleeper", "import time\ntime.sleep(600)"), "null")
	g.awaitScript(t, run.GetID())
	g.add(t, "faulting/sleeper")
	_, err := follow(t.Context(), g.Client, run, nil)
	requireFaultOf(t, err, contract.Quarantined, "faulting/sleeper is in quarantine")
}

// testCancelHeld: a release by the command line cancels what holds.
func testCancelHeld(t *testing.T, g *ground) {
	t.Helper()
	name := "ground/cancelled"
	run := g.begin(t, groundText(name, "import time\ntime.sleep(600)"), "null")
	g.awaitScript(t, run.GetID())
	for range 2 { // the second changes nothing (A52)
		_, code := g.lazaret(t, "quarantine", "add", name, "--reason", "looks odd")
		require.Zero(t, code)
	}
	g.awaitHeld(t, run.GetID())
	require.Len(t, g.ledger(t, name).Incidents, 1)
	_, code := g.lazaret(t, "quarantine", "release", name, "--reason", "start again")
	require.NotZero(t, code, "a release needs a reviewer (A55)")
	out, code := g.lazaret(t, "quarantine", "release", name, "--reason", "start again", "--reviewer", "ada", "--cancel-held", "--output", "json")
	require.Zero(t, code)
	assert.Contains(t, out, `"state": "released"`)
	requireCancelled(t, g.session, run)
}

// testTryCatchesNothing: no try sees that its task was held; the task is done again
// after the release.
func testTryCatchesNothing(t *testing.T, g *ground) {
	t.Helper()
	run := g.begin(t, `
document: {dsl: 1.0.3, namespace: ground, name: guarded, version: 1.0.0}
do:
  - guarded:
      try: [nap: {run: {script: {language: python, code: "import time\ntime.sleep(2)\nprint('slept', end='')"}}}]
      catch: {do: [never: {set: caught}]}
`, "null")
	g.awaitScript(t, run.GetID())
	g.add(t, "ground/guarded")
	g.awaitHeld(t, run.GetID())
	g.release(t, "ground/guarded", contract.ResumeHeld)
	output, err := follow(t.Context(), g.Client, run, nil)
	if err != nil { // it stopped following what still held
		pollUntil(t, "it goes on", func() bool {
			output, err = follow(t.Context(), g.Client, run, nil)
			return err == nil
		})
	}
	assert.JSONEq(t, `"slept"`, string(output))
}

// testScheduleIsRefused: a schedule starts nothing of what is held, and who asks it
// for a start is told so.
func testScheduleIsRefused(t *testing.T, g *ground) {
	t.Helper()
	text := strings.Replace(scheduledText("held", "", "every: {hours: 1}", "  - say: {set: {said: true}}\n"), "namespace: scheduled", "namespace: ground", 1)
	text = strings.Replace(text, "metadata: {schedule: {}}", "metadata: {}", 1)
	done, _ := apply(t, g.session, text)
	g.add(t, "ground/held")
	g.awaitRefusal(t, "ground/held")
	const refused = "ground/held is in quarantine"
	handle := g.ScheduleClient().GetHandle(t.Context(), done.ID)
	a := &app{stdout: t.Output(), stderr: t.Output()}
	err := a.trigger(t.Context(), g.session, handle, enumspb.SCHEDULE_OVERLAP_POLICY_UNSPECIFIED)
	requireFaultOf(t, err, contract.Quarantined, refused)
	err = a.backfill(t.Context(), g.session, handle, client.ScheduleBackfill{Start: time.Now().Add(-2 * time.Hour), End: time.Now()})
	requireFaultOf(t, err, contract.Quarantined, refused)
	before := described(t, g.session, handle)
	require.NoError(t, handle.Trigger(t.Context(), client.ScheduleTriggerOptions{}))
	var after scheduleInfo
	pollUntil(t, "the schedule starts one", func() bool {
		after = described(t, g.session, handle)
		return len(after.Recent) > len(before.Recent)
	})
	_, err = follow(t.Context(), g.Client, g.GetWorkflow(t.Context(), after.Recent[0].ID, ""), nil)
	requireFaultOf(t, err, contract.Quarantined, refused)
}

// awaitRefusal waits until the workers refuse by name: any of the two may take a
// start, and one that has not heard of it yet takes part sooner or later.
func (g *ground) awaitRefusal(t *testing.T, name string) {
	t.Helper()
	for range 12 {
		pollUntil(t, name+" is refused by name", func() bool {
			run, err := g.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{TaskQueue: contract.TaskQueue}, name)
			if err != nil {
				return false
			}
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			var fault *contract.Fault
			_, err = follow(ctx, g.Client, run, nil)
			return assert.ErrorAs(&silent{}, err, &fault) && fault.Type == contract.Quarantined
		})
	}
}

// silent is a test that nobody hears of.
type silent struct{}

func (*silent) Errorf(string, ...any) {}

// testChildIsRefused: a definition that is held does not run as a child either; its
// parent gets an ordinary error, which a try may catch.
func testChildIsRefused(t *testing.T, g *ground) {
	t.Helper()
	publishText(t, g.session, groundText("ground/child", "print('ran')"))
	g.add(t, "ground/child")
	g.awaitRefusal(t, "ground/child")
	run := g.begin(t, `
document: {dsl: 1.0.3, namespace: ground, name: parent, version: 1.0.0}
do:
  - guarded:
      try: [child: {run: {workflow: {namespace: ground, name: child, version: latest}}}]
      catch: {do: [tell: {set: '${ [$error.status, $error.type] }'}]}
`, "null")
	output, err := follow(t.Context(), g.Client, run, nil)
	require.NoError(t, err)
	assert.JSONEq(t, `[403, "`+contract.Quarantined+`"]`, string(output))
}

// testRelativesAreTold: the ledgers of definitions that run one that is put away, or
// that it runs, note it.
func testRelativesAreTold(t *testing.T, g *ground) {
	t.Helper()
	publishText(t, g.session, groundText("ground/grandchild", "import time\ntime.sleep(600)"))
	nested := func(name, child string) string {
		return "document: {dsl: 1.0.3, namespace: ground, name: " + name + ", version: 1.0.0}\n" +
			"do: [run: {run: {workflow: {namespace: ground, name: " + child + ", version: latest}}}]\n"
	}
	publishText(t, g.session, nested("middle", "grandchild"))
	run := g.begin(t, nested("top", "middle"), "null")
	pollUntil(t, "the grandchild runs", func() bool { return startedActivities(t, g.session, run.GetID()+"/1/1") > 0 })
	g.add(t, "ground/middle")
	for name, relation := range map[string]string{"ground/top": "child", "ground/grandchild": "parent"} {
		l := g.awaitLedger(t, name, "knows of its relative", func(l contract.Ledger) bool { return len(l.Related) > 0 })
		assert.Equal(t, [3]string{"middle", relation, contract.LedgerQuarantined}, [3]string{l.Related[0].Name, l.Related[0].Relation, l.Related[0].State}, name)
	}
	g.release(t, "ground/middle", contract.CancelHeld)
	require.NoError(t, g.CancelWorkflow(t.Context(), run.GetID(), ""))
}
