package events

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/policies"
)

// headers are a request's, of "name: value" lines.
func headers(lines ...string) http.Header {
	header := http.Header{}
	for _, line := range lines {
		name, value, _ := strings.Cut(line, ":")
		header.Add(strings.TrimSpace(name), strings.TrimSpace(value))
	}
	return header
}

var binaryHeaders = []string{"Ce-Specversion: 1.0", "Ce-Id: 1", "Ce-Source: /tests", "Ce-Type: a.b"}

// TestReadEvents_Modes: the same event comes out of each mode.
func TestReadEvents_Modes(t *testing.T) {
	const structured = `{"specversion":"1.0","id":"1","source":"/tests","type":"a.b","datacontenttype":"application/json","data":{"x":1}}`
	for name, tt := range map[string]struct {
		header http.Header
		body   string
		want   []string
		batch  bool
	}{
		"structured": {headers("Content-Type: application/cloudevents+json; charset=utf-8"), structured, []string{structured}, false},
		"batch":      {headers("Content-Type: application/cloudevents-batch+json"), "[" + structured + "," + structured + "]", []string{structured, structured}, true},
		"binary":     {headers(append(binaryHeaders, "Content-Type: application/json")...), `{"x":1}`, []string{structured}, false},
		"no data":    {headers(binaryHeaders...), "", []string{`{"specversion":"1.0","id":"1","source":"/tests","type":"a.b"}`}, false},
		"text": {
			headers(append(binaryHeaders, "Content-Type: text/plain", "Ce-Roomid: 7")...), "warm",
			[]string{`{"specversion":"1.0","id":"1","source":"/tests","type":"a.b","datacontenttype":"text/plain","roomid":"7","data":"warm"}`},
			false,
		},
		"bytes that are no text": {
			headers(append(binaryHeaders, "Content-Type: application/octet-stream")...), "\xff\x00",
			[]string{`{"specversion":"1.0","id":"1","source":"/tests","type":"a.b","datacontenttype":"application/octet-stream","data_base64":"/wA="}`},
			false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, wrong := readEvents(t.Context(), tt.header, []byte(tt.body))
			require.Nil(t, wrong)
			require.Len(t, got.texts, len(tt.want))
			for i, want := range tt.want {
				assert.JSONEq(t, want, string(got.texts[i]))
			}
			assert.Equal(t, tt.batch, got.batch)
		})
	}
}

// TestReadEvents_Refuses: what holds no event is refused, and it says why.
func TestReadEvents_Refuses(t *testing.T) {
	many := "[" + strings.Repeat("{},", maxBatch) + "{}]"
	for name, tt := range map[string]struct {
		header http.Header
		body   string
		check  string
		want   string
	}{
		"no event at all":    {headers("Content-Type: text/plain"), "hello", contract.CheckForm, "neither headers ce-specversion"},
		"no media type":      {headers("Content-Type: ;;"), "{}", contract.CheckForm, `Content-Type ";;" is no media type`},
		"a broken batch":     {headers("Content-Type: application/cloudevents-batch+json"), "[{", contract.CheckForm, "the JSON is broken at byte 2"},
		"no batch":           {headers("Content-Type: application/cloudevents-batch+json"), "{}", contract.CheckForm, "no batch of CloudEvents: a batch is an array of events"},
		"too many":           {headers("Content-Type: application/cloudevents-batch+json"), many, contract.CheckSize, "101 events in a batch, over the limit of 100"},
		"a header twice":     {headers(append(binaryHeaders, "Ce-Id: 2")...), "", contract.CheckForm, `header "Ce-Id" must be there once`},
		"a header not UTF-8": {headers(append(binaryHeaders, "Ce-X: \xff")...), "", contract.CheckForm, `header "Ce-X" must be there once, in UTF-8`},
		"data that is no JSON": {
			headers(append(binaryHeaders, "Content-Type: application/json")...), `{"x":`, contract.CheckForm, "no CloudEvent: ",
		},
		"another version": {headers("Ce-Specversion: 9", "Ce-Id: 1"), "", contract.CheckForm, `no CloudEvent: specversion "9", only 1.0 is taken`},
		"no name":         {headers(append(binaryHeaders, "Ce-Room-Id: 7")...), "", contract.CheckForm, `no CloudEvent: "room-id" cannot be the name of an attribute`},
		"no attribute":    {headers(append(binaryHeaders, "Ce-: x")...), "", contract.CheckForm, "a header is named ce- and no attribute"},
		"no moment":       {headers(append(binaryHeaders, "Ce-Time: soon")...), "", contract.CheckForm, "no CloudEvent: "},
	} {
		t.Run(name, func(t *testing.T) {
			_, wrong := readEvents(t.Context(), tt.header, []byte(tt.body))
			require.NotNil(t, wrong)
			assert.Equal(t, tt.check, wrong.check)
			assert.Contains(t, wrong.detail, tt.want)
		})
	}
}

