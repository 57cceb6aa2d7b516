//go:build libvirt_dlopen && cgo

package libvirt_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/activities/virt"
	"lazaret.dev/lazaret/activities/virt/driver"
	"lazaret.dev/lazaret/activities/virt/virttest"
)

// watch tells into a channel until the end of the test.
func watch(t *testing.T, p *driver.Pool, uri string) (told chan virt.Happening, ended chan error) {
	t.Helper()
	told, ended = make(chan virt.Happening, 64), make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		ended <- p.Watch(ctx, uri, func(h virt.Happening) { told <- h })
	}()
	t.Cleanup(func() { cancel(); <-done })
	return told, ended
}

// next is the next event of that guest.
func next(t *testing.T, told chan virt.Happening, name string) string {
	t.Helper()
	for {
		select {
		case h := <-told:
			if h.Guest.Name == name {
				require.Len(t, h.Guest.UUID, 36)
				return h.Event + " " + h.Detail
			}
		case <-time.After(30 * time.Second):
			t.Fatal("nothing is told")
		}
	}
}

func do(t *testing.T, p *driver.Pool, uri, operation string, arguments map[string]any) {
	t.Helper()
	o, ok := virt.Find(operation)
	require.True(t, ok)
	checked, err := o.Arguments(arguments)
	require.NoError(t, err)
	_, err = p.Call(t.Context(), virt.Call{Operation: operation, URI: uri, Arguments: checked, Key: t.Name() + operation}, func(virt.Progress) {})
	require.NoError(t, err)
}

// The life of a guest is told, by the test driver behind a daemon and by QEMU; a
// daemon that dies ends the watch.
func TestWatch(t *testing.T) {
	for _, kind := range []string{"test", "qemu"} {
		t.Run(kind, func(t *testing.T) {
			d := virttest.Start(t)
			p := newPool(t)
			uri := d.URI(kind)
			told, ended := watch(t, p, uri)
			first := <-told
			require.True(t, first.First)
			require.Equal(t, kind == "test", len(first.Guests) == 1, "the test driver has one")

			guest := map[string]any{"name": "watched"}
			do(t, p, uri, "domain.define", map[string]any{"name": "watched", "memory": 32, "vcpus": 1, "type": kind})
			require.Equal(t, "defined added", next(t, told, "watched"))
			do(t, p, uri, "domain.start", guest)
			event := next(t, told, "watched")
			if event == "resumed unpaused" { // QEMU starts a guest paused
				event = next(t, told, "watched")
			}
			require.Equal(t, "started booted", event)
			do(t, p, uri, "domain.suspend", guest)
			require.Equal(t, "suspended paused", next(t, told, "watched"))
			do(t, p, uri, "domain.resume", guest)
			require.Equal(t, "resumed unpaused", next(t, told, "watched"))
			do(t, p, uri, "domain.stop", map[string]any{"name": "watched", "mode": "force"})
			if kind == "qemu" {
				require.Equal(t, "shutdown host", next(t, told, "watched"), "QEMU itself ends first")
			}
			require.Equal(t, "stopped destroyed", next(t, told, "watched"))

			d.Kill(t)
			require.Error(t, <-ended)
		})
	}
}

// In the process of the test driver itself as well.
func TestWatch_InProcess(t *testing.T) {
	p := newPool(t)
	told, _ := watch(t, p, "test:///default")
	require.Equal(t, []virt.GuestState{{Name: "test", UUID: "6695eb01-f6a4-8304-79aa-97f2502e193f", State: "running"}}, (<-told).Guests)
	do(t, p, "test:///default", "domain.stop", map[string]any{"name": "test", "mode": "force"})
	require.Equal(t, "stopped destroyed", next(t, told, "test"))
}
