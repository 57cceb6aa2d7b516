package activities

import (
	"context"
	"crypto/ed25519"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"lazaret.dev/lazaret/activities/audit"
	"lazaret.dev/lazaret/activities/virt"
	"lazaret.dev/lazaret/policies"
)

// Where a caller's identity is required, every operation of who has none or one that
// has expired is refused before anything reaches libvirt: 403, one audit event
// unauthorized, one violation; of who has one the policy decides as ever (C11).
func TestLibvirtPolicyMatrix_AuthRequired(t *testing.T) {
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	policy := matrix()["everything"].policy
	policy.AuthRequired, policy.Timeout, policy.Concurrent = true, time.Second, 1
	policy.Identities = []policies.LibvirtIdentity{{Kind: policies.BySigner, Name: "*"}}
	policy.Signers = []policies.Signer{{Name: "release", Key: key.Public().(ed25519.PublicKey)}}
	ended := policy
	ended.Identities = []policies.LibvirtIdentity{{Kind: policies.BySigner, Name: "release", NotAfter: time.Now().Add(-time.Second)}}
	for name, test := range map[string]struct {
		policy    policies.Libvirt
		signature string
		known     bool
	}{
		"signed":                {policy, policies.Sign(key, "d", time.Now().Add(time.Hour)), true},
		"unsigned":              {policy, "", false},
		"altered":               {policy, policies.Sign(key, "e", time.Time{}), false},
		"expired":               {policy, policies.Sign(key, "d", time.Now().Add(-time.Second)), false},
		"a signer who was":      {ended, policies.Sign(key, "d", time.Time{}), false},
		"the policy needs none": {matrix()["everything"].policy, "", true},
	} {
		task := matrixTask
		task.Digest, task.Signature = "d", test.signature
		for _, level := range policies.Levels() {
			test.policy.Timeout, test.policy.Concurrent = time.Second, 1
			c := newCell(test.policy, level)
			c.asks = task
			env := (&testsuite.WorkflowTestSuite{}).NewTestActivityEnvironment()
			env.RegisterActivity(c.libvirt.Execute)
			for _, o := range virt.Operations() {
				c.refusal = audit.Unauth
				c.reset()
				c.require(t, name+", "+o.Name+", task", o, c.task(t, env, o), test.known, false)
				c.requireFiled(t, name, test.known, level)
				c.reset()
				c.require(t, name+", "+o.Name+", script", o, c.script(t, o), test.known, false)
				require.Len(t, c.reported, denials(test.known), name)
			}
		}
	}
}

// TestStarters: who started an execution is whom Temporal names on the first event of
// the first run of its root, and is asked for once, where the policy cares (C11).
func TestStarters(t *testing.T) {
	started := func(principal, first string, root *commonpb.WorkflowExecution) *historypb.HistoryEvent {
		event := &historypb.HistoryEvent{Attributes: &historypb.HistoryEvent_WorkflowExecutionStartedEventAttributes{
			WorkflowExecutionStartedEventAttributes: &historypb.WorkflowExecutionStartedEventAttributes{FirstExecutionRunId: first, RootWorkflowExecution: root},
		}}
		if principal != "" {
			event.Principal = &commonpb.Principal{Type: "jwt", Name: principal}
		}
		return event
	}
	asked := 0
	runs := map[string]*historypb.HistoryEvent{
		"root-1": started("ada", "root-1", nil),
		"root-2": started("worker", "root-1", nil),
		"child":  started("worker", "child", &commonpb.WorkflowExecution{WorkflowId: "root", RunId: "root-2"}),
		"nobody": started("", "nobody", nil),
		"loop":   started("ada", "other", nil), "other": started("ada", "loop", nil),
		"broken": {},
	}
	s := &Starters{First: func(_ context.Context, run workflow.Execution) (*historypb.HistoryEvent, error) {
		asked++
		if event := runs[run.RunID]; event != nil {
			return event, nil
		}
		return nil, errors.New("gone")
	}}
	policy := policies.Effective{Libvirt: policies.Libvirt{AuthRequired: true, Identities: []policies.LibvirtIdentity{{Kind: policies.ByPrincipal, Name: "jwt/*"}}}}
	of := func(run string, policy policies.Effective) (string, error) {
		id, err := s.identity(t.Context(), matrixTask, policy, "task", workflow.Execution{ID: map[bool]string{true: "x", false: "root"}[run == "child"], RunID: run})
		return id.Principal, err
	}
	for run, want := range map[string]string{"root-1": "jwt/ada", "root-2": "jwt/ada", "child": "jwt/ada", "nobody": ""} {
		for range 2 {
			principal, err := of(run, policy)
			require.NoError(t, err)
			require.Equal(t, want, principal, run)
		}
	}
	require.Equal(t, 1+2+3+1, asked, "once a run")
	for run, want := range map[string]string{"missing": "gone", "loop": "too many runs", "broken": "does not begin with its start"} {
		_, err := of(run, policy)
		require.ErrorContains(t, err, want, run)
	}
	asked = 0
	principal, err := of("root-1", policies.Effective{})
	require.NoError(t, err)
	require.Empty(t, principal)
	require.Zero(t, asked)
}
