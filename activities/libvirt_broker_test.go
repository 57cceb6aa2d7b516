package activities

import (
	"context"
	"encoding/json"
	"os"
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

// The policies that the documentation shows are such.
func TestLibvirtPolicy_Documented(t *testing.T) {
	read := func(name string) policies.Libvirt {
		f, err := os.Open("../testdata/policies/" + name)
		require.NoError(t, err)
		defer func() { _ = f.Close() }()
		policy, err := policies.ReadLibvirt(f, LibvirtOperations(), virt.CheckURI)
		require.NoError(t, err)
		return policy
	}
	policy := read("libvirt.yaml")
	require.Equal(t, 5, policy.Concurrent)
	require.Equal(t, []string{"snapshot.revert"}, policy.Approval)
	require.Equal(t, policy.URIs, read("guest-quarantine.yaml").Events)
}
