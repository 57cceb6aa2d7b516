package workflows_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/workflows"
	"lazaret.dev/lazaret/workflows/definition"
)

// TestFor_VariablesOfEachItem: what a task reads is of its own item, also in a loop in
// a loop, behind it, and in branches: loops and tasks use their places again.
func TestFor_VariablesOfEachItem(t *testing.T) {
	const text = `
document: {dsl: '1.0.3', namespace: cases, name: loops, version: '1.0.0'}
do:
  - start: {set: '${ [] }'}
  - outer:
      for: {each: a, at: i, in: '${ [range(10; 12)] }'}
      do:
        - inner:
            for: {each: b, at: j, in: '${ [range($i + 1; 3)] }'}
            do:
              - note: {set: '${ . + [[$a, $i, $b, $j]] }', output: {as: '${ . + [$task.name] }'}}
        - same:
            for: {each: a, at: b, in: '${ ["x"] }'}
            do: [note: {set: '${ . + [$a, $b] }'}]
        - both:
            fork:
              branches:
                - one: {set: '${ [$a, $i] }', if: '${ $a > 0 }'}
                - two: {wait: {milliseconds: 5}, output: {as: '${ [$i, $a] }'}}
            output: {as: '${ $input + . }'}
`
	def, err := definition.Parse("loops.yaml", []byte(text))
	require.NoError(t, err)
	env := newEnvironment(0, time.Now())
	env.ExecuteWorkflow("cases/loops", contract.Start{Definition: contract.Source{File: "loops.yaml", Document: text, Digest: def.Digest}})
	require.NoError(t, env.GetWorkflowError())
	var output json.RawMessage
	require.NoError(t, env.GetWorkflowResult(&output))
	assert.JSONEq(t, `[
		[10,0,1,0], "note", [10,0,2,1], "note", "x", 0, [10,0], [0,10],
		[11,1,2,0], "note", "x", 0, [11,1], [1,11]
	]`, string(output))
}

