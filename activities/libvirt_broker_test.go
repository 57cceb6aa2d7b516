package activities

import (
	"context"
	"encoding/json"
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/activities/audit"
	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/activities/virt"
	"lazaret.dev/lazaret/policies"
)

// lines keeps what an audit log would.
type lines struct{ kinds []audit.Kind }

func (l *lines) Append(e audit.Event) (uint64, error) {
	l.kinds = append(l.kinds, e.Kind)
	return uint64(len(l.kinds)), nil
}

// recordingDriver does nothing, and says what it was asked.
type recordingDriver struct{ calls []virt.Call }

func (d *recordingDriver) Call(_ context.Context, call virt.Call, _ func(virt.Progress)) (json.RawMessage, error) {
	d.calls = append(d.calls, call)
	return json.RawMessage(`{}`), nil
}

// sample are arguments that each operation takes.
func sample(o virt.Operation) map[string]any {
	all := map[string]any{
		"name": "a", "state": "running", "to": "b", "destination": "qemu+tls://b/system", "memory": 64, "vcpus": 1,
		"target": "vdb", "capacity": 1 << 20, "disk": map[string]any{"pool": "p", "volume": "v"}, "snapshot": "s",
		"pool": "p", "volume": "v", "from": "w", "data": "AA==",
	}
	given := map[string]any{}
	for _, p := range o.Parameters {
		if value, ok := all[p.Name]; ok {
			given[p.Name] = value
		}
	}
	return given
}

// Every operation, under every policy: allowed exactly where documented, each
// denial recorded once and counted once (C01, C08, C12, C14).
func TestLibvirtPolicyMatrix(t *testing.T) {
	uris := []string{"qemu:///system", "qemu+tls://b/system"}
	operations := LibvirtOperations()
	var names []string
	for _, o := range operations {
		names = append(names, o.Name)
	}
	all := policies.LibvirtDangerous{Acknowledged: true, Allow: names}
	for name, policy := range map[string]struct {
		policies.Libvirt
		allows func(virt.Operation) bool
	}{
		"default":             {policies.DefaultLibvirt(operations), func(o virt.Operation) bool { return o.Default }},
		"nothing":             {policies.Libvirt{URIs: uris}, func(virt.Operation) bool { return false }},
		"no host":             {policies.Libvirt{Allow: names, Dangerous: all}, func(virt.Operation) bool { return false }},
		"all, no danger":      {policies.Libvirt{URIs: uris, Allow: names}, func(o virt.Operation) bool { return o.Danger != virt.Dangerous }},
		"not acknowledged":    {policies.Libvirt{URIs: uris, Dangerous: policies.LibvirtDangerous{Allow: names}}, func(virt.Operation) bool { return false }},
		"danger alone":        {policies.Libvirt{URIs: uris, Dangerous: all}, func(o virt.Operation) bool { return o.Danger == virt.Dangerous }},
		"everything":          {policies.Libvirt{URIs: uris, Allow: names, Dangerous: all}, func(virt.Operation) bool { return true }},
		"everything, to read": {policies.Libvirt{URIs: uris, Allow: names, Dangerous: all, ReadOnly: true}, func(o virt.Operation) bool { return !o.Changes }},
		"C13": {policies.Libvirt{URIs: uris, Allow: []string{"domain.start", "domain.stop"}}, func(o virt.Operation) bool {
			return slices.Contains([]string{"domain.start", "domain.stop"}, o.Name)
		}},
		"each needs approval": {policies.Libvirt{URIs: uris, Allow: names, Approval: names}, func(virt.Operation) bool { return false }},
	} {
		policy.Timeout, policy.Concurrent = 1e9, 1
		for _, o := range virt.Operations() {
			driver, log, counted := &recordingDriver{}, &lines{}, 0
			b := NewLibvirtBroker(driver, policy.Libvirt, log)
			b.Denied = func(virt.Request, *virt.Error) { counted++ }
			caller := "task"
			if name == "each needs approval" {
				caller = "script" // which cannot wait for one
			}
			_, err := b.Call(t.Context(), virt.Request{Operation: o.Name, Arguments: sample(o), Identity: virt.Identity{Caller: caller}})
			if policy.allows(o) {
				require.NoError(t, err, "%s under %s", o.Name, name)
				require.Equal(t, []audit.Kind{audit.Operation, audit.Operation}, log.kinds)
				require.Len(t, driver.calls, 1)
				require.Equal(t, !o.Changes && (!o.Privileged || policy.ReadOnly), driver.calls[0].ReadOnly, "%s under %s", o.Name, name)
				continue
			}
			require.Equal(t, virt.Denied, virt.AsError(err).Code, "%s under %s: %v", o.Name, name, err)
			require.Equal(t, []audit.Kind{audit.Denied}, log.kinds, "%s under %s", o.Name, name)
			require.Equal(t, 1, counted)
			require.Empty(t, driver.calls)
		}
	}
}

func TestLibvirtHosts(t *testing.T) {
	policy := policies.Libvirt{URIs: []string{"qemu:///system"}, Dangerous: policies.LibvirtDangerous{Acknowledged: true, Allow: []string{"domain.migrate"}}, Timeout: 1e9}
	b := NewLibvirtBroker(&recordingDriver{}, policy, &lines{})
	_, err := b.Call(t.Context(), virt.Request{Operation: "domain.migrate", Arguments: map[string]any{"name": "a", "destination": "qemu+tls://b/system"}})
	require.ErrorContains(t, err, `does not list the host "qemu+tls://b/system"`)
	_, err = b.Call(t.Context(), virt.Request{Operation: "domain.migrate", URI: "test:///default", Arguments: map[string]any{"name": "a", "destination": "qemu:///system"}})
	require.ErrorContains(t, err, `does not list the host "test:///default"`)
}

func TestLibvirtFaults(t *testing.T) {
	for code, want := range map[virt.Code]struct {
		kind   string
		status int
	}{
		virt.NotFound: {contract.CommunicationError, 404}, virt.Denied: {contract.AuthorizationError, 403}, virt.Busy: {contract.CommunicationError, 409},
		virt.Unreachable: {contract.CommunicationError, 503}, virt.Timeout: {contract.TimeoutError, 408}, virt.Invalid: {contract.ValidationError, 400},
		virt.Unsupported: {contract.RuntimeError, 501}, virt.Failed: {contract.RuntimeError, 500}, virt.Limited: {contract.CommunicationError, 429},
	} {
		fault := LibvirtFault("domain.start", virt.Errorf(code, "why"))
		require.Equal(t, want.kind, fault.Type, code)
		require.Equal(t, want.status, fault.Status, code)
		require.NotEmpty(t, fault.Title, code)
		require.Equal(t, code == virt.Denied, fault.Violations == 1)
	}
	lost := LibvirtFault("domain.start", &virt.Error{Code: virt.Unreachable, Message: "gone", Lost: true})
	require.Equal(t, "gone; whether domain.start took effect is not known", lost.Detail)
}

// The policy that the documentation shows is one.
func TestLibvirtPolicy_Documented(t *testing.T) {
	f, err := os.Open("../testdata/policies/libvirt.yaml")
	require.NoError(t, err)
	defer func() { _ = f.Close() }()
	policy, err := policies.ReadLibvirt(f, LibvirtOperations(), virt.CheckURI)
	require.NoError(t, err)
	require.Equal(t, 5, policy.Concurrent)
	require.Equal(t, []string{"snapshot.revert"}, policy.Approval)
}
