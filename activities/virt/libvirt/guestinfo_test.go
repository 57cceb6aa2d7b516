//go:build libvirt_dlopen && cgo

package libvirt_test

import (
	"context"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/activities/virt"
	"lazaret.dev/lazaret/activities/virt/driver"
	"lazaret.dev/lazaret/activities/virt/virttest"
)

// agentSays is a guest agent that answers from a table, and nothing where the table
// has none.
func agentSays(answers map[string]string) virttest.Agent {
	return func(command string) string { return answers[command] }
}

// askGuest is domain.guest-info, once the guest's agent has told libvirt that it is there.
func askGuest(t *testing.T, p *driver.Pool, uri, name string, within time.Duration) (info virt.GuestInfo, err error) {
	t.Helper()
	require.Eventually(t, func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), within)
		defer cancel()
		var raw []byte
		raw, err = p.Call(ctx, virt.Call{Operation: "domain.guest-info", URI: uri, Arguments: virt.Arguments{"name": name}}, func(virt.Progress) {})
		if err == nil {
			info = decode[virt.GuestInfo](t, raw)
		}
		return err == nil || !strings.Contains(err.Error(), "is not connected")
	}, time.Minute, 100*time.Millisecond)
	return info, err
}

// TestGuestInfo: what a guest's agent answers comes as it is, within bounds and
// printable; an agent that answers rubbish, or nothing, ends one operation (C09).
func TestGuestInfo(t *testing.T) {
	d := virttest.Start(t)
	d.DefinePool(t)
	p, uri := newPool(t), d.URI("qemu")
	said := map[string]string{
		"guest-get-osinfo":    `{"return":{"id":"debian","pretty-name":"Debian GNU/Linux 12","kernel-release":"6.1.0"}}`,
		"guest-get-host-name": `{"return":{"host-name":"node-1"}}`,
		"guest-get-timezone":  `{"return":{"zone":"UTC","offset":0}}`,
		"guest-get-users":     `{"return":[{"user":"ada","login-time":1.5}]}`,
		"guest-info":          `{"return":{"version":"7.2","supported_commands":[]}}`,
	}
	d.StartWithAgent(t, "answers", agentSays(said))
	info, err := askGuest(t, p, uri, "answers", time.Minute)
	require.NoError(t, err)
	require.Equal(t, virt.GuestInfo{Hostname: "node-1", OS: "Debian GNU/Linux 12", Kernel: "6.1.0", Timezone: "UTC", Users: []string{"ada"}}, info)

	users := func(n int) string {
		return `{"return":[` + strings.TrimSuffix(strings.Repeat(`{"user":"u\u001b[31m\nx","login-time":1},`, n), ",") + `]}`
	}
	d.StartWithAgent(t, "hostile", agentSays(map[string]string{
		"guest-get-osinfo":    `{"return":{"id":"x","pretty-name":"a\u0000b","kernel-release":"` + strings.Repeat("k", 100_000) + `"}}`,
		"guest-get-host-name": `{"return":{"host-name":"a\u001b]0;b\u0007\nc"}}`,
		"guest-get-timezone":  said["guest-get-timezone"],
		"guest-get-users":     users(500),
	}))
	info, err = askGuest(t, p, uri, "hostile", time.Minute)
	require.NoError(t, err)
	require.NotEmpty(t, info.Users)
	for _, text := range append(info.Users, info.Hostname, info.OS, info.Kernel, info.Timezone) {
		require.NotRegexp(t, `[[:cntrl:]]`, text)
		require.Less(t, len(text), 5000)
	}

	crowd := maps.Clone(said)
	crowd["guest-get-users"] = users(2000)
	d.StartWithAgent(t, "crowded", agentSays(crowd))
	_, err = askGuest(t, p, uri, "crowded", time.Minute)
	require.Error(t, err, "libvirt bounds how many it takes")

	d.StartWithAgent(t, "rubbish", agentSays(map[string]string{"guest-get-osinfo": "{]", "guest-get-host-name": `{"return":7}`}))
	_, err = askGuest(t, p, uri, "rubbish", 5*time.Second)
	require.Error(t, err)

	d.StartWithAgent(t, "silent", agentSays(nil))
	_, err = askGuest(t, p, uri, "silent", 2*time.Second)
	require.ErrorIs(t, err, context.DeadlineExceeded)

	info, err = askGuest(t, p, uri, "answers", time.Minute)
	require.NoError(t, err, "the others are in nobody's way")
	require.Equal(t, "node-1", info.Hostname)
}
