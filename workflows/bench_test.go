package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/workflows/definition"
)

// BenchmarkFor is a loop of a thousand tasks without effects, in Temporal's test
// environment: what the interpreter itself costs.
func BenchmarkFor(b *testing.B) {
	const text = `
document: {dsl: '1.0.3', namespace: benchmark, name: for, version: '1.0.0'}
do:
  - sum:
      for: {each: number, in: '${ [range(1; 1001)] }'}
      do: [add: {set: {sum: '${ (.sum // 0) + $number }'}}]
`
	def, err := definition.Parse("for.yaml", []byte(text))
	require.NoError(b, err)
	start := contract.Start{Definition: contract.Source{File: "for.yaml", Document: text, Digest: def.Digest}}
	b.ReportAllocs()
	for b.Loop() {
		env := newEnvironment(0, time.Now())
		env.ExecuteWorkflow("benchmark/for", start)
		require.NoError(b, env.GetWorkflowError())
	}
}
