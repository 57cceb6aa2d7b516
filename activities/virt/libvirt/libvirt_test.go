//go:build libvirt_dlopen && cgo

package libvirt_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/activities/virt"
	"lazaret.dev/lazaret/activities/virt/driver"
	"lazaret.dev/lazaret/activities/virt/virttest"
)

// newPool returns a driver, closed at the end of the test.
func newPool(t *testing.T) *driver.Pool {
	t.Helper()
	p, err := driver.NewPool()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	return p
}

// The test driver inside the process: what it supports is what the suite asks.
func TestConformance_TestDriver(t *testing.T) {
	virttest.Conform(t, virttest.Target{Driver: newPool(t), URI: "test:///default", Pool: "default-pool", Type: "test", Lacks: virttest.TestDriverLacks})
}

// The test driver behind a daemon, where its state outlives our process.
func TestConformance_TestDriverBehindADaemon(t *testing.T) {
	d := virttest.Start(t)
	virttest.Conform(t, virttest.Target{Driver: newPool(t), URI: d.URI("test"), Pool: "default-pool", Type: "test", Lacks: virttest.TestDriverLacks})
}

// Real guests, emulated.
func TestConformance_QEMU(t *testing.T) {
	d := virttest.Start(t)
	target := virttest.Target{Driver: newPool(t), URI: d.URI("qemu"), Pool: d.DefinePool(t), Type: "qemu", Guests: true, Lacks: virttest.QEMULacks}
	virttest.Conform(t, target)
	data, err := os.ReadDir(filepath.Join(d.Dir, "pool"))
	require.NoError(t, err)
	require.Empty(t, data, "what the suite made is gone")
}

// A daemon that hangs ends one operation, in the time of its context (C09).
func TestHungDaemon(t *testing.T) {
	d := virttest.Start(t)
	p := newPool(t)
	call := virt.Call{Operation: "host.info", URI: d.URI("test"), ReadOnly: true}
	_, err := p.Call(t.Context(), call, func(virt.Progress) {})
	require.NoError(t, err)

	d.Freeze(t, true)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, err = p.Call(ctx, call, func(virt.Progress) {})
	require.ErrorIs(t, err, context.DeadlineExceeded)
	d.Freeze(t, false)

	_, err = p.Call(t.Context(), call, func(virt.Progress) {})
	require.NoError(t, err, "a new process serves the next call")
}

// A daemon that dies and comes back is connected to again.
func TestRestartedDaemon(t *testing.T) {
	d := virttest.Start(t)
	p := newPool(t)
	call := virt.Call{Operation: "host.info", URI: d.URI("test"), ReadOnly: true}
	_, err := p.Call(t.Context(), call, func(virt.Progress) {})
	require.NoError(t, err)
	d.Kill(t)
	require.Eventually(t, func() bool {
		_, err := p.Call(t.Context(), call, func(virt.Progress) {})
		return err == nil
	}, 30*time.Second, 50*time.Millisecond)
}

func TestUnreachable(t *testing.T) {
	p := newPool(t)
	for uri, want := range map[string]string{
		"qemu+unix:///system?socket=/nonexistent/socket": "cannot be reached: Failed to connect socket to '/nonexistent/socket'",
		"xen:///system": "xen:///system cannot be reached",
	} {
		_, err := p.Call(t.Context(), virt.Call{Operation: "domain.list", URI: uri, Arguments: virt.Arguments{"state": "all"}}, func(virt.Progress) {})
		var e *virt.Error
		require.ErrorAs(t, err, &e)
		require.Equal(t, virt.Unreachable, e.Code, e.Message)
		require.Contains(t, e.Message, want)
	}
}

// libvirt itself refuses what changes on a connection that reads (C08).
func TestReadOnlyConnection(t *testing.T) {
	p := newPool(t)
	_, err := p.Call(t.Context(), virt.Call{Operation: "domain.screenshot", URI: "test:///default", ReadOnly: true, Arguments: virt.Arguments{"name": "test"}}, func(virt.Progress) {})
	var e *virt.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, virt.Denied, e.Code, e.Message)
}

func decode[T any](t *testing.T, raw json.RawMessage) T {
	t.Helper()
	var v T
	require.NoError(t, json.Unmarshal(raw, &v))
	return v
}

func TestScreenshot(t *testing.T) {
	raw, err := newPool(t).Call(t.Context(), virt.Call{Operation: "domain.screenshot", URI: "test:///default", Arguments: virt.Arguments{"name": "test"}}, func(virt.Progress) {})
	require.NoError(t, err)
	picture := decode[virt.Picture](t, raw)
	require.Equal(t, "image/png", picture.Type)
	data, err := base64.StdEncoding.DecodeString(picture.Data)
	require.NoError(t, err)
	require.Equal(t, "\x89PNG", string(data[:4]))
}
