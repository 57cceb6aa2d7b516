package worker

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"lazaret.dev/lazaret/activities/contract"
)

// interrupted are definitions with the point at which their worker is killed.
// What is under way there takes longer than all of them take to get there.
var interrupted = []struct {
	name  string
	tasks string
	point func(contract.State) bool
}{
	{"wait", `
  - before: {set: {n: 1}, export: {as: '{exported: .n}'}}
  - nap: {wait: {seconds: 15}}
  - after: {set: {n: '${ .n + 1 }', context: '${ $context }', started: '${ $workflow.startedAt.epoch.seconds > 0 }'}}
`, at("nap")},
	{"for", `
  - loop:
      input: {from: '[]'}
      for: {each: n, in: '[1, 2, 3, 4]'}
      do:
        - note: {set: '${ . }', export: {as: '{seen: ($context.seen + [$n])}'}}
        - square:
            run: {script: {language: python, arguments: {n: '${ $n }'}, code: "import time\ntime.sleep(12 if n == 2 else 0)\nprint(n * n, end='')"}}
            output: {as: '$input + [tonumber]'}
  - show: {set: {squares: '${ . }', seen: '${ $context.seen }'}}
`, func(s contract.State) bool { return task(s, "loop").Item == 2 && at("square")(s) }},
	{"fork", `
  - both:
      fork:
        branches:
          - slow: {do: [nap: {wait: {seconds: 15}}, say: {set: '${ "slow" }', export: {as: '$context + {slow: true}'}}]}
          - fast: {run: {shell: {command: 'printf fast'}}, export: {as: '{fast: true}'}}
  - show: {set: {said: '${ . }', context: '${ $context }'}}
`, func(s contract.State) bool { return at("nap")(s) && task(s, "fast").Status == "completed" }},
	{"script", `
  - long: {run: {script: {language: python, code: "import time\ntime.sleep(12)\nprint('slept')"}}}
`, at("long")},
	{"retry", `
  - guarded:
      try:
        - count: {set: {x: 0}, export: {as: '{n: (($context.n // 0) + 1)}'}}
        - check: {if: $context.n < 2, raise: {error: {type: 'https://example.com/e', status: 503}}}
        - done: {set: {attempts: '${ $context.n }'}}
      catch: {retry: {delay: {seconds: 15}, limit: {attempt: {count: 3}}}}
`, func(s contract.State) bool { return task(s, "guarded").Retry == 1 }},
	{"timeout", `
  - guarded:
      try: [slow: {timeout: {after: {seconds: 15}}, wait: {hours: 1}}]
      catch: {do: [tell: {set: '${ [$error.status, $error.instance, $error.detail] }'}]}
`, at("slow")},
	{"child", `
  - nap: {if: .child, wait: {seconds: 15}, then: end}
  - again: {if: '.child | not', run: {workflow: {namespace: durable, name: child, version: latest, input: {child: true, n: 7}}}}
`, at("again")},
	{"race", `
  - race:
      fork:
        compete: true
        branches:
          - loser: {wait: {hours: 1}}
          - winner: {do: [nap: {wait: {seconds: 15}}, say: {set: '${ "won" }'}]}
`, at("nap")},
}

// at is the point at which the task of that name runs.
func at(name string) func(contract.State) bool {
	return func(s contract.State) bool { return task(s, name).Status == "running" }
}

func task(s contract.State, name string) contract.TaskState {
	i := slices.IndexFunc(s.Tasks, func(t contract.TaskState) bool { return t.Name == name })
	if i < 0 {
		return contract.TaskState{}
	}
	return s.Tasks[i]
}

// TestDurability kills server and worker without warning in the middle of every
// kind of thing that takes time: started again, they end every execution as one
// that was left alone.
func TestDurability(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for heartbeats to be missed")
	}
	t.Parallel()
	calm := temporalSession(t)
	dir := filepath.Join(t.TempDir(), "state")
	victim, s := startUp(t, dir, nil, "--level", "standard", "--max-scripts", "4")
	var undisturbed, disturbed []client.WorkflowRun
	for _, each := range interrupted {
		text := "document: {dsl: 1.0.3, namespace: durable, name: " + each.name + ", version: 1.0.0}\ndo:\n" + strings.TrimPrefix(each.tasks, "\n")
		undisturbed = append(undisturbed, beginDocument(t, calm, text))
		disturbed = append(disturbed, beginDocument(t, s, text))
	}
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		for i, each := range interrupted {
			state, err := s.state(t.Context(), disturbed[i].GetID())
			require.NoError(c, err)
			require.True(c, each.point(state), "%s: %+v", each.name, state)
		}
	}, patience, 50*time.Millisecond, "all executions are at their points")
	require.NoError(t, victim.Process.Kill())
	_ = victim.Wait()

	_, s = startUp(t, dir, nil, "--level", "standard", "--max-scripts", "4")
	for i, each := range interrupted {
		want, err := follow(t.Context(), calm.Client, undisturbed[i], nil)
		require.NoError(t, err, each.name)
		got, err := follow(t.Context(), s.Client, s.GetWorkflow(t.Context(), disturbed[i].GetID(), ""), nil)
		if assert.NoError(t, err, each.name) {
			assert.JSONEq(t, string(want), string(got), each.name)
		}
	}
}

