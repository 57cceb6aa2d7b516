//go:build libvirt_dlopen && cgo

package libvirt_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/activities/virt"
	"lazaret.dev/lazaret/activities/virt/driver"
	"lazaret.dev/lazaret/activities/virt/virttest"
)

// at asks one daemon for an operation.
func at[T any](t *testing.T, p *driver.Pool, uri, operation string, arguments map[string]any, how virt.Call) (T, error) {
	t.Helper()
	o, ok := virt.Find(operation)
	require.True(t, ok)
	checked, err := o.Arguments(arguments)
	require.NoError(t, err)
	how.Operation, how.URI, how.Arguments = operation, uri, checked
	raw, err := p.Call(t.Context(), how, func(virt.Progress) {})
	var result T
	if err == nil {
		require.NoError(t, json.Unmarshal(raw, &result))
	}
	return result, err
}

// Guests move between two libvirtd, each of which takes itself for a host of its
// own: one that is off, and one that runs and goes on running there. A retry after
// a lost answer finds it moved.
func TestMigrate(t *testing.T) {
	from := virttest.Start(t)
	to := from.StartBeside(t)
	p := newPool(t)
	a, b := from.URI("qemu"), to.URI("qemu")
	for _, c := range []struct {
		name   string
		online bool
		state  string
	}{{"off", false, "shutoff"}, {"live", true, "running"}} {
		guest := map[string]any{"name": c.name}
		_, err := at[virt.DomainChange](t, p, a, "domain.define", map[string]any{"name": c.name, "memory": 32, "vcpus": 1, "type": "qemu"}, virt.Call{Key: c.name})
		require.NoError(t, err)
		before, err := at[virt.Domain](t, p, a, "domain.info", guest, virt.Call{})
		require.NoError(t, err)
		if c.online {
			do(t, p, a, "domain.start", guest)
		}
		move := map[string]any{"name": c.name, "destination": b, "online": c.online, "undefine": true}
		moved, err := at[virt.DomainChange](t, p, a, "domain.migrate", move, virt.Call{Key: "one"})
		require.NoError(t, err, c.name)
		require.Equal(t, virt.DomainChange{Name: c.name, UUID: before.UUID, State: "migrated", Changed: true}, moved)

		after, err := at[virt.Domain](t, p, b, "domain.info", guest, virt.Call{})
		require.NoError(t, err)
		require.Equal(t, []any{before.UUID, c.state, true}, []any{after.UUID, after.State, after.Persistent})
		_, err = at[virt.Domain](t, p, a, "domain.info", guest, virt.Call{})
		require.Equal(t, virt.NotFound, virt.AsError(err).Code, "it is not here any more")
		again, err := at[virt.DomainChange](t, p, a, "domain.migrate", move, virt.Call{Key: "one", Retry: true, Resolved: before.UUID})
		require.NoError(t, err)
		require.False(t, again.Changed, "twice is once")
	}
	requireStays(t, p, a)
}

// requireStays requires that what cannot be moved stays as it is, and that why is
// said.
func requireStays(t *testing.T, p *driver.Pool, uri string) {
	t.Helper()
	do(t, p, uri, "domain.define", map[string]any{"name": "stays", "memory": 32, "vcpus": 1, "type": "qemu"})
	do(t, p, uri, "domain.start", map[string]any{"name": "stays"})
	for _, c := range []struct {
		name, destination string
		code              virt.Code
		message           string
	}{
		{"nobody", uri, virt.NotFound, `there is no guest "nobody"`},
		{"stays", "qemu+unix:///system?socket=/nonexistent/socket", virt.Unreachable, "/nonexistent/socket"},
		{"stays", uri, virt.Failed, "to the same host"},
	} {
		_, err := at[virt.DomainChange](t, p, uri, "domain.migrate", map[string]any{"name": c.name, "destination": c.destination, "online": true}, virt.Call{Key: c.destination})
		var e *virt.Error
		require.ErrorAs(t, err, &e)
		require.Contains(t, e.Message, c.message)
		require.Equal(t, c.code, e.Code, e.Message)
	}
	left, err := at[virt.Domain](t, p, uri, "domain.info", map[string]any{"name": "stays"}, virt.Call{})
	require.NoError(t, err)
	require.Equal(t, "running", left.State)
}