// FuzzReadEvents: whatever a request holds, it is taken apart without a panic,
// and no event comes out of it under another sender than who sent it.
func FuzzReadEvents(f *testing.F) {
	f.Add("application/cloudevents+json", "", `{"specversion":"1.0","id":"1","source":"/s","type":"a.b","data":{}}`)
	f.Add("application/cloudevents+json", "", `{"specversion":"1.0","id":"1","source":"/s","type":"a.b","lazaretsender":"@cli","lazaretsender":1}`)
	f.Add("application/cloudevents-batch+json", "", `[{"specversion":"1.0","id":"1","source":"/s","type":"a.b","data_base64":"!"},1,null]`)
	f.Add("application/json", strings.Join(binaryHeaders, "\n"), `{"x":1}`)
	f.Add("text/plain", strings.Join(append(binaryHeaders, "Ce-Lazaretsender: @cli", "ce-time: x"), "\n"), "\xff")
	rules, err := policies.ReadEventRules("rules.yaml", []byte(`rules: [{source: '@http/fuzz', target: a/b, types: ["*"], unsafe: true}]`))
	require.NoError(f, err)
	gateway := &Gateway{Rules: rules, Key: []byte("0123456789abcdef0123456789abcdef")}
	sender := contract.Sender{Identity: contract.SenderHTTP + "fuzz"}
	f.Fuzz(func(t *testing.T, contentType, lines, body string) {
		header := headers(strings.Split(lines, "\n")...)
		header.Set("Content-Type", contentType)
		got, wrong := readEvents(t.Context(), header, []byte(body))
		if wrong != nil {
			require.NotEmpty(t, wrong.check)
			return
		}
		for _, text := range got.texts {
			judged, err := gateway.publication(sender, text)
			require.NoError(t, err)
			require.Equal(t, sender, judged.Envelope.Sender)
			if !judged.Verdict.Accepts() {
				require.Empty(t, judged.Envelope.Event)
				continue
			}
			var event map[string]any
			require.NoError(t, json.Unmarshal(judged.Envelope.Event, &event))
			require.Equal(t, sender.Identity, event[SenderAttribute])
			require.True(t, gateway.authentic(judged.Envelope))
			require.Empty(t, gateway.judgeReceipt(gateway.book().rules, judged.Envelope, "a/b").Check)
		}
	})
}

// TestReadCredentials_Refuses names the line, and never a token.
func TestReadCredentials_Refuses(t *testing.T) {
	token := strings.Repeat("k", leastToken)
	for name, tt := range map[string]struct{ text, want string }{
		"nobody":       {"# none\n\n", "senders:1:1: nobody is in the file; a line is a name and a token"},
		"one word":     {"sensors", "senders:1:1: a line has a name and a token, not 1 words"},
		"a bad name":   {"\nsen/sors " + token, "senders:2:1: a name has letters, digits and hyphens, 63 at most"},
		"a short one":  {"sensors abc", "senders:1:1: the token of sensors has 3 characters, fewer than 32"},
		"one for both": {"a " + token + "\nb " + token, "senders:2:1: the token of b is there already: a token says who sends"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ReadCredentials("senders", []byte(tt.text))
			require.EqualError(t, err, tt.want)
			assert.NotContains(t, err.Error(), token)
		})
	}
}

