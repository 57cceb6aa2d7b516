package worker

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/hashicorp/go-retryablehttp"
	"github.com/rs/zerolog"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/activities/events"
	"lazaret.dev/lazaret/policies"
)

// testTokens are those of the senders of tests, by name.
var testTokens = map[string]string{
	"tests": strings.Repeat("token-of-tests.", 3), "flood": strings.Repeat("token-of-flood.", 3), "nobody": strings.Repeat("token-without-rules.", 2),
	"calm": strings.Repeat("token-of-calm.", 3),
}

// sendersFile writes the tokens as an operator would.
func sendersFile(t *testing.T) string {
	t.Helper()
	var text strings.Builder
	for _, name := range []string{"tests", "flood", "nobody", "calm"} {
		fmt.Fprintf(&text, "%s %s\n", name, testTokens[name])
	}
	file := filepath.Join(t.TempDir(), "senders")
	require.NoError(t, os.WriteFile(file, []byte(text.String()), 0o600))
	return file
}

// testIngress takes events for the shared Temporal, under rules of its own if
// they are given.
func testIngress(t *testing.T, rules string) string {
	t.Helper()
	i, err := newIngress(t.Context(), ingressFlags{address: "127.0.0.1:0", senders: sendersFile(t)})
	require.NoError(t, err)
	shared := sharedTemporal.embedded.worker.events
	gateway := &events.Gateway{Client: shared.Client, Rules: shared.Rules, Key: shared.Key}
	if rules != "" {
		gateway.Rules, err = policies.ReadEventRules("rules.yaml", []byte(rules))
		require.NoError(t, err)
	}
	i.serve(gateway, nil, zerolog.Nop())
	t.Cleanup(i.close)
	return i.address()
}

// posted is the answer to a request.
type posted struct {
	status int
	header http.Header
	body   map[string]any // of one event, or a problem
	text   string
}

func post(t *testing.T, url, token, body string, header ...string) posted {
	t.Helper()
	request, err := retryablehttp.NewRequestWithContext(t.Context(), http.MethodPost, url, []byte(body))
	require.NoError(t, err)
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		request.Header.Add(name, value)
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	client := retryablehttp.NewClient()
	client.RetryMax, client.Logger = 0, nil
	client.ErrorHandler = retryablehttp.PassthroughErrorHandler
	response, err := client.Do(request)
	require.NoError(t, err)
	defer response.Body.Close() //nolint:errcheck // read to its end
	var text bytes.Buffer
	_, err = text.ReadFrom(response.Body)
	require.NoError(t, err)
	p := posted{status: response.StatusCode, header: response.Header, text: text.String()}
	_ = json.Unmarshal(text.Bytes(), &p.body) // an array for a batch
	return p
}

const structuredMode = "Content-Type: application/cloudevents+json"

func eventText(id, kind, more string) string {
	return fmt.Sprintf(`{"specversion":"1.0","id":%q,"source":"/tests/ingress","type":%q%s}`, id, kind, more)
}

// listener runs a definition that takes so many events of a type.
func listener(t *testing.T, s *session, name, kind string, count int) func() []any {
	t.Helper()
	text := fmt.Sprintf(`document: {dsl: 1.0.3, namespace: cases, name: %s, version: 1.0.0}
do:
  - hear: {listen: {to: {any: [{with: {type: %s}}], until: 'length >= %d'}, read: envelope}}
`, name, kind, count)
	b := bundleOf(t, text)
	run, err := s.begin(t.Context(), &prepared{bundle: b, start: contract.Start{Definition: b.source}}, "")
	require.NoError(t, err)
	awaitListener(t, s, run.GetID())
	return func() []any {
		output, err := resultOf(t, s, run)
		require.NoError(t, err)
		var heard []any
		require.NoError(t, json.Unmarshal(output, &heard))
		return heard
	}
}

