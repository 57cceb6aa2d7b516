package calls

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/activities/secrets"
)

// TestAsyncAPI_StreamsThatEnd: a server, or what stands between, that ends its answer
// or breaks it off after some events is asked for the next ones, by the last one's
// id, soon: not when the time to wait is over.
func TestAsyncAPI_StreamsThatEnd(t *testing.T) {
	var asked []string
	o := startOutside(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/async/hooks" {
			serveDocuments(w, r)
			return
		}
		last := r.Header.Get("Last-Event-Id")
		asked = append(asked, last) // one request at a time
		n, _ := strconv.Atoi(last)
		w.Header().Set("Content-Type", eventStream)
		_, _ = fmt.Fprintf(w, "retry: 1\nid: %d\ndata: {\"n\": %d}\n\n", n+1, n+1)
		if n%2 == 1 { // broken off, in the middle of an event
			_, _ = fmt.Fprint(w, "id: 99\ndata: {\"n\"")
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}
	})
	m := &messages{outside: o, Client: o.client(t)}
	hooks := lights("web", Arguments{"operation": nil, "channel": "hooks"})
	taken, position := m.takes(t, hooks, map[string]any{"amount": 4})
	assert.Equal(t, "1234", numbersOf(t, taken))
	assert.Equal(t, "4", position)
	assert.Equal(t, []string{"", "1", "2", "3"}, asked)
}

// TestAsyncAPI_StreamThatIsGone: what came before a stream ended is not lost where it
// cannot be had again; who asks next is told.
func TestAsyncAPI_StreamThatIsGone(t *testing.T) {
	o := startOutside(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path != "/async/hooks":
			serveDocuments(w, r)
		case r.Header.Get("Last-Event-Id") != "":
			w.WriteHeader(http.StatusGone)
		default:
			w.Header().Set("Content-Type", eventStream)
			_, _ = fmt.Fprint(w, "retry: 1\nid: 1\ndata: {\"n\": 1}\n\n")
		}
	})
	m := &messages{outside: o, Client: o.client(t)}
	hooks := lights("web", Arguments{"operation": nil, "channel": "hooks"})
	taken, position := m.takes(t, hooks, map[string]any{"amount": 4})
	assert.Equal(t, "1", numbersOf(t, taken))
	hooks["subscription"] = map[string]any{"session": "s", "amount": 4, "position": position}
	_, err := m.AsyncAPI(t.Context(), hooks, &secrets.Redactor{}, false)
	assert.Equal(t, http.StatusGone, faultOf(t, err).Status)
}

// TestAsyncAPI_RetainedMessages: what a broker of MQTT retains for a topic comes first,
// once, as the author's page says.
func TestAsyncAPI_RetainedMessages(t *testing.T) {
	m := startMessages(t)
	m.mosquitto(t)
	for n := range 2 {
		m.send(t, lights("broker", Arguments{"operation": "keepMeasured", "payload": map[string]any{"n": n + 1}}))
	}
	receive := lights("broker", Arguments{"operation": "receiveMeasured"})
	first, position := m.takes(t, receive, map[string]any{"amount": 1})
	assert.Equal(t, "2", numbersOf(t, first))
	m.send(t, lights("broker", Arguments{"payload": map[string]any{"n": 3}}))
	rest, _ := m.takes(t, receive, map[string]any{"amount": 1, "position": position})
	assert.Equal(t, "3", numbersOf(t, rest))
}

func TestEventReader_Retry(t *testing.T) {
	for text, want := range map[string]time.Duration{"retry: 1500": 1500 * time.Millisecond, "retry:20": 20 * time.Millisecond, "retry: 1s": 0, "retry: -1": 0, "retry": 0, "retry: 99999999999999999999": 0} {
		e := &eventReader{from: strings.NewReader(text + "\n\n"), limit: MaxBody}
		data, err := e.next()
		require.NoError(t, err)
		assert.Nil(t, data)
		assert.Equal(t, want, e.retry, text)
	}
}
