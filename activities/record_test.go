package activities

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/activities/audit"
	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/sandbox"
	"lazaret.dev/lazaret/sandbox/egress"
)

// kept is an auditor in memory; full ones fail.
type kept struct {
	events []audit.Event
	full   bool
}

func (k *kept) Append(e audit.Event) (uint64, error) {
	if k.full {
		return 0, audit.ErrUnwritable
	}
	k.events = append(k.events, e)
	return uint64(len(k.events)), nil
}

func request() contract.Process {
	return contract.Process{Task: contract.TaskID{Namespace: "demo", Name: "report", Version: "1.0.0", Digest: "d", Reference: "/do/0/x", Execution: "e"}}
}

// A27, A43: each violation with who, where, what and what came of it.
func TestRecorder_Ended(t *testing.T) {
	log := &kept{}
	p := &Processes{Audit: log}
	err := p.recorder(request(), policies.Effective{Level: policies.Strict, PolicyDigest: "p"}, "e/r/5/1").ended(sandbox.Result{
		Outcome:     sandbox.Completed,
		Violations:  []sandbox.Violation{{ID: "v1", Type: sandbox.UnauthorizedFileAccess, Severity: sandbox.High, Syscall: "openat", Detail: "read /etc/shadow", Count: 2, Action: "EPERM"}},
		Connections: []egress.Connection{{Host: "api.example.com", Port: 443, Address: "192.0.2.1", BytesIn: 7}},
	})
	require.NoError(t, err)
	require.Len(t, log.events, 3)
	v := log.events[0]
	require.Equal(t, audit.Event{
		Kind: audit.Violation, Namespace: "demo", Name: "report", Version: "1.0.0", Digest: "d", Level: "strict", Policy: "p", Execution: "e", Task: "/do/0/x", Activity: "e/r/5/1",
		ID: "v1", Type: "UnauthorizedFileAccess", Severity: "High", Subject: "read /etc/shadow", Outcome: "EPERM", Count: 2,
		Detail: map[string]string{"syscall": "openat", "pid": "0", "command": ""},
	}, v)
	require.Equal(t, "api.example.com:443", log.events[1].Subject)
	require.Equal(t, "completed", log.events[2].Outcome)
}

func TestRecorder_OrRefused(t *testing.T) {
	log := &kept{}
	r := (&Processes{Audit: log}).recorder(request(), policies.Effective{Level: policies.Maximum}, "a")
	other := errors.New("no sandbox")
	require.Equal(t, other, r.orRefused(other))
	require.Empty(t, log.events)
	fault := refused("level minimal is weaker")
	require.Equal(t, error(fault), r.orRefused(fault))
	require.Equal(t, audit.Denied, log.events[0].Kind)
}

// What cannot be recorded does not happen.
func TestRecorder_Full(t *testing.T) {
	r := (&Processes{Audit: &kept{full: true}}).recorder(request(), policies.Effective{Level: policies.Maximum}, "a")
	const detail = "nothing runs that cannot be recorded: audit log cannot be written"
	requireFault(t, r.began(sandbox.Spec{}), contract.AuditUnavailable, detail)
	requireFault(t, r.orRefused(refused("x")), contract.AuditUnavailable, detail)
}
