package workflows_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/activities/contract"
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
// what is still held: by the data itself, by the context, by the loop's own input.
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
		"by a loop that goes on itself": {
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