// TestFor_KeepsWhatIsHeld: a set task fills what its loop has done with again, and never
// what is still held.
func TestFor_KeepsWhatIsHeld(t *testing.T) {
	for name, c := range map[string]struct{ tasks, want string }{
		"by the data": {
			`
  - start: {set: {n: 0, old: null}}
  - count:
      for: {in: '${ [range(9)] }'}
      do: [add: {set: {n: '${ .n + 1 }', old: '${ if .n % 3 == 2 then . else .old end }'}}]`,
			`{"n": 9, "old": {"n": 8, "old": {"n": 5, "old": {"n": 2, "old": null}}}}`,
		},
		"by the context": {
			`
  - start: {set: {n: 0}}
  - outer:
      for: {in: '${ [range(3)] }'}
      do:
        - count:
            for: {each: by, in: '${ [range(1; 5)] }'}
            do: [add: {set: {n: '${ .n + $by }'}}]
            export: {as: '${ {all: (($context.all // []) + [.])} }'}
  - show: {set: '${ $context.all }'}`,
			`[{"n": 10}, {"n": 20}, {"n": 30}]`,
		},
		"by an export of each": {
			`
  - count:
      for: {in: '${ [range(4)] }'}
      do: [add: {set: {n: '${ (.n // 0) + 1 }'}, export: {as: '${ {all: (($context.all // []) + [.])} }'}}]
  - show: {set: '${ $context.all }'}`,
			`[{"n": 1}, {"n": 2}, {"n": 3}, {"n": 4}]`,
		},
		"by a task that is left out": {
			`
  - start: {set: {a: 1, b: 2}}
  - count:
      for: {each: i, in: '${ [range(5)] }'}
      do: [swap: {if: '${ $i != 2 }', set: {a: '${ .b }', b: '${ .a + 1 }'}}]`,
			`{"a": 3, "b": 4}`,
		},
		"by what output.as gives": {
			`
  - start: {set: {n: 0}, export: {as: {fixed: {n: 7}}}}
  - count:
      for: {in: '${ [range(5)] }'}
      do: [add: {set: {n: '${ 1 + 1 }'}, output: {as: '${ $context.fixed }'}}]
  - show: {set: '${ [$context.fixed, .] }'}`,
			`[{"n": 7}, {"n": 7}]`,
		},
		"by what input.from takes": {
			`
  - start: {set: {n: 1}, export: {as: {fixed: {n: 7}}}}
  - count:
      for: {in: '${ [range(5)] }'}
      do: [add: {input: {from: '${ {n, fixed: $context.fixed} }'}, set: {n: '${ .n + .fixed.n }'}}]
  - show: {set: '${ [$context.fixed, .] }'}`,
			`[{"n": 7}, {"n": 36}]`,
		},
		"by an extension": {
			`
  - count:
      for: {in: '${ [range(4)] }'}
      do: [add: {set: {n: '${ (.n // 0) + 1 }'}}]
output: {as: '${ $context.all[1:] }'}
use:
  extensions:
    - keep:
        extend: set
        before: [note: {wait: {milliseconds: 1}, export: {as: '${ {all: (($context.all // []) + [.])} }'}}]`,
			`[{"n": 1}, {"n": 2}, {"n": 3}]`,
		},
		"by no second task": {
			`
  - count:
      for: {in: '${ [range(5)] }'}
      do:
        - one: {set: {n: '${ (.n // 0) + 1 }'}}
        - two: {set: {n: '${ .n }', members: '${ length }'}}`,
			`{"n": 5, "members": 1}`,
		},
		"by while": {
			`
  - count:
      for: {in: '${ [range(3)] }'}
      while: '${ (.n // 0) < 4 }'
      do: [add: {set: {n: '${ (.n // 0) + 2 }', half: '${ (.n // 0) / 2 }'}}]`,
			`{"n": 4, "half": 1}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			text := "document: {dsl: '1.0.3', namespace: cases, name: held, version: '1.0.0'}\ndo:" + c.tasks + "\n"
			def, err := definition.Parse("held.yaml", []byte(text))
			require.NoError(t, err)
			start := contract.Start{Definition: contract.Source{File: "held.yaml", Document: text, Digest: def.Digest}}
			for at := range 12 { // in one run, and continued as new at any task
				require.JSONEq(t, c.want, runTo(t, start, at, at > 2 && at%2 == 1).text, "continued at %d", at)
			}
		})
	}
}

// TestFor_TellsWhatWasThen: lifecycle events, which are sent later, have the output of
// their own item.
func TestFor_TellsWhatWasThen(t *testing.T) {
	const text = `
document: {dsl: '1.0.3', namespace: cases, name: told, version: '1.0.0'}
do: [count: {for: {in: '${ [range(4)] }'}, do: [add: {set: {n: '${ (.n // 0) + 1 }'}}]}]
`
	def, err := definition.Parse("told.yaml", []byte(text))
	require.NoError(t, err)
	env := newEnvironmentOf(workflows.Options{Telling: func() workflows.Telling { return workflows.TellTasks }}, 0, time.Now())
	var outputs []float64
	tell := func(_ context.Context, r contract.LifecycleRequest) error {
		for _, text := range r.Events {
			var event struct {
				Type string `json:"type"`
				Data struct {
					Task   string             `json:"task"`
					Output map[string]float64 `json:"output"`
				} `json:"data"`
			}
			if err := json.Unmarshal(text, &event); err != nil {
				return err
			}
			if event.Data.Task == "/do/0/count/do/0/add" && event.Data.Output != nil {
				outputs = append(outputs, event.Data.Output["n"])
			}
		}
		return nil
	}
	env.RegisterActivityWithOptions(tell, activity.RegisterOptions{Name: contract.TellLifecycle})
	env.ExecuteWorkflow("cases/told", contract.Start{Definition: contract.Source{File: "told.yaml", Document: text, Digest: def.Digest}})
	require.NoError(t, env.GetWorkflowError())
	assert.Equal(t, []float64{1, 2, 3, 4}, outputs)
}