// TestIngress_Modes: an event in each mode reaches who listens, with the sender
// whose token came with it; sent again, it is a duplicate.
func TestIngress_Modes(t *testing.T) {
	t.Parallel()
	s := temporalSession(t)
	url := testIngress(t, "")
	heard := listener(t, s, "ingress-modes", "case.ingress", 4)

	one := post(t, url, testTokens["tests"], eventText("m1", "case.ingress", `,"data":{"n":1}`), structuredMode)
	assert.Equal(t, http.StatusAccepted, one.status, one.text)
	assert.Equal(t, map[string]any{"source": "/tests/ingress", "id": "m1", "status": "accepted", "delivered": 1.0}, one.body)
	again := post(t, url, testTokens["tests"], eventText("m1", "case.ingress", `,"data":{"n":9}`), structuredMode)
	assert.Equal(t, http.StatusAccepted, again.status)
	assert.Equal(t, "duplicate", again.body["status"])

	binary := post(t, url, testTokens["tests"], `{"n":2}`, "Content-Type: application/json",
		"Ce-Specversion: 1.0", "Ce-Id: m2", "Ce-Source: /tests/ingress", "Ce-Type: case.ingress", "Ce-Roomid: 12")
	assert.Equal(t, http.StatusAccepted, binary.status, binary.text)

	batch := post(t, url, testTokens["tests"], "["+eventText("m3", "case.ingress", "")+","+eventText("m4", "case.ingress", "")+"]",
		"Content-Type: application/cloudevents-batch+json")
	assert.Equal(t, http.StatusAccepted, batch.status, batch.text)
	var outcomes []contract.Outcome
	require.NoError(t, json.Unmarshal([]byte(batch.text), &outcomes))
	require.Len(t, outcomes, 2)

	all := heard()
	require.Len(t, all, 4)
	var ids []any
	for _, item := range all {
		event := item.(map[string]any)
		assert.Equal(t, "@http/tests", event["lazaretsender"])
		ids = append(ids, event["id"])
	}
	assert.Equal(t, []any{"m1", "m2", "m3", "m4"}, ids)
	assert.Equal(t, map[string]any{"n": 1.0}, all[0].(map[string]any)["data"])
	assert.Equal(t, "12", all[1].(map[string]any)["roomid"])
}

// TestIngress_BadInput: each kind of bad input has its status and says what is
// wrong; what a known sender sends is recorded under its own name (A33, A34).
func TestIngress_BadInput(t *testing.T) {
	t.Parallel()
	s := temporalSession(t)
	url := testIngress(t, "")
	mine := testTokens["tests"]
	for name, tt := range map[string]struct {
		token, body string
		header      []string
		status      int
		detail      string
		recorded    string // check; empty: the sender is not known
	}{
		"no token":        {"", eventText("b1", "case.x", ""), []string{structuredMode}, 401, "show a token", ""},
		"a guessed token": {mine + "x", eventText("b1", "case.x", ""), []string{structuredMode}, 401, "show a token", ""},
		"no event":        {mine, "hello", []string{"Content-Type: text/plain"}, 400, "no CloudEvent: neither headers", contract.CheckForm},
		"broken JSON":     {mine, `{"specversion":`, []string{structuredMode}, 400, "the JSON is broken at byte", contract.CheckForm},
		"no source":       {mine, `{"specversion":"1.0","id":"b2","type":"case.x"}`, []string{structuredMode}, 400, "source is missing, or empty", contract.CheckForm},
		"a forged sender": {mine, eventText("b3", "case.x", `,"lazaretsender":"shop/orders"`), []string{structuredMode}, 400, "only the worker sets it", contract.CheckSender},
		"a forged header": {
			mine, "{}",
			[]string{"Content-Type: application/json", "Ce-Specversion: 1.0", "Ce-Id: b4", "Ce-Source: /x", "Ce-Type: case.x", "Ce-Lazaretexecution: other"},
			400, "only the worker sets it", contract.CheckSender,
		},
		"a sender without rules": {testTokens["nobody"], eventText("b5", "case.x", ""), []string{structuredMode}, 403, "no rule permits @http/nobody", contract.CheckRule},
		"an unknown type":        {mine, eventText("b6", "other.x", ""), []string{structuredMode}, 403, `does not permit type "other.x"`, contract.CheckType},
		"too large for the rule": {mine, eventText("b7", "case.x", `,"data":"`+strings.Repeat("x", 10_000)+`"`), []string{structuredMode}, 413, "over the limit of 10000", contract.CheckSize},
		"too large for anybody":  {mine, strings.Repeat("x", events.MaxRequest+1), []string{structuredMode}, 413, "the body has more than 1048576 bytes", contract.CheckSize},
		"an empty batch":         {mine, "[]", []string{"Content-Type: application/cloudevents-batch+json"}, 400, "the batch is empty", contract.CheckForm},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := post(t, url, tt.token, tt.body, tt.header...)
			require.Equal(t, tt.status, got.status, got.text)
			if tt.status < 300 {
				return
			}
			assert.Equal(t, "application/problem+json", got.header.Get("Content-Type"))
			assert.Contains(t, got.body["detail"], tt.detail)
			assert.InDelta(t, tt.status, got.body["status"], 0)
			assert.NotEmpty(t, got.body["title"])
			if tt.status == http.StatusUnauthorized {
				assert.Equal(t, `Bearer realm="lazaret"`, got.header.Get("WWW-Authenticate"))
			}
			if tt.recorded == "" {
				return
			}
			sender := "@http/tests"
			if tt.recorded == contract.CheckRule {
				sender = "@http/nobody"
			}
			pollUntil(t, "it is recorded", func() bool {
				report, err := s.eventsReport(t.Context())
				return err == nil && slices.ContainsFunc(report.Rejected, func(r contract.Rejection) bool {
					return r.Sender == sender && r.Check == tt.recorded && strings.Contains(r.Detail, strings.TrimPrefix(tt.detail, "the body has "))
				})
			})
		})
	}
	partly := post(t, url, mine, "["+eventText("p1", "case.partly", "")+","+eventText("p2", "other.partly", "")+"]", "Content-Type: application/cloudevents-batch+json")
	assert.Equal(t, http.StatusForbidden, partly.status)
	outcomes := partly.body["outcomes"].([]any)
	assert.Equal(t, "accepted", outcomes[0].(map[string]any)["status"])
	assert.Equal(t, "rejected", outcomes[1].(map[string]any)["status"])

	for method, want := range map[string]int{http.MethodGet: 405, http.MethodPut: 405, http.MethodOptions: 405} {
		request, err := retryablehttp.NewRequestWithContext(t.Context(), method, url, nil)
		require.NoError(t, err)
		client := retryablehttp.NewClient()
		client.Logger = nil
		response, err := client.Do(request)
		require.NoError(t, err)
		_ = response.Body.Close()
		assert.Equal(t, want, response.StatusCode, method)
	}
	assert.Equal(t, http.StatusNotFound, post(t, strings.TrimSuffix(url, "events"), mine, "{}").status)
}

