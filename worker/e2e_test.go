package worker

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/workflows/definition"
)

// execute runs a document on the shared Temporal and returns its output, or
// its fault, and the id of its execution.
func execute(t *testing.T, document, input string) (output json.RawMessage, id string, err error) {
	t.Helper()
	s := temporalSession(t)
	def, err := definition.Parse("definition.yaml", []byte(document))
	require.NoError(t, err)
	p := &prepared{
		bundle: &bundle{def: def},
		start: contract.Start{
			Definition: contract.Source{File: "definition.yaml", Document: document, Digest: def.Digest},
			Input:      json.RawMessage(input),
			Runtime:    testBuild.Version,
		},
	}
	run, err := s.begin(t.Context(), p, "")
	require.NoError(t, err)
	output, err = follow(t.Context(), s.Client, run, nil)
	return output, run.GetID(), err
}

func TestExecute_OneSetTask(t *testing.T) {
	output, _, err := execute(t, `
document: {dsl: 1.0.3, namespace: test, name: one-set, version: 1.0.0}
do:
  - sum: {set: {sum: "${ .a + .b }"}}
`, `{"a": 1, "b": 2}`)
	require.NoError(t, err)
	require.JSONEq(t, `{"sum": 3}`, string(output))
}
