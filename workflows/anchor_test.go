package workflows

import (
	"crypto/ed25519"
	"encoding/base64"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"lazaret.dev/lazaret/activities/contract"
)

func signedHead(key ed25519.PrivateKey, seq uint64) contract.AuditHead {
	h := contract.AuditHead{Seq: seq, Hash: "abc", Time: time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)}
	h.Signature = base64.StdEncoding.EncodeToString(ed25519.Sign(key, h.Message()))
	return h
}

// TestAnchor: only newer heads that the log's key signed are kept, however many
// others are sent (A45).
func TestAnchor(t *testing.T) {
	t.Parallel()
	public, key, err := ed25519.GenerateKey(nil)
	require.NoError(t, err)
	_, thief, err := ed25519.GenerateKey(nil)
	require.NoError(t, err)
	env := (&testsuite.WorkflowTestSuite{}).NewTestWorkflowEnvironment()
	env.RegisterWorkflowWithOptions(keepAnchor, workflow.RegisterOptions{Name: contract.AuditAnchor})
	env.SetStartWorkflowOptions(client.StartWorkflowOptions{ID: contract.AnchorID(public)})
	altered := signedHead(key, 90)
	altered.Seq = 91
	env.RegisterDelayedCallback(func() {
		for _, h := range []contract.AuditHead{signedHead(key, 5), signedHead(thief, 99), signedHead(key, 4), signedHead(key, 5), altered, signedHead(key, 7)} {
			env.SignalWorkflow(contract.AnchorSignal, h)
		}
	}, time.Second)
	env.RegisterDelayedCallback(func() {
		value, err := env.QueryWorkflow(contract.AnchorQuery)
		assert.NoError(t, err)
		var a contract.Anchor
		assert.NoError(t, value.Get(&a))
		if assert.Len(t, a.Heads, 2) {
			assert.EqualValues(t, 5, a.Heads[0].Seq)
			assert.EqualValues(t, 7, a.Heads[1].Seq)
		}
		assert.Equal(t, 4, a.Refused)
		for seq := range uint64(600) {
			env.SignalWorkflow(contract.AnchorSignal, signedHead(key, 8+seq))
		}
	}, 2*time.Second)
	env.ExecuteWorkflow(contract.AuditAnchor, contract.Anchor{Key: public})
	require.True(t, env.IsWorkflowCompleted())
	var next *workflow.ContinueAsNewError
	require.ErrorAs(t, env.GetWorkflowError(), &next)

	other := (&testsuite.WorkflowTestSuite{}).NewTestWorkflowEnvironment()
	other.RegisterWorkflowWithOptions(keepAnchor, workflow.RegisterOptions{Name: contract.AuditAnchor})
	other.SetStartWorkflowOptions(client.StartWorkflowOptions{ID: contract.AnchorID(public)})
	other.ExecuteWorkflow(contract.AuditAnchor, contract.Anchor{Key: thief.Public().(ed25519.PublicKey)})
	require.ErrorContains(t, other.GetWorkflowError(), "not the one that the execution's id names")
}
