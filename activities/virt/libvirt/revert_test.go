//go:build libvirt_dlopen && cgo

package libvirt_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/activities/virt"
	"lazaret.dev/lazaret/activities/virt/virttest"
)

// TestRevert_BrokenOff: what the guest shows of a revert whose worker died decides
// what a retry does. It is never done twice.
func TestRevert_BrokenOff(t *testing.T) {
	d := virttest.Start(t)
	pool := d.DefinePool(t)
	p, uri := newPool(t), d.URI("qemu")
	d.AddImage(t, "one.qcow2", virttest.BootSector())
	do(t, p, uri, "domain.define", map[string]any{
		"name": "one", "memory": 32, "vcpus": 1, "type": "qemu", "disks": []any{map[string]any{"pool": pool, "volume": "one.qcow2", "format": "qcow2"}},
	})
	do(t, p, uri, "snapshot.create", map[string]any{"name": "one", "snapshot": "off"})
	do(t, p, uri, "domain.start", map[string]any{"name": "one"})
	do(t, p, uri, "snapshot.create", map[string]any{"name": "one", "snapshot": "on"})
	for _, snapshot := range []string{"on", "off", "on"} {
		retry := func(key string) (virt.SnapshotChange, error) {
			raw, err := p.Call(t.Context(), virt.Call{
				Operation: "snapshot.revert", URI: uri, Key: key, Retry: true, Arguments: virt.Arguments{"name": "one", "snapshot": snapshot},
			}, func(virt.Progress) {})
			if err != nil {
				return virt.SnapshotChange{}, err
			}
			return decode[virt.SnapshotChange](t, raw), nil
		}
		_, err := retry("unknown")
		require.ErrorContains(t, err, "was broken off", snapshot)
		require.True(t, virt.AsError(err).Lost)

		d.Mark(t, "one", "snapshot.revert", snapshot+" begun")
		change, err := retry(snapshot)
		require.NoError(t, err)
		require.True(t, change.Changed, "the mark before it: nothing was done yet")
		change, err = retry(snapshot)
		require.NoError(t, err)
		require.False(t, change.Changed, "the mark after it")
	}
	do(t, p, uri, "domain.stop", map[string]any{"name": "one", "mode": "force"})
}
