package worker

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/activities/contract"
)

// TestDescribe_NotReached: of an execution that has ended nothing is pending, not
// even where no code has seen the end.
func TestDescribe_NotReached(t *testing.T) {
	t.Parallel()
	s := temporalSession(t)
	run := beginDocument(t, s, "document: {dsl: 1.0.3, namespace: cases, name: broken-off, version: 1.0.0}\ndo: [{long: {wait: PT1H}}, {behind: {set: {a: 1}}}]\n")
	statuses := func() map[string]string {
		var out, err bytes.Buffer
		a := &app{stdout: &out, stderr: &err, output: "json"}
		var d description
		assert.NoError(t, a.describe(t.Context(), s, run.GetID()))
		assert.NoError(t, json.Unmarshal(out.Bytes(), &d), err.String())
		byName := map[string]string{}
		for _, task := range d.Tasks {
			byName[task.Name] = task.Status
		}
		return byName
	}
	require.Eventually(t, func() bool { return statuses()["long"] == "running" }, patience, glance)
	assert.Equal(t, "pending", statuses()["behind"])

	require.NoError(t, s.TerminateWorkflow(t.Context(), run.GetID(), "", "seen"))
	require.Eventually(t, func() bool { return statuses()["behind"] == contract.NotReached }, patience, glance)
	assert.Equal(t, "terminated", statuses()["long"])
	_, err := resultOf(t, s, run)
	requireFaultOf(t, err, contract.RuntimeError, "was terminated, by a person or by a schedule")
}
