package workflows_test

import (
	"encoding/json"
	"errors"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/workflows"
	"lazaret.dev/lazaret/workflows/definition"
)

// heavy are the cases that take seconds each time, or nest deeper than deep.
var heavy = []string{"function-recursion", "for-heavy", "for-renewed", "for-ten-thousand", "expression-endless"}

// maxCuts bounds at how many boundaries one case is cut.
const maxCuts = 40

// deep is more boundaries than any case needs to get back to where it stood: one
// a nested list.
const deep = 9

// TestExecute_ContinuesAsNewAnywhere cuts every case without effects at each of
// its task boundaries, and then again and again: wherever a run stops to
// continue as new, the execution ends as one that never stopped.
func TestExecute_ContinuesAsNewAnywhere(t *testing.T) {
	files, err := filepath.Glob("../testdata/cases/*.txtar")
	require.NoError(t, err)
	cut := 0
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".txtar")
		start, ok := startOf(t, file)
		if !ok || slices.Contains(heavy, name) {
			continue
		}
		t.Run(name, func(t *testing.T) {
			want := runTo(t, start, 0, false)
			for at := 1; at <= maxCuts; at++ {
				got := runTo(t, start, at, false)
				assert.Equal(t, want.text, got.text, "cut at boundary %d", at)
				if got.runs == 1 {
					break
				}
				cut++
			}
			assert.Equal(t, want.text, runTo(t, start, deep, true).text, "cut again and again")
		})
	}
	assert.Greater(t, cut, 200, "cuts in all")
}

// startOf reads a case that has no processes, no calls, no children and no events.
func startOf(t *testing.T, file string) (contract.Start, bool) {
	t.Helper()
	archive, err := txtar.ParseFile(file)
	require.NoError(t, err)
	var start contract.Start
	for _, f := range archive.Files {
		switch f.Name {
		case "definition.yaml":
			def, err := definition.Parse(f.Name, f.Data)
			if err != nil || hasEffects(def) {
				return start, false
			}
			start.Definition = contract.Source{File: f.Name, Document: string(f.Data), Digest: def.Digest}
		case "input.json":
			start.Input = f.Data
		}
	}
	return start, true
}

func hasEffects(def *definition.Definition) bool {
	effects := false
	def.Walk(func(task *definition.Task) {
		kind := task.Kind()
		effects = effects || strings.HasPrefix(kind, "run.") || strings.HasPrefix(kind, "call.") || kind == "emit" || kind == "listen"
	})
	return effects
}

// TestExecute_StateOutlivesRun asks the last run of a loop what all of them did.
func TestExecute_StateOutlivesRun(t *testing.T) {
	start, ok := startOf(t, "../testdata/cases/then-goto-backward.txtar")
	require.True(t, ok)
	first := newEnvironment(7, time.Now())
	first.ExecuteWorkflow("cases/any", start)
	var next *workflow.ContinueAsNewError
	require.ErrorAs(t, first.GetWorkflowError(), &next)
	require.NoError(t, converter.GetDefaultDataConverter().FromPayloads(next.Input, &start))
	last := newEnvironment(0, time.Now())
	last.ExecuteWorkflow("cases/any", start)
	require.NoError(t, last.GetWorkflowError())
	value, err := last.QueryWorkflow(contract.StateQuery)
	require.NoError(t, err)
	var state contract.State
	require.NoError(t, value.Get(&state))
	assert.Equal(t, 6, state.Tasks[0].Runs)
	assert.Equal(t, "completed", state.Tasks[1].Status)
}

// ending is how an execution ended, as text to compare, and in how many runs.
type ending struct {
	text string
	runs int
}

// runTo runs an execution in the SDK's test environment. The first run, or each,
// is told at its at-th boundary to continue as new; 0 is never.
func runTo(t *testing.T, start contract.Start, at int, each bool) ending {
	t.Helper()
	begun := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	for runs := 1; runs < 1000; runs++ {
		env := newEnvironment(at, begun)
		env.ExecuteWorkflow("cases/any", start)
		require.True(t, env.IsWorkflowCompleted())
		err := env.GetWorkflowError()
		var next *workflow.ContinueAsNewError
		if !errors.As(err, &next) {
			return ending{text: endingText(t, env, err), runs: runs}
		}
		start = contract.Start{}
		require.NoError(t, converter.GetDefaultDataConverter().FromPayloads(next.Input, &start))
		begun = env.Now()
		if !each {
			at = 0
		}
	}
	t.Fatal("the execution never ends")
	return ending{}
}

func endingText(t *testing.T, env *testsuite.TestWorkflowEnvironment, err error) string {
	t.Helper()
	if err == nil {
		var output json.RawMessage
		require.NoError(t, env.GetWorkflowResult(&output))
		return string(output)
	}
	var application *temporal.ApplicationError
	require.ErrorAs(t, err, &application)
	var fault contract.Fault
	require.NoError(t, application.Details(&fault))
	text, err := json.Marshal(fault)
	require.NoError(t, err)
	return string(text)
}

func newEnvironment(at int, begun time.Time) *testsuite.TestWorkflowEnvironment {
	return newEnvironmentOf(workflows.Options{}, at, begun)
}

func newEnvironmentOf(options workflows.Options, at int, begun time.Time) *testsuite.TestWorkflowEnvironment {
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	env := suite.NewTestWorkflowEnvironment()
	env.SetStartTime(begun)
	env.SetWorkerOptions(worker.Options{
		Interceptors:             []interceptor.WorkerInterceptor{&cutter{at: at, env: env}},
		DeadlockDetectionTimeout: time.Minute,
	})
	workflows.RegisterWith(env, options)
	return env
}

// cutter suggests to continue as new from the at-th boundary on. A boundary is
// where the interpreter asks for it, once the execution has begun.
type cutter struct {
	interceptor.WorkerInterceptorBase
	interceptor.WorkflowInboundInterceptorBase
	interceptor.WorkflowOutboundInterceptorBase
	at, asked int
	env       *testsuite.TestWorkflowEnvironment
}

func (c *cutter) InterceptWorkflow(_ workflow.Context, next interceptor.WorkflowInboundInterceptor) interceptor.WorkflowInboundInterceptor {
	c.WorkflowInboundInterceptorBase.Next = next
	return c
}

func (c *cutter) Init(outbound interceptor.WorkflowOutboundInterceptor) error {
	c.WorkflowOutboundInterceptorBase.Next = outbound
	return c.WorkflowInboundInterceptorBase.Next.Init(c)
}

// asksBefore is how often an execution asks for its info before its first boundary.
const asksBefore = 2

func (c *cutter) GetInfo(ctx workflow.Context) *workflow.Info {
	c.asked++
	if c.at > 0 && c.asked == c.at+asksBefore {
		c.env.SetContinueAsNewSuggested(true)
	}
	return c.WorkflowOutboundInterceptorBase.GetInfo(ctx)
}
