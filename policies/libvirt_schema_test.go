package policies_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/policies"
)

// The schema of the libvirt policy alone takes what the reader takes, and refuses
// what it refuses, as far as a schema can say it (C12 to C14).
func TestLibvirtSchema(t *testing.T) {
	schema := compiled(t, policies.LibvirtSchema(someOperations))
	for _, text := range []string{
		"libvirt: {}",
		"libvirt: {uris: ['qemu:///system'], events: ['qemu:///system'], timeout: 300, readonly: true}",
		"libvirt: {allowed_operations: [domain.start], approval: [domain.start, {operation: domain.delete, name: 'prod-*'}], approval_timeout: 60}",
		"libvirt: {dangerous: {acknowledge: true, allowed_operations: [domain.delete], hostdev: true}}",
		"libvirt: {dangerous: {allowed_operations: [], hostdev: false}}",
		"libvirt: {definitions: [{match: 'a/*', callers: [script], allowed_operations: []}]}",
	} {
		require.NoError(t, schema.Validate(asJSON(t, []byte(text))), text)
		_, err := policies.ReadLibvirt(strings.NewReader(text), someOperations, noTCP)
		require.NoError(t, err, text)
	}
	for _, text := range []string{
		"other: 1", "{}", "libvirt: {allowed: []}", "libvirt: {timeout: soon}", "libvirt: {timeout: 301}", "libvirt: {max_concurrent_ops: 0}",
		"libvirt: {allowed_operations: [domain.explode]}", "libvirt: {allowed_operations: [domain.delete]}",
		"libvirt: {dangerous: {allowed_operations: [domain.delete]}}", "libvirt: {dangerous: {acknowledge: false, hostdev: true}}",
		"libvirt: {dangerous: {acknowledge: true, allowed_operations: [domain.start]}}", "libvirt: {approval: [{name: x}]}",
		"libvirt: {definitions: [{match: a}]}", "libvirt: {definitions: [{match: 'a/*', callers: [anyone]}]}",
		"libvirt: {definitions: [{match: 'a/*', dangerous: {allowed_operations: [domain.delete]}}]}",
		"libvirt: {definitions: [{match: 'a/*', timeout: 5}]}",
	} {
		require.Error(t, schema.Validate(asJSON(t, []byte(text))), text)
		_, err := policies.ReadLibvirt(strings.NewReader(text), someOperations, noTCP)
		require.Error(t, err, text)
	}
}

// The documented policies are such by the schema too.
func TestLibvirtSchema_Documented(t *testing.T) {
	named := slices.Clone(someOperations)
	for name := range strings.FieldsSeq("domain.info domain.stats domain.state domain.suspend domain.wait host.info network.list storage.list domain.stop domain.reboot snapshot.create snapshot.list") {
		named = append(named, policies.LibvirtOperation{Name: name})
	}
	for _, name := range []string{"snapshot.revert", "snapshot.delete"} {
		named = append(named, policies.LibvirtOperation{Name: name, Dangerous: true})
	}
	for _, name := range []string{"libvirt.yaml", "guest-quarantine.yaml"} {
		text, err := os.ReadFile("../testdata/policies/" + name)
		require.NoError(t, err)
		require.NoError(t, compiled(t, policies.LibvirtSchema(named)).Validate(asJSON(t, text)), name)
	}
}

// A rule of a policy has the same section, with approvals on conditions, their
// time, and hosts that are watched.
func TestRead_LibvirtSection(t *testing.T) {
	text := `
policy: 1
rules:
  - match: {namespace: ops}
    libvirt:
      uris: [qemu:///system, test:///default]
      events: [test:///default]
      allowed_operations: [domain.start]
      approval: [{operation: domain.start, name: 'prod-*'}]
      approval_timeout: 60
  - match: {namespace: other}
    libvirt: {uris: [qemu:///system], events: [qemu:///system]}
`
	require.NoError(t, compileSchema(t).Validate(asJSON(t, []byte(text))))
	p := readPolicy(t, text)
	l := p.For(policies.Identity{Namespace: "ops", Name: "a"}).Libvirt
	require.InDelta(t, 60, l.ApprovalWithin.Seconds(), 0)
	require.Equal(t, []policies.LibvirtApproval{{Operation: "domain.start", Name: "prod-*"}}, l.ApprovalOn)
	require.Equal(t, []string{"qemu:///system", "test:///default"}, p.WatchedHosts())
	require.Empty(t, p.For(policies.Identity{Namespace: "third"}).Libvirt.Events)
	require.Empty(t, readPolicy(t, "policy: 1").WatchedHosts())
}