// TestIngress_Flood: one sender's flood is rejected, not queued, and recorded;
// another's events come through meanwhile, each of them (A10, A35).
func TestIngress_Flood(t *testing.T) {
	t.Parallel()
	s := temporalSession(t)
	url := testIngress(t, `rate: {limit: 20, window: 1h}
rules: [{name: outside, source: '@http/*', target: cases/*, types: [case.*]}]`)
	const calm = 8
	heard := listener(t, s, "ingress-flood", "case.calm", calm)
	ctx, stop := context.WithCancel(t.Context())
	var floods sync.WaitGroup
	var mu sync.Mutex
	statuses := map[int]int{}
	for n := range 4 {
		floods.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				got := post(t, url, testTokens["flood"], eventText(fmt.Sprintf("f%d-%d", n, i), "case.flood", ""), structuredMode) //nolint:contextcheck // a request outlives the flood's end
				mu.Lock()
				statuses[got.status]++
				mu.Unlock()
			}
		})
	}
	pollUntil(t, "the flood is over its rate", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return statuses[http.StatusTooManyRequests] > 0
	})
	for i := range calm {
		got := post(t, url, testTokens["calm"], eventText(fmt.Sprintf("c%d", i), "case.calm", ""), structuredMode)
		assert.Equal(t, http.StatusAccepted, got.status, got.text)
	}
	stop()
	floods.Wait()
	assert.Len(t, heard(), calm)
	assert.Equal(t, 20, statuses[http.StatusAccepted], "%v", statuses)
	assert.Zero(t, statuses[http.StatusServiceUnavailable], "%v", statuses)
	pollUntil(t, "what was held off is recorded", func() bool {
		report, err := s.eventsReport(t.Context())
		return err == nil && slices.ContainsFunc(report.Rejected, func(r contract.Rejection) bool {
			return r.Sender == "@http/flood" && r.Check == contract.CheckRate && strings.Contains(r.Detail, "over the rate of 20 in 1h0m0s")
		})
	})
}

// TestNewIngress_Refuses: who may send and how the token travels is settled
// before anything listens (C16).
func TestNewIngress_Refuses(t *testing.T) {
	t.Parallel()
	senders := sendersFile(t)
	open := filepath.Join(t.TempDir(), "open")
	require.NoError(t, os.WriteFile(open, []byte("a "+testTokens["tests"]), 0o644))
	for name, tt := range map[string]struct {
		flags ingressFlags
		want  string
	}{
		"nobody may send":       {ingressFlags{address: "127.0.0.1:0"}, "nobody may send; events are taken of known senders alone"},
		"no address":            {ingressFlags{senders: senders}, "mean nothing without --event-listen"},
		"another's machine":     {ingressFlags{address: "0.0.0.0:0", senders: senders}, "--event-listen: address \"0.0.0.0:0\" is not a loopback address"},
		"a name":                {ingressFlags{address: "example.com:80", senders: senders}, "is not a loopback address"},
		"half of TLS":           {ingressFlags{address: "127.0.0.1:0", senders: senders, cert: "x"}, "go together"},
		"no certificate":        {ingressFlags{address: "0.0.0.0:0", senders: senders, cert: "/nowhere", key: "/nowhere"}, "no such file"},
		"tokens for all to see": {ingressFlags{address: "127.0.0.1:0", senders: open}, "others may read it (mode 0644)"},
		"no file":               {ingressFlags{address: "127.0.0.1:0", senders: "/nowhere"}, "no such file"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := newIngress(t.Context(), tt.flags)
			require.ErrorContains(t, err, tt.want)
			exit, ok := err.(*exitError) //nolint:errorlint // as commands return it
			require.True(t, ok)
			assert.Equal(t, exitInvalid, exit.code)
		})
	}
}
