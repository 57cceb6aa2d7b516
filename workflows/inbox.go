package workflows

import (
	"slices"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/workflows/definition"
	"lazaret.dev/lazaret/workflows/expression"
)

// inbox holds what was delivered to an execution and not taken by a listen yet.
// It is plain data and travels with the state.
type inbox struct {
	Queue int `json:"queue"` // most events that the router lets wait
	Worth int `json:"worth,omitempty"`
	// What has come and is not known to be the sender's, in order.
	Unjudged []contract.Envelope `json:"unjudged,omitempty"`
	// The others, the highest priority first, and in order within one.
	Waiting []*waiting `json:"waiting,omitempty"`
	Seen    []string   `json:"seen,omitempty"` // identities of the last events, the newest last
	// What is gone and the router does not know of.
	Freed contract.Taken `json:"freed,omitzero"`
}

// waiting is one event that waits to be taken.
type waiting struct {
	Event    map[string]any `json:"event"` // the envelope
	Bytes    int            `json:"bytes"`
	Priority int            `json:"priority,omitempty"`
	// The listens that ran when it came and are to look at it. Each of them may
	// take it; once none is left, it is gone if one has, and otherwise waits for
	// a later one.
	For     []string `json:"for,omitempty"`
	Taken   bool     `json:"taken,omitempty"`
	Refused []string `json:"refused,omitempty"` // the listens whose condition it does not meet
}

// maxSeen bounds how many identities are remembered.
const maxSeen = 1000

// fresh tells whether the event has not come before, and remembers it.
func (b *inbox) fresh(e contract.Envelope) bool {
	key := eventKey(e)
	if slices.Contains(b.Seen, key) {
		return false
	}
	b.Seen = append(b.Seen, key)
	if len(b.Seen) > maxSeen {
		b.Seen = slices.Clone(b.Seen[len(b.Seen)-maxSeen:])
	}
	return true
}

// put adds an event for the listens that run now.
func (b *inbox) put(w *waiting) {
	at := slices.IndexFunc(b.Waiting, func(other *waiting) bool { return other.Priority < w.Priority })
	if at < 0 {
		at = len(b.Waiting)
	}
	b.Waiting = slices.Insert(b.Waiting, at, w)
}

// next is the first event that the listen may look at, or nil.
func (b *inbox) next(l listenTask) *waiting {
	at := slices.IndexFunc(b.Waiting, func(w *waiting) bool { return w.open(l) })
	if at < 0 {
		return nil
	}
	return b.Waiting[at]
}

func (w *waiting) open(l listenTask) bool {
	if slices.Contains(w.For, l.reference) {
		return true
	}
	return len(w.For) == 0 && !w.Taken && !slices.Contains(w.Refused, l.reference) && l.means(w.Event)
}

// settle notes that a listen has looked at an event.
func (b *inbox) settle(w *waiting, reference string, taken bool, all []listenTask) {
	w.Taken = w.Taken || taken
	if !taken {
		w.Refused = append(w.Refused, reference)
	}
	b.release(w, reference, all)
}

// release lets go of an event on behalf of one listen, and of the event once
// nobody wants it.
func (b *inbox) release(w *waiting, reference string, all []listenTask) {
	w.For = slices.DeleteFunc(w.For, func(other string) bool { return other == reference })
	if len(w.For) > 0 || !w.Taken && w.wanted(all) {
		return
	}
	b.Waiting = slices.DeleteFunc(b.Waiting, func(other *waiting) bool { return other == w })
	b.free(w.Bytes)
}

// wanted tells whether some listen of the definition may still take the event.
func (w *waiting) wanted(all []listenTask) bool {
	return slices.ContainsFunc(all, func(l listenTask) bool {
		return !slices.Contains(w.Refused, l.reference) && l.means(w.Event)
	})
}

func (b *inbox) free(bytes int) {
	b.Freed.Events++
	b.Freed.Bytes += bytes
}

// listenTask is one listen of a definition.
type listenTask struct {
	reference string
	listen    *definition.Listen
}

// means tells whether the event has the attributes that the listen writes out.
func (l listenTask) means(event map[string]any) bool {
	if strategyMeans(l.listen.To, event) {
		return true
	}
	return l.listen.To.UntilEvents != nil && strategyMeans(*l.listen.To.UntilEvents, event)
}

func strategyMeans(s definition.Strategy, event map[string]any) bool {
	if len(s.Filters) == 0 {
		return s.Mix == definition.Any
	}
	return slices.ContainsFunc(s.Filters, func(f definition.EventFilter) bool { return f.Matches(event) })
}

// readEvent is what a listen gives of an event.
func readEvent(form definition.Read, event map[string]any) any {
	switch form {
	case definition.ReadEnvelope:
		return event
	case definition.ReadRaw:
		return rawData(event)
	case definition.ReadData:
	}
	if binary, ok := event["data_base64"]; ok {
		return binary
	}
	return event["data"]
}

// rawData is the payload as text: binary data in base64.
func rawData(event map[string]any) any {
	if binary, ok := event["data_base64"]; ok {
		return binary
	}
	data, has := event["data"]
	if !has {
		return nil
	}
	if text, ok := data.(string); ok && !isJSON(event["datacontenttype"]) {
		return text
	}
	text, err := expression.Encode(data)
	if err != nil {
		return nil
	}
	return string(text)
}
