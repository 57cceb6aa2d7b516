package callstest

import (
	"fmt"
	"net/http"

	"github.com/coder/websocket"
)

// Socket serves a WebSocket that says {"n": 1} and so on, count times, or, where the
// client asks with the header X-Key, hears one message and hands it on.
func Socket(w http.ResponseWriter, r *http.Request, count int, heard func(text, authorization string)) {
	connection, err := websocket.Accept(w, r, nil)
	if err != nil {
		return
	}
	defer func() { _ = connection.CloseNow() }()
	if r.Header.Get("X-Key") != "" {
		if _, content, err := connection.Read(r.Context()); err == nil {
			heard(string(content), r.Header.Get("Authorization"))
		}
		_, _, _ = connection.Read(r.Context()) // until the client closes it
		return
	}
	for n := range count {
		if connection.Write(r.Context(), websocket.MessageText, fmt.Appendf(nil, `{"n": %d}`, n+1)) != nil {
			return
		}
	}
	_, _, _ = connection.Read(r.Context())
}

// StreamEvents streams the events 1 to count, or those after the last that the client
// knows, and then nothing until it leaves.
func StreamEvents(w http.ResponseWriter, r *http.Request, count int) {
	w.Header().Set("Content-Type", "text/event-stream")
	last := 0
	_, _ = fmt.Sscan(r.Header.Get("Last-Event-Id"), &last)
	for id := last + 1; id <= count; id++ {
		_, _ = fmt.Fprintf(w, "id: %d\ndata: {\"n\": %d}\n\n", id, id)
	}
	if f, ok := w.(http.Flusher); ok {
		f.Flush()
	}
	<-r.Context().Done()
}
