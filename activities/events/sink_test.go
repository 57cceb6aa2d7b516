package events

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/sandbox/egress"
)

// sinkGateway is a gateway with one sink, at the server.
func sinkGateway(t *testing.T, server *httptest.Server, binary bool, networks ...string) *Gateway {
	t.Helper()
	host, err := HostRule(server.URL)
	require.NoError(t, err)
	rules, err := egress.ParseRules(append(networks, host))
	require.NoError(t, err)
	return &Gateway{
		Key: []byte("a key of tests, which is long enough"),
		Rules: policies.EventRules{MaxSize: 1000, Sinks: []policies.EventSink{
			{Name: "s", URL: server.URL, Source: "a/*", Types: []string{"t"}},
		}},
		Sinks: map[string]*SinkClient{"s": NewSinkClient(server.URL+"/in", binary, "secret", rules)},
	}
}

func delivery(t *testing.T, g *Gateway) contract.Delivery {
	t.Helper()
	text := `{"specversion":"1.0","id":"1","source":"/s","type":"t","data":{"n":9007199254740993}}`
	p, err := g.publication(contract.Sender{Identity: "a/b", Execution: "e"}, json.RawMessage(text))
	require.NoError(t, err)
	require.Empty(t, p.Verdict)
	return contract.Delivery{Sink: "s", Envelope: p.Envelope}
}

func TestSink_Modes(t *testing.T) {
	for name, binary := range map[string]bool{"structured": false, "binary": true} {
		t.Run(name, func(t *testing.T) {
			var header http.Header
			var body []byte
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				header = r.Header
				body, _ = io.ReadAll(r.Body)
				w.WriteHeader(http.StatusAccepted)
			}))
			defer server.Close()
			g := sinkGateway(t, server, binary, "127.0.0.0/8")
			g.Replace(g.Rules, g.Sinks, "digest")
			decided, err := g.Sink(t.Context(), delivery(t, g))
			require.NoError(t, err)
			assert.Equal(t, contract.Decided{Policy: "digest"}, decided)
			assert.Equal(t, "Bearer secret", header.Get("Authorization"))
			if binary {
				assert.Equal(t, "a/b", header.Get("Ce-Lazaretsender"))
				assert.Equal(t, "t", header.Get("Ce-Type"))
				assert.JSONEq(t, `{"n":9007199254740993}`, string(body))
				return
			}
			assert.Contains(t, header.Get("Content-Type"), "application/cloudevents+json")
			assert.JSONEq(t, `{"specversion":"1.0","id":"1","source":"/s","type":"t","lazaretsender":"a/b","lazaretexecution":"e","data":{"n":9007199254740993}}`, string(body))
		})
	}
}

// TestSink_TriesAgain what may pass, and not what the sink refuses for good.
func TestSink_TriesAgain(t *testing.T) {
	for status, want := range map[int]struct {
		calls int32
		final bool
	}{503: {3, false}, 400: {1, true}, 302: {1, true}} {
		var calls atomic.Int32
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			calls.Add(1)
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(status)
		}))
		g := sinkGateway(t, server, false, "127.0.0.0/8")
		_, err := g.Sink(t.Context(), delivery(t, g))
		server.Close()
		require.ErrorContains(t, err, "answers with status", "%d", status)
		assert.Equal(t, want.calls, calls.Load(), "%d", status)
		assert.Equal(t, want.final, isFinal(err), "%d", status)
	}
}

// TestSink_ReachesItsHostAlone: an address that is not public needs a word.
func TestSink_ReachesItsHostAlone(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("reached") }))
	defer server.Close()
	g := sinkGateway(t, server, false)
	rules, err := egress.ParseRules([]string{"example.com:443"})
	require.NoError(t, err)
	g.Sinks["s"] = NewSinkClient(server.URL, false, "", rules)
	_, err = g.Sink(t.Context(), delivery(t, g))
	require.Error(t, err)
}