func beginDocument(t *testing.T, s *session, text string) client.WorkflowRun {
	t.Helper()
	run, err := s.begin(t.Context(), document(t, text, "{}"), "")
	require.NoError(t, err)
	return run
}

const cancelledDefinition = `
document: {dsl: 1.0.3, namespace: test, name: cancelled, version: 1.0.0}
do:
  - guarded:
      try:
        - both:
            fork:
              branches:
                - nap: {wait: {hours: 1}}
                - script: {run: {script: {language: python, environment: {LC_CANCELLED: durability}, code: 'import time; time.sleep(3600)'}}}
                - child: {run: {workflow: {namespace: test, name: cancelled, version: 1.0.0}}, if: '$workflow.input == null'}
      catch: {do: [never: {set: caught}]}
  - never: {set: {ran: true}}
`

// TestCancel_EndsEverything cancels a wait, a script and a child at once: the
// execution and its child end as cancelled, and no process is left.
func TestCancel_EndsEverything(t *testing.T) {
	s := temporalSession(t)
	run := beginCancelled(t, s)
	require.Empty(t, marked("LC_CANCELLED=durability"))
	child, err := s.DescribeWorkflow(t.Context(), run.GetID()+"/1", "")
	require.NoError(t, err)
	assert.Equal(t, "Canceled", child.Status.String())
	for _, reference := range []string{"never", "child"} {
		state, err := s.state(t.Context(), run.GetID())
		require.NoError(t, err)
		assert.NotEqual(t, "completed", task(state, reference).Status, reference)
	}
}

// TestCancel_OfChild cancels a child alone: its parent faults, and may catch it.
func TestCancel_OfChild(t *testing.T) {
	s := temporalSession(t)
	run := beginDocument(t, s, `
document: {dsl: 1.0.3, namespace: test, name: parent, version: 1.0.0}
do:
  - guarded:
      try: [child: {if: '$workflow.input.nap | not', run: {workflow: {namespace: test, name: parent, version: latest, input: {nap: true}}}}]
      catch: {do: [tell: {set: '${ [$error.status, $error.instance, $error.detail] }', then: end}]}
  - nap: {wait: {hours: 1}}
`)
	pollUntil(t, "the child waits", func() bool {
		state, err := s.state(t.Context(), run.GetID()+"/1")
		return err == nil && task(state, "nap").Status == "running"
	})
	require.NoError(t, s.CancelWorkflow(t.Context(), run.GetID()+"/1", ""))
	output, err := follow(t.Context(), s.Client, run, nil)
	require.NoError(t, err)
	assert.JSONEq(t, `[500, "/do/0/guarded/try/0/child", "the child execution was cancelled"]`, string(output))
}

// beginCancelled runs an execution that is cancelled in the middle of a wait, a
// script and a child, to its end.
func beginCancelled(t *testing.T, s *session) client.WorkflowRun {
	t.Helper()
	p := document(t, cancelledDefinition, "null")
	run, err := s.begin(t.Context(), p, "")
	require.NoError(t, err)
	pollUntil(t, "the scripts of the execution and its child run", func() bool {
		return startedActivities(t, s, run.GetID()) == 1 && startedActivities(t, s, run.GetID()+"/1") == 1
	})
	require.NoError(t, s.CancelWorkflow(t.Context(), run.GetID(), ""))
	_, err = follow(t.Context(), s.Client, run, nil)
	var exit *exitError
	require.ErrorAs(t, err, &exit)
	require.Equal(t, exitCancelled, exit.code)
	return run
}

// startedActivities counts the activities of an execution that a worker has taken.
func startedActivities(t *testing.T, s *session, id string) int {
	t.Helper()
	described, err := s.DescribeWorkflowExecution(t.Context(), id, "")
	if err != nil {
		return 0
	}
	started := 0
	for _, pending := range described.GetPendingActivities() {
		if pending.GetLastStartedTime() != nil {
			started++
		}
	}
	return started
}

// pollUntil waits for a condition on the server's side.
func pollUntil(t *testing.T, what string, condition func() bool) {
	t.Helper()
	require.Eventually(t, condition, 2*time.Minute, 20*time.Millisecond, what)
}
