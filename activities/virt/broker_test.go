package virt_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/activities/virt"
)

// ledger keeps records in memory.
type ledger struct {
	mu      sync.Mutex
	records []virt.Record
	broken  error
}

func (l *ledger) Record(r virt.Record) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.broken != nil {
		return l.broken
	}
	l.records = append(l.records, r)
	return nil
}

func (l *ledger) events() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var names []string
	for _, r := range l.records {
		names = append(names, string(r.Event))
	}
	return strings.Join(names, " ")
}

type driverFunc func(context.Context, virt.Call) (json.RawMessage, error)

func (f driverFunc) Call(ctx context.Context, call virt.Call, _ func(virt.Progress)) (json.RawMessage, error) {
	return f(ctx, call)
}

func allow(v virt.Verdict) virt.Judge {
	return func(virt.Question) virt.Verdict {
		v.Allowed, v.URI = true, "test:///default"
		if v.Timeout == 0 {
			v.Timeout = time.Minute
		}
		return v
	}
}

func done(context.Context, virt.Call) (json.RawMessage, error) { return json.RawMessage(`{}`), nil }

// What is allowed leaves a line before and one after; what is denied, one (C05).
func TestBroker_RecordsBeforeAndAfter(t *testing.T) {
	l := &ledger{}
	b := virt.Broker{Driver: driverFunc(done), Judge: allow(virt.Verdict{}), Audit: l}
	_, err := b.Call(t.Context(), virt.Request{Operation: "domain.start", Arguments: given{"name": "web-1"}, Key: "k"})
	require.NoError(t, err)
	require.Equal(t, "operation_started operation_executed", l.events())
	require.Equal(t, "web-1", l.records[0].Subject())
}

// What cannot be recorded does not happen.
func TestBroker_NoAuditNoCall(t *testing.T) {
	called := false
	b := virt.Broker{
		Driver: driverFunc(func(context.Context, virt.Call) (json.RawMessage, error) { called = true; return nil, nil }),
		Judge:  allow(virt.Verdict{}), Audit: &ledger{broken: errors.New("disk full")},
	}
	_, err := b.Call(t.Context(), virt.Request{Operation: "host.info"})
	require.ErrorContains(t, err, "nothing was done: disk full")
	require.False(t, called)
}

func TestBroker_Denials(t *testing.T) {
	deny := func(virt.Question) virt.Verdict {
		return virt.Verdict{Reason: "the policy does not list the operation"}
	}
	for _, c := range []struct {
		name    string
		request virt.Request
		judge   virt.Judge
		want    string
		counted int
	}{
		{"by policy", virt.Request{Operation: "domain.start", Arguments: given{"name": "a"}}, deny, "not allowed: the policy does not list", 1},
		{"unapproved", virt.Request{Operation: "domain.start", Arguments: given{"name": "a"}}, allow(virt.Verdict{Approval: true}), "domain.start needs approval", 1},
		{"no operation", virt.Request{Operation: "domain.explode"}, allow(virt.Verdict{}), "is no operation", 0},
		{"bad argument", virt.Request{Operation: "domain.start"}, allow(virt.Verdict{}), "give name or uuid", 0},
		{"bad URI", virt.Request{Operation: "host.info", URI: "qemu+tcp://h/system"}, allow(virt.Verdict{}), "only unix, ssh and tls", 0},
		{"xml of another kind", virt.Request{Operation: "domain.define", Arguments: given{"xml": "<disk type='volume' device='disk'/>"}}, allow(virt.Verdict{}), "xml is a disk", 0},
	} {
		l, counted := &ledger{}, 0
		b := virt.Broker{Driver: driverFunc(done), Judge: c.judge, Audit: l, Denied: func(virt.Request, *virt.Error) { counted++ }}
		_, err := b.Call(t.Context(), c.request)
		require.ErrorContains(t, err, c.want, c.name)
		require.Equal(t, "operation_denied", l.events(), "%s: one line", c.name)
		require.Equal(t, c.counted, counted, c.name)
	}
}

// A driver that does not come back within the policy's time is not waited for (C09).
func TestBroker_Timeout(t *testing.T) {
	l := &ledger{}
	b := virt.Broker{
		Driver: driverFunc(func(ctx context.Context, _ virt.Call) (json.RawMessage, error) { <-ctx.Done(); return nil, ctx.Err() }),
		Judge:  allow(virt.Verdict{Timeout: 10 * time.Millisecond}), Audit: l,
	}
	_, err := b.Call(t.Context(), virt.Request{Operation: "domain.start", Arguments: given{"name": "a"}})
	e := virt.AsError(err)
	require.Equal(t, virt.Timeout, e.Code)
	require.Equal(t, 408, e.Code.Status())
	require.True(t, e.Lost)
	require.Equal(t, "operation_started operation_executed", l.events())
}

// 200 operations of 20 executions, five at a time: none is lost, the limit holds (C13).
// Those over it wait, and none is over a rate, which is another setting (D16).
func TestBroker_Concurrency(t *testing.T) {
	var now, most, total atomic.Int64
	b := virt.Broker{
		Driver: driverFunc(func(context.Context, virt.Call) (json.RawMessage, error) {
			n := now.Add(1)
			defer now.Add(-1)
			for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
			}
			total.Add(1)
			time.Sleep(time.Millisecond)
			return json.RawMessage(`{}`), nil
		}),
		Judge: allow(virt.Verdict{Limits: virt.Limits{Concurrent: 5}}), Audit: &ledger{},
	}
	var wg sync.WaitGroup
	for i := range 200 {
		wg.Go(func() {
			_, err := b.Call(t.Context(), virt.Request{Operation: "host.info", Identity: virt.Identity{Execution: string(rune('a' + i%20))}})
			require.NoError(t, err)
		})
	}
	wg.Wait()
	require.EqualValues(t, 200, total.Load())
	require.EqualValues(t, 5, most.Load())
}

// A rate counts what begins in a minute, one after another too, and what is over it
// fails (D16).
func TestBroker_Rate(t *testing.T) {
	l := &ledger{}
	b := virt.Broker{Driver: driverFunc(done), Judge: allow(virt.Verdict{Limits: virt.Limits{PerMinute: 3, Concurrent: 100}}), Audit: l}
	ask := func(definition string) error {
		_, err := b.Call(t.Context(), virt.Request{Operation: "host.info", Identity: virt.Identity{Definition: definition}})
		return err
	}
	for range 3 {
		require.NoError(t, ask("ops/a"))
	}
	require.Equal(t, virt.Limited, virt.AsError(ask("ops/a")).Code)
	require.NoError(t, ask("ops/b"), "another definition has a rate of its own")
	require.Contains(t, l.events(), "rate_limit_exceeded")
}

// The log carries no payload and nothing that could drive a terminal.
func TestBroker_AuditIsSanitised(t *testing.T) {
	l := &ledger{}
	b := virt.Broker{Driver: driverFunc(done), Judge: allow(virt.Verdict{}), Audit: l}
	_, _ = b.Call(t.Context(), virt.Request{Operation: "do\nmain", Arguments: given{"name": "a\x1b[2J", "data": strings.Repeat("A", 1000)}})
	r := l.records[0]
	require.Equal(t, `do\nmain`, r.Operation)
	require.Equal(t, `a\x1b[2J`, r.Arguments["name"])
	require.Regexp(t, `^1000 bytes, sha256 [0-9a-f]{64}$`, r.Arguments["data"])
}