func TestCredentials_Sender(t *testing.T) {
	old, fresh, other := strings.Repeat("a", 32), strings.Repeat("b", 40), strings.Repeat("c", 32)
	c, err := ReadCredentials("senders", []byte("sensors "+old+"\nsensors "+fresh+"\nweb "+other+"\n"))
	require.NoError(t, err)
	for token, want := range map[string]string{old: "@http/sensors", fresh: "@http/sensors", other: "@http/web"} {
		got, ok := c.sender(token)
		assert.True(t, ok)
		assert.Equal(t, want, got)
	}
	for _, token := range []string{"", old[:31], old + "a", strings.ToUpper(old)} {
		_, ok := c.sender(token)
		assert.False(t, ok, token)
	}
	_, ok := Credentials{}.sender(old)
	assert.False(t, ok)
}

// TestGatherer_TakesTurns: of what waits, each sender has its turn: one request
// is not behind all of another's flood (A35).
func TestGatherer_TakesTurns(t *testing.T) {
	g := &gatherer{flying: maxFlying} // so that what is added waits
	one := func(sender, id string) *parcel {
		return &parcel{events: []contract.JudgedEvent{{Envelope: contract.Envelope{ID: id, Sender: contract.Sender{Identity: sender}}}}}
	}
	for i := range 2 * maxBatch {
		g.add("flood", one("flood", fmt.Sprint(i)))
	}
	g.add("calm", one("calm", "c"))
	first := g.next()
	require.Len(t, first, maxBatch, "what waits goes together")
	assert.Equal(t, "c", first[1].events[0].Envelope.ID, "second after one of the flood")
	second := g.next()
	assert.Equal(t, fmt.Sprint(maxBatch-1), second[0].events[0].Envelope.ID, "in the order in which they came")
	assert.Len(t, g.next(), 1)
	assert.Empty(t, g.next())
	assert.Equal(t, maxFlying-1, g.flying)
}

// TestGatherer_Outcomes: each request gets the outcomes of its own events, or the
// error of the update that they were in.
func TestGatherer_Outcomes(t *testing.T) {
	g := &gatherer{publish: func(_ context.Context, batch []contract.JudgedEvent) ([]contract.Outcome, error) {
		outcomes := make([]contract.Outcome, len(batch))
		for i, e := range batch {
			if outcomes[i].ID = e.Envelope.ID; e.Envelope.ID == "broken" {
				return nil, errors.New("the router is away")
			}
		}
		return outcomes, nil
	}}
	var all sync.WaitGroup
	for i := range 300 {
		all.Go(func() {
			id := fmt.Sprint(i)
			outcomes, err := g.submit(t.Context(), "s"+fmt.Sprint(i%7), []contract.JudgedEvent{{Envelope: contract.Envelope{ID: id}}, {Envelope: contract.Envelope{ID: id + "b"}}})
			assert.NoError(t, err) //nolint:testifylint // not the test's goroutine
			assert.Equal(t, []contract.Outcome{{ID: id}, {ID: id + "b"}}, outcomes)
		})
	}
	all.Wait()
	_, err := g.submit(t.Context(), "s", []contract.JudgedEvent{{Envelope: contract.Envelope{ID: "broken"}}})
	require.EqualError(t, err, "the router is away")
	require.Eventually(t, func() bool {
		g.mu.Lock()
		defer g.mu.Unlock()
		return g.flying == 0 && len(g.waiting) == 0
	}, 5*time.Second, time.Millisecond)
}

// TestGates_Under: rules that come into force bring their rate to the gate.
func TestGates_Under(t *testing.T) {
	g := newGates(policies.EventRate{Limit: 1, Window: time.Hour}, func(contract.Rejection) {})
	require.True(t, g.pass("s", 1))
	require.False(t, g.pass("s", 1))
	same := policies.EventRate{Limit: 1, Window: time.Hour}
	require.Equal(t, same, g.under(same))
	require.False(t, g.pass("s", 1), "what was counted counts")
	wider := policies.EventRate{Limit: 5, Window: time.Hour}
	require.Equal(t, wider, g.under(wider))
	require.True(t, g.pass("s", 5))
	require.False(t, g.pass("s", 1))
}
