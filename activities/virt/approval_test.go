package virt_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/activities/virt"
)

// stopping is a task's request that a policy wants approved.
func stopping(name string) virt.Request {
	return virt.Request{
		Operation: "domain.stop", Arguments: given{"name": name, "mode": "force"}, Key: "e/r/1",
		Identity: virt.Identity{Definition: "ops/stop", Execution: "e", Task: "/do/0/stop", Caller: "task"},
	}
}

type approving struct {
	virt.Broker
	ledger
	calls, denials int
}

func newApproving(v virt.Verdict) *approving {
	a := &approving{}
	v.Approval, v.ApprovalWithin = true, time.Hour
	a.Driver = driverFunc(func(context.Context, virt.Call) (json.RawMessage, error) {
		a.calls++
		return json.RawMessage(`{}`), nil
	})
	a.Judge, a.Audit = allow(v), &a.ledger
	a.Denied = func(virt.Request, *virt.Error) { a.denials++ }
	return a
}

// A task's request waits, with all that a person has to see; with the approval of
// just that it is carried out, and both are in the log.
func TestApproval(t *testing.T) {
	b := newApproving(virt.Verdict{})
	_, err := b.Call(t.Context(), stopping("web-1"))
	asked := virt.AsError(err).Awaiting
	require.NotNil(t, asked)
	require.Equal(t, map[string]any{"name": "web-1", "mode": "force", "deadline": int64(60)}, asked.Arguments)
	require.Equal(t, "test:///default", asked.URI)
	require.Equal(t, virt.Disruptive, asked.Danger)
	require.Equal(t, time.Hour, asked.Within)
	require.Equal(t, "domain.stop deadline=60 mode=force name=web-1 at test:///default", asked.Summary())
	require.Len(t, asked.Digest, 64)
	require.Zero(t, b.calls+b.denials, "to wait is no violation")

	again := stopping("web-1")
	again.Key = "e/r/2"
	again.Approval = &virt.Approval{Asked: asked.Asked, Digest: asked.Digest, Reviewer: "ada", Reason: "CHG-1"}
	_, err = b.Call(t.Context(), again)
	require.NoError(t, err)
	require.Equal(t, "approval_required operation_started operation_executed", b.events())
	require.Equal(t, "ada", b.records[1].Approval.Reviewer)
}

// An approval is for what was shown and nothing else.
func TestApproval_Bound(t *testing.T) {
	b := newApproving(virt.Verdict{})
	_, err := b.Call(t.Context(), stopping("web-1"))
	asked := virt.AsError(err).Awaiting
	for name, change := range map[string]func(*virt.Request){
		"guest":      func(r *virt.Request) { r.Arguments = given{"name": "web-2", "mode": "force"} },
		"argument":   func(r *virt.Request) { r.Arguments = given{"name": "web-1", "mode": "force", "deadline": 61} },
		"operation":  func(r *virt.Request) { r.Operation, r.Arguments = "domain.reboot", given{"name": "web-1"} },
		"execution":  func(r *virt.Request) { r.Identity.Execution = "f" },
		"task":       func(r *virt.Request) { r.Identity.Task = "/do/1/stop" },
		"definition": func(r *virt.Request) { r.Identity.Definition = "ops/other" },
		"occasion":   func(r *virt.Request) { r.Approval.Asked = "e/r/9" },
		"digest":     func(r *virt.Request) { r.Approval.Digest = "" },
	} {
		t.Run(name, func(t *testing.T) {
			denials := b.denials
			r := stopping("web-1")
			r.Approval = &virt.Approval{Asked: asked.Asked, Digest: asked.Digest, Reviewer: "ada", Reason: "CHG-1"}
			change(&r)
			_, err := b.Call(t.Context(), r)
			require.ErrorContains(t, err, "is for something else than what is asked for")
			require.Equal(t, virt.Denied, virt.AsError(err).Code)
			require.Nil(t, virt.AsError(err).Awaiting)
			require.Equal(t, denials+1, b.denials)
		})
	}
	other := newApproving(virt.Verdict{})
	other.Judge = func(virt.Question) virt.Verdict {
		return virt.Verdict{Allowed: true, URI: "qemu:///system", Approval: true, Timeout: time.Minute}
	}
	r := stopping("web-1")
	r.Approval = &virt.Approval{Asked: asked.Asked, Digest: asked.Digest}
	_, err = other.Call(t.Context(), r)
	require.ErrorContains(t, err, "or the policy has changed since", "another host is meant now")
	require.Zero(t, b.calls+other.calls)
}

// A rejection is recorded, is no violation, and holds though the policy may ask for
// no approval any more.
func TestApproval_Rejected(t *testing.T) {
	b := newApproving(virt.Verdict{})
	_, err := b.Call(t.Context(), stopping("web-1"))
	asked := virt.AsError(err).Awaiting
	lifted := newApproving(virt.Verdict{})
	lifted.Judge = allow(virt.Verdict{})
	for _, b := range []*approving{b, lifted} {
		r := stopping("web-1")
		r.Approval = &virt.Approval{Asked: asked.Asked, Digest: asked.Digest, Reviewer: "bob", Reason: "no\n", Rejected: true}
		_, err = b.Call(t.Context(), r)
		require.EqualError(t, err, `domain.stop was rejected by bob: no\n`)
		require.True(t, virt.AsError(err).Rejected)
		require.Zero(t, b.calls+b.denials)
		require.Contains(t, b.events(), "approval_rejected")
	}
}

// Who cannot wait is denied.
func TestApproval_Scripts(t *testing.T) {
	b := newApproving(virt.Verdict{})
	r := stopping("web-1")
	r.Identity.Caller = "script"
	_, err := b.Call(t.Context(), r)
	require.EqualError(t, err, "domain.stop needs approval, and a script cannot wait for one: call it from a task")
	require.Nil(t, virt.AsError(err).Awaiting)
	require.Equal(t, 1, b.denials)
}
