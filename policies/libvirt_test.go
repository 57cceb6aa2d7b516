package policies_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/policies"
)

var someOperations = []policies.LibvirtOperation{
	{Name: "domain.list", Default: true},
	{Name: "domain.getxml"},
	{Name: "domain.start", Changes: true},
	{Name: "domain.delete", Changes: true, Dangerous: true},
}

func noTCP(uri string) error {
	if strings.HasPrefix(uri, "qemu+tcp") {
		return errors.New("uses tcp")
	}
	return nil
}

func TestReadLibvirt(t *testing.T) {
	l, err := policies.ReadLibvirt(strings.NewReader(`
libvirt:
  uris: [qemu:///system, qemu+tls://b/system]
  timeout: 60
  max_concurrent_ops: 5
  allowed_operations: [domain.list, domain.start]
  approval: [domain.start]
  dangerous:
    acknowledge: true
    allowed_operations: [domain.delete]
  definitions:
    - match: reports/*
      readonly: true
`), someOperations, noTCP)
	require.NoError(t, err)
	require.Equal(t, time.Minute, l.Timeout)
	require.Equal(t, 5, l.Concurrent)
	require.Equal(t, 600, l.PerMinute)
	require.Equal(t, policies.LibvirtDangerous{Acknowledged: true, Allow: []string{"domain.delete"}}, l.Dangerous)
}

// Each policy has hosts of its own, of which the first is meant where none is named;
// without any it is qemu:///system (C07).
func TestLibvirt_URI(t *testing.T) {
	ask := func(text, uri string) policies.LibvirtVerdict {
		l, err := policies.ReadLibvirt(strings.NewReader(text), someOperations, noTCP)
		require.NoError(t, err)
		return l.Judge(policies.LibvirtQuestion{Operation: someOperations[0], URI: uri})
	}
	require.Equal(t, "qemu:///system", ask("libvirt: {}", "").URI)
	require.Equal(t, "qemu+tls://b/system", ask("libvirt: {uris: ['qemu+tls://b/system', 'qemu:///system']}", "").URI)
	require.Equal(t, "qemu:///system", ask("libvirt: {uris: ['qemu+tls://b/system', 'qemu:///system']}", "qemu:///system").URI)
	require.False(t, ask("libvirt: {uris: ['qemu+tls://b/system']}", "qemu:///system").Allowed)
}

// What is wrong with a policy is said with its place; it never means less than it says.
func TestReadLibvirt_Wrong(t *testing.T) {
	for text, want := range map[string]struct {
		message      string
		line, column int
	}{
		"":                                    {"the document is empty", 0, 0},
		"other: 1\n":                          {"other is no setting here", 1, 1},
		"{}":                                  {"no section libvirt", 0, 0},
		"libvirt:\n  allowed: []\n":           {"allowed is no setting here", 2, 1},
		"libvirt:\n  timeout: soon\n":         {"cannot unmarshal", 2, 1},
		"libvirt:\n  timeout: 301\n":          {"timeout is 301, which is not within 1 and 300", 2, 12},
		"libvirt:\n  max_concurrent_ops: 0\n": {"max_concurrent_ops is 0", 2, 23},
		"libvirt:\n  uris: ['qemu+tcp://h/']": {"uses tcp", 2, 10},
		"libvirt:\n  allowed_operations: [domain.list, domain.explode]\n":                                      {`"domain.explode" is no operation`, 2, 37},
		"libvirt:\n  allowed_operations: [domain.delete]\n":                                                    {"domain.delete is dangerous and cannot be allowed here", 2, 24},
		"libvirt:\n  dangerous:\n    allowed_operations: [domain.delete]\n":                                    {"without an acknowledgement", 3, 26},
		"libvirt:\n  dangerous:\n    acknowledge: false\n    allowed_operations: [domain.delete]\n":            {"without an acknowledgement", 3, 18},
		"libvirt:\n  dangerous:\n    acknowledge: true\n    allowed_operations: [domain.start]\n":              {"domain.start is not dangerous", 4, 26},
		"libvirt:\n  dangerous:\n    hostdev: true\n":                                                          {"without an acknowledgement", 0, 0},
		"libvirt:\n  definitions:\n    - match: '[a'\n":                                                        {"is no pattern of namespace/name", 3, 14},
		"libvirt:\n  definitions:\n    - match: a/*\n      callers: [anyone]\n":                                {"is none of task, script", 4, 17},
		"libvirt:\n  definitions:\n    - match: a/*\n      dangerous: {allowed_operations: [domain.delete]}\n": {"without an acknowledgement", 4, 40},
	} {
		_, err := policies.ReadLibvirt(strings.NewReader(text), someOperations, noTCP)
		var wrong *policies.PolicyError
		require.ErrorAs(t, err, &wrong, text)
		require.Contains(t, wrong.Message, want.message, text)
		require.Equal(t, []int{want.line, want.column}, []int{wrong.Line, wrong.Column}, "%s: %s", text, wrong.Message)
		require.NotContains(t, wrong.Message, "policies.")
	}
}

