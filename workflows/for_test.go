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
