package driver_test

import (
	"context"
	"encoding/json"
	"os"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/activities/virt"
	"lazaret.dev/lazaret/activities/virt/driver"
)

const uri = "test:///default"

func newPool(t *testing.T) *driver.Pool {
	t.Helper()
	p, err := driver.NewPool()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	return p
}

// read asks for something that changes nothing, change for something that does.
func read(ctx context.Context, p *driver.Pool, name string) (json.RawMessage, error) {
	return p.Call(ctx, virt.Call{Operation: "domain.info", URI: uri, Arguments: virt.Arguments{"name": name}}, func(virt.Progress) {})
}

func change(ctx context.Context, p *driver.Pool, name string) (json.RawMessage, error) {
	return p.Call(ctx, virt.Call{Operation: "domain.start", URI: uri, Arguments: virt.Arguments{"name": name}}, func(virt.Progress) {})
}

func pid(t *testing.T, p *driver.Pool) int {
	t.Helper()
	raw, err := read(t.Context(), p, "pid")
	require.NoError(t, err)
	n, err := strconv.Atoi(string(raw))
	require.NoError(t, err)
	return n
}

func requireCode(t *testing.T, err error, code virt.Code, message string) {
	t.Helper()
	var e *virt.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, code, e.Code, e.Message)
	require.Contains(t, e.Message, message)
}

func TestPool_KeepsItsProcess(t *testing.T) {
	p := newPool(t)
	first := pid(t, p)
	require.NotEqual(t, os.Getpid(), first)
	require.Equal(t, first, pid(t, p))
	_, err := read(t.Context(), p, "nobody")
	requireCode(t, err, virt.NotFound, `there is no guest "nobody"`)
}

// A crash is one failed operation; the next one has a new process.
func TestPool_Crash(t *testing.T) {
	for name, want := range map[string]string{"crash": "SIGSEGV", "panic": "panic: planted", "exit": "exit status 7", "garbage": "over the limit"} {
		t.Run(name, func(t *testing.T) {
			p := newPool(t)
			before := pid(t, p)
			_, err := change(t.Context(), p, name)
			requireCode(t, err, virt.Unreachable, want)
			require.True(t, virt.AsError(err).Lost, "what it did is not known")
			require.NotEqual(t, before, pid(t, p))
			_, err = read(t.Context(), p, name)
			requireCode(t, err, virt.Unreachable, want)
		})
	}
}

// What only reads is asked again when the process dies under it.
func TestPool_ReadsAreRepeated(t *testing.T) {
	p := newPool(t)
	victim := pid(t, p)
	var wg sync.WaitGroup
	results := make([]error, 8)
	for i := range results {
		wg.Go(func() { _, results[i] = read(t.Context(), p, "slow") })
	}
	time.Sleep(50 * time.Millisecond) // most of them are under way; those that are not see nothing of it
	require.NoError(t, syscall.Kill(victim, syscall.SIGKILL))
	wg.Wait()
	for _, err := range results {
		require.NoError(t, err)
	}
}

// A call that does not end is given up with its context; its process takes no new
// calls, but those in it finish (C09).
func TestPool_Hang(t *testing.T) {
	p := newPool(t)
	before := pid(t, p)
	finished := make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		_, err := p.Call(t.Context(), virt.Call{Operation: "domain.start", URI: uri, Arguments: virt.Arguments{"name": "wait"}}, func(virt.Progress) { cancel() })
		finished <- err
	}()
	<-ctx.Done()

	hung, end := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer end()
	_, err := change(hung, p, "hang")
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.NotEqual(t, before, pid(t, p), "a new process")
	require.NoError(t, syscall.Kill(before, 0), "the old one still has a call")
	require.NoError(t, syscall.Kill(before, syscall.SIGKILL))
	requireCode(t, <-finished, virt.Unreachable, "signal: killed")
}

// The end of the context ends a call that heeds it, and its process stays.
func TestPool_Cancel(t *testing.T) {
	p := newPool(t)
	before := pid(t, p)
	ctx, cancel := context.WithCancel(t.Context())
	_, err := p.Call(ctx, virt.Call{Operation: "domain.start", URI: uri, Arguments: virt.Arguments{"name": "wait"}}, func(progress virt.Progress) {
		require.Equal(t, "waiting", progress.Text)
		cancel()
	})
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, before, pid(t, p))
}

func TestPool_BoundsFrames(t *testing.T) {
	p := newPool(t)
	before := pid(t, p)
	_, err := read(t.Context(), p, "huge")
	requireCode(t, err, virt.Failed, "over the limit")
	require.Equal(t, before, pid(t, p))
}

// The process checks what it is asked once more.
func TestServe_ChecksCalls(t *testing.T) {
	p := newPool(t)
	for message, call := range map[string]virt.Call{
		`"domain.explode" is no operation`: {Operation: "domain.explode"},
		"give name or uuid":                {Operation: "domain.info"},
		"this connection only reads":       {Operation: "domain.start", ReadOnly: true, Arguments: virt.Arguments{"name": "pid"}},
	} {
		call.URI = uri
		_, err := p.Call(t.Context(), call, func(virt.Progress) {})
		require.ErrorContains(t, err, message)
	}
}

// A process that cannot confine itself serves nothing.
func TestServe_FailsClosed(t *testing.T) {
	_, err := newPool(t).Call(t.Context(), virt.Call{Operation: "host.info", URI: "test:///unconfined"}, func(virt.Progress) {})
	requireCode(t, err, virt.Unreachable, "could not confine itself: permission denied")
}

// Of a process that ends before it is ready the error says how, and quotes its last
// words, made printable.
func TestPool_NotReady(t *testing.T) {
	for uri, want := range map[string]string{
		"test:///unlinked": "it did not become ready: EOF: the libvirt process ended: exit status 127: libvirt.so.0: cannot open[31m shared object file",
		"test:///mute":     "it did not become ready: EOF: the libvirt process ended: exit status 1",
	} {
		_, err := newPool(t).Call(t.Context(), virt.Call{Operation: "host.info", URI: uri}, func(virt.Progress) {})
		requireCode(t, err, virt.Unreachable, want)
	}
}
