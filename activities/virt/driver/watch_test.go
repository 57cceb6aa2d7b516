package driver_test

import (
	"context"
	"strconv"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/activities/virt"
)

// A watch tells until its context ends, or its process does.
func TestPool_Watch(t *testing.T) {
	p := newPool(t)
	told := make(chan virt.Happening, 8)
	tell := func(h virt.Happening) { told <- h }
	ended := make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { ended <- p.Watch(ctx, uri, tell) }()
	require.True(t, (<-told).First)
	require.Equal(t, "started", (<-told).Event)
	before := pid(t, p)
	cancel()
	require.ErrorIs(t, <-ended, context.Canceled)

	go func() { ended <- p.Watch(t.Context(), uri, tell) }()
	first := <-told
	require.Equal(t, strconv.Itoa(before), first.Guests[0].Name, "the process stays")
	require.NoError(t, syscall.Kill(before, syscall.SIGKILL))
	require.ErrorContains(t, <-ended, "signal: killed")
}

// A watch holds no process that hangs: it begins again in the next one.
func TestPool_WatchOfARetiredProcess(t *testing.T) {
	p := newPool(t)
	told := make(chan virt.Happening, 8)
	ended := make(chan error, 1)
	go func() { ended <- p.Watch(t.Context(), uri, func(h virt.Happening) { told <- h }) }()
	<-told
	ctx, cancel := context.WithCancel(t.Context())
	_, err := p.Call(ctx, virt.Call{Operation: "domain.start", URI: uri, Arguments: virt.Arguments{"name": "hang"}}, func(virt.Progress) { cancel() })
	require.ErrorIs(t, err, context.Canceled)
	require.Error(t, <-ended)
}