// TestReceipt_Forged: what no worker vouches for is rejected (A11, A38).
func TestReceipt_Forged(t *testing.T) {
	g := &Gateway{
		Key:   []byte("a key of tests, which is long enough"),
		Rules: policies.EventRules{MaxSize: 1000, Rules: []policies.EventRule{{Name: "r", Source: "a/*", Target: "c/d", Types: []string{"t"}}}},
	}
	good := received(t, g)
	assert.True(t, g.judgeReceipt(g.book().rules, good, "c/d").Accepts())
	for name, forge := range map[string]func(*contract.Envelope){
		"no tag":         func(e *contract.Envelope) { e.Tag = "" },
		"another sender": func(e *contract.Envelope) { e.Sender.Identity = "a/x" },
		"another event":  func(e *contract.Envelope) { e.Event = json.RawMessage(`{"id":"1","source":"/s","type":"t"}`) },
		"another id":     func(e *contract.Envelope) { e.ID = "2" },
		"another type":   func(e *contract.Envelope) { e.Type = "u" },
	} {
		forged := good
		forge(&forged)
		assert.Equal(t, contract.CheckSender, g.judgeReceipt(g.book().rules, forged, "c/d").Check, name)
	}
	assert.Equal(t, contract.CheckRule, g.judgeReceipt(g.book().rules, good, "c/e").Check, "another receiver")
	other := &Gateway{Key: []byte("another key, which is long enough too"), Rules: g.Rules}
	assert.Equal(t, contract.CheckSender, other.judgeReceipt(other.book().rules, good, "c/d").Check, "another installation")
}

func received(t *testing.T, g *Gateway) contract.Envelope {
	t.Helper()
	p, err := g.publication(contract.Sender{Identity: "a/b"}, json.RawMessage(`{"specversion":"1.0","id":"1","source":"/s","type":"t","data":"<&>"}`))
	require.NoError(t, err)
	data, err := json.Marshal(p.Envelope) // as through Temporal
	require.NoError(t, err)
	var e contract.Envelope
	require.NoError(t, json.Unmarshal(data, &e))
	return e
}

// TestPublication_BadEvents are rejected before any rule, and named (A38).
func TestPublication_BadEvents(t *testing.T) {
	g := &Gateway{Rules: policies.EventRules{Rate: policies.EventRate{Limit: 1, Window: 1}}}
	for text, want := range map[string]string{
		`{`:                              contract.CheckForm,
		`[]`:                             contract.CheckForm,
		`null`:                           contract.CheckForm,
		`{"specversion":"1.0","id":"1"}`: contract.CheckForm,
		`{"specversion":"0.3","id":"1","source":"/s","type":"t"}`:                       contract.CheckForm,
		`{"specversion":"1.0","id":"1","source":"/s","type":"t","lazaretsender":"a/b"}`: contract.CheckSender,
		`{"specversion":"1.0","id":"1","source":"/s","type":"t"}`:                       contract.CheckRule,
	} {
		p, err := g.publication(contract.Sender{Identity: "a/b"}, json.RawMessage(text))
		require.NoError(t, err)
		assert.Equal(t, want, p.Verdict.Check, text)
		assert.NotEmpty(t, p.Verdict.Detail, text)
		assert.Len(t, p.Rates, 1, "the rate comes first: %s", text)
		assert.Empty(t, p.Envelope.Event, text)
	}
}

func isFinal(err error) bool {
	application, ok := err.(interface{ NonRetryable() bool })
	return ok && application.NonRetryable()
}

// TestGateway_Replace: rules that were replaced judge what is sent and what was
// sent before.
func TestGateway_Replace(t *testing.T) {
	g := &Gateway{
		Key:   []byte("a key of tests, which is long enough"),
		Rules: policies.EventRules{MaxSize: 1000, Rules: []policies.EventRule{{Name: "r", Source: "a/*", Target: "c/d", Types: []string{"t"}}}},
	}
	good := received(t, g)
	require.True(t, g.judgeReceipt(g.book().rules, good, "c/d").Accepts())
	g.Replace(policies.EventRules{}, nil, "")
	require.Equal(t, contract.CheckRule, g.judgeReceipt(g.book().rules, good, "c/d").Check)
	p, err := g.publication(contract.Sender{Identity: "a/b"}, json.RawMessage(`{"specversion":"1.0","id":"2","source":"/s","type":"t"}`))
	require.NoError(t, err)
	require.Equal(t, contract.CheckRule, p.Verdict.Check)
}

// TestExplain: a rejection on receipt says that the event was sent under other rules.
func TestExplain(t *testing.T) {
	verdict := contract.Verdict{Check: contract.CheckRule, Detail: "no rule"}
	other := verdict
	other.Detail = "no rule; it was sent under other rules (aaaaaaaaaaaa, here bbbbbbbbbbbb): give all workers the same"
	sent, here := strings.Repeat("a", 64), strings.Repeat("b", 64)
	require.Equal(t, other, explain(verdict, sent, here))
	require.Equal(t, verdict, explain(verdict, here, here))
	require.Equal(t, verdict, explain(verdict, "", here), "by a worker that did not say")
	require.Equal(t, contract.Verdict{}, explain(contract.Verdict{}, sent, here))
	forged := contract.Verdict{Check: contract.CheckSender}
	require.Equal(t, forged, explain(forged, sent, here), "who forges says anything")
}
