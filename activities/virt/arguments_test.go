package virt_test

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/activities/virt"
)

type given = map[string]any

func TestArguments_Refused(t *testing.T) {
	for _, c := range []struct {
		operation string
		given     given
		want      string
	}{
		{"domain.info", given{}, "domain.info: give name or uuid"},
		{"domain.info", given{"namely": "x"}, `"namely" is no argument of it; it takes name, uuid`},
		{"domain.info", given{"name": 7}, "name must be a text"},
		{"domain.info", given{"name": "a/b"}, `name "a/b" has a slash`},
		{"domain.info", given{"uuid": "6695EB01-f6a4-8304-79aa-97f2502e193f"}, "is no UUID"},
		{"domain.stop", given{"name": "a", "deadline": 0}, "deadline is 0, which is not within 1 and 3600"},
		{"domain.stop", given{"name": "a", "deadline": 1.5}, "deadline must be a whole number"},
		{"domain.stop", given{"name": "a", "deadline": "60"}, "deadline must be a number"},
		{"domain.stop", given{"name": "a", "mode": "kindly"}, "is none of graceful, force"},
		{"domain.set-memory", given{"name": "a"}, "memory is missing: memory in MiB"},
		{"domain.set-memory", given{"name": "a", "memory": json.Number("99999999999999999999")}, "memory must be a whole number"},
		{"domain.set-memory", given{"name": "a", "memory": 1 << 40}, "is not within"},
		{"domain.define", given{"name": "a", "memory": 64}, "give all of name, memory, vcpus"},
		{"domain.define", given{}, "give one of name, xml"},
		{"domain.define", given{"name": "a", "memory": 64, "vcpus": 1, "disks": given{}}, "disks must be a list"},
		{"domain.define", given{"name": "a", "memory": 64, "vcpus": 1, "disks": []any{given{"pool": "p"}}}, "disks[0].volume is missing"},
		{"domain.define", given{"name": "a", "memory": 64, "vcpus": 1, "disks": []any{given{"pool": "p", "volume": "v", "path": "/etc/shadow"}}}, `disks[0]."path" is no argument`},
		{"domain.define", given{"xml": "<domain type='kvm'><devices><emulator>/x</emulator></devices></domain>"}, "domain/devices/emulator is not allowed"},
		{"domain.attach", given{"name": "a", "disk": given{"pool": "p", "volume": "v"}, "interface": given{"network": "n"}}, "give only one of disk, interface, xml"},
		{"domain.attach", given{"name": "a", "interface": given{"network": "n", "mac": "zz"}}, "is no address"},
		{"domain.migrate", given{"name": "a", "destination": "qemu+tcp://h/system"}, "only unix, ssh and tls"},
		{"network.define", given{"name": "n", "address": "fe80::1"}, "is no IPv4 address"},
		{"network.define", given{"name": "n", "dhcpStart": "10.0.0.2"}, "give all of dhcpStart, dhcpEnd"},
		{"volume.upload", given{"pool": "p", "volume": "v", "data": "!"}, "is not base64"},
		{"volume.upload", given{"pool": "p", "volume": "v", "data": base64.StdEncoding.EncodeToString(make([]byte, virt.MaxData+1))}, "at most 786432 are taken at a time"},
		{"snapshot.create", given{"name": "a", "description": strings.Repeat("x", 2000)}, "is longer than 1024 bytes"},
		{"host.info", given{"x": 1}, "it takes none"},
	} {
		o, ok := virt.Find(c.operation)
		require.True(t, ok, c.operation)
		_, err := o.Arguments(c.given)
		require.ErrorContains(t, err, c.want)
		require.Equal(t, virt.Invalid, virt.AsError(err).Code)
	}
}

func TestArguments_Defaults(t *testing.T) {
	stop, _ := virt.Find("domain.stop")
	arguments, err := stop.Arguments(given{"name": "web-1", "deadline": json.Number("5")})
	require.NoError(t, err)
	require.Equal(t, virt.Arguments{"name": "web-1", "mode": "graceful", "deadline": int64(5)}, arguments)
	text, err := json.Marshal(arguments)
	require.NoError(t, err)
	var back given
	require.NoError(t, json.Unmarshal(text, &back))
	again, err := stop.Arguments(back)
	require.NoError(t, err)
	require.Equal(t, arguments, again, "they travel as JSON and are checked again")
}

func TestOperations_AreWellFormed(t *testing.T) {
	seen := map[string]bool{}
	for _, o := range virt.Operations() {
		require.False(t, seen[o.Name], o.Name)
		seen[o.Name] = true
		require.Regexp(t, `^[a-z]+\.[a-z]+(-[a-z]+)*$`, o.Name)
		require.True(t, strings.HasSuffix(o.Text, "."), o.Name)
		require.Contains(t, virt.Dangers(), o.Danger, o.Name)
		require.NotNil(t, o.Result, o.Name)
		require.False(t, o.Changes && (o.Danger == virt.Harmless || o.Danger == virt.Sensitive), "%s changes something", o.Name)
		require.False(t, o.Default && (o.Changes || o.Danger != virt.Harmless), "%s is allowed by default", o.Name)
		waits := false
		for _, p := range o.Parameters {
			require.NotEmpty(t, p.Text, "%s %s", o.Name, p.Name)
			waits = waits || p.Name == "deadline"
		}
		require.Equal(t, waits, o.Waits, o.Name)
	}
	// C12, and the names that C13 and C14 use.
	for _, name := range []string{"domain.list", "domain.info", "domain.stats", "host.info", "network.list", "storage.list"} {
		o, ok := virt.Find(name)
		require.True(t, ok && o.Default, name)
	}
	for _, name := range []string{"domain.create", "domain.delete", "domain.attach", "domain.detach"} {
		o, ok := virt.Find(name)
		require.True(t, ok && o.Danger == virt.Dangerous, name)
	}
}
