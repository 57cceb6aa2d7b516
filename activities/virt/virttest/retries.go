package virttest

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/activities/virt"
)

// retries: an answer got lost, and the next attempt changes nothing a second time.
func (s suite) retries(t *testing.T) {
	name := s.prefix + "-retry"
	for _, c := range []struct {
		operation string
		given     arguments
		by        string // what the retry knows the guest by: its name may have changed
	}{
		{"domain.define", arguments{"name": name, "memory": 64, "vcpus": 1, "type": s.Type}, ""},
		{"domain.start", arguments{"name": name}, "uuid"},
		{"domain.reset", arguments{"name": name}, "uuid"},
		{"domain.reboot", arguments{"name": name}, "uuid"},
		{"domain.suspend", arguments{"name": name}, "uuid"},
		{"domain.resume", arguments{"name": name}, "uuid"},
		{"domain.stop", arguments{"name": name, "mode": "force"}, "uuid"},
		{"domain.autostart", arguments{"name": name}, "uuid"},
		{"domain.rename", arguments{"name": name, "to": name + "-2"}, "uuid"},
		{"domain.delete", arguments{"name": name + "-2"}, "uuid"},
		{"network.define", arguments{"name": name}, ""},
		{"network.delete", arguments{"name": name}, ""},
		{"volume.create", arguments{"pool": s.Pool, "volume": name, "capacity": 1 << 20, "format": "raw"}, ""},
		{"volume.delete", arguments{"pool": s.Pool, "volume": name}, ""},
	} {
		resolved := ""
		if c.by != "" {
			resolved = do[virt.Domain](t, s, "domain.info", arguments{"name": c.given["name"]}).UUID
		}
		key := t.Name() + c.operation
		raw, err := s.attempt(t, c.operation, c.given, virt.Call{Key: key})
		require.NoError(t, err, c.operation)
		require.True(t, changedIn(t, raw), c.operation)
		raw, err = s.attempt(t, c.operation, c.given, virt.Call{Key: key, Retry: true, Resolved: resolved})
		require.NoError(t, err, "%s again", c.operation)
		require.False(t, changedIn(t, raw), "%s again", c.operation)
	}
}

func changedIn(t *testing.T, raw json.RawMessage) bool {
	t.Helper()
	var result struct {
		Changed *bool `json:"changed"`
	}
	require.NoError(t, json.Unmarshal(raw, &result))
	require.NotNil(t, result.Changed, "%s", raw)
	return *result.Changed
}