func TestLibvirt_Exceptions(t *testing.T) {
	yes := true
	l := policies.Libvirt{
		URIs: []string{"qemu:///system"}, Allow: []string{"domain.start"},
		Definitions: []policies.LibvirtException{
			{Match: "ops/*", Callers: []string{"script"}, ReadOnly: &yes},
			{Match: "ops/*", Allow: []string{"domain.getxml"}},
		},
	}
	judge := func(operation int, definition, caller string) bool {
		return l.Judge(policies.LibvirtQuestion{Operation: someOperations[operation], Definition: definition, Caller: caller}).Allowed
	}
	require.True(t, judge(2, "demo/a", "task"))
	require.False(t, judge(2, "ops/a", "script"), "a script of ops only reads")
	require.False(t, judge(2, "ops/a", "task"), "the first that fits holds")
	require.True(t, judge(1, "ops/a", "task"))
	require.False(t, judge(1, "ops/a/b", "task"))
}

var powerOperations = []policies.LibvirtOperation{
	{Name: "domain.start", Changes: true}, {Name: "domain.stop", Changes: true}, {Name: "domain.reboot", Changes: true},
}

// An approval may be asked for at some hosts, or for some guests, alone; who names a
// guest by its UUID gets around no name.
func TestLibvirt_ApprovalOn(t *testing.T) {
	policy, err := policies.ReadLibvirt(strings.NewReader(`
libvirt:
  uris: [qemu:///system, "test:///default"]
  allowed_operations: [domain.stop, domain.start, domain.reboot]
  approval_timeout: 60
  approval:
    - domain.reboot
    - {operation: domain.stop, name: "prod-*"}
    - {operation: domain.start, uri: "qemu:///system"}
`), powerOperations, noTCP)
	require.NoError(t, err)
	require.Equal(t, time.Minute, policy.ApprovalWithin)
	for _, c := range []struct {
		operation, uri, guest string
		byUUID, want          bool
	}{
		{"domain.reboot", "", "a", false, true},
		{"domain.stop", "", "prod-1", false, true},
		{"domain.stop", "", "test-1", false, false},
		{"domain.stop", "", "", true, true},
		{"domain.stop", "", "test-1", true, true},
		{"domain.start", "", "a", false, true},
		{"domain.start", "test:///default", "a", false, false},
	} {
		v := policy.Judge(policies.LibvirtQuestion{Operation: policies.LibvirtOperation{Name: c.operation, Changes: true}, URI: c.uri, Guest: c.guest, ByUUID: c.byUUID})
		require.True(t, v.Allowed, v.Reason)
		require.Equal(t, c.want, v.Approval, "%+v", c)
	}
	for text, want := range map[string]string{
		"{operation: domain.explode}":                          `"domain.explode" is no operation`,
		"{name: a}":                                            "an approval has no operation",
		"{operation: domain.stop, guest: a}":                   "guest is no setting here; an approval has operation, uri, name",
		`{operation: domain.stop, name: "["}`:                  "is no pattern",
		"{operation: domain.stop, uri: 'qemu+tcp://a/system'}": "uses tcp",
	} {
		_, err := policies.ReadLibvirt(strings.NewReader("libvirt:\n  approval:\n    - "+text+"\n"), powerOperations, noTCP)
		require.ErrorContains(t, err, want)
	}
}
