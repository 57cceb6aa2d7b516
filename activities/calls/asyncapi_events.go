package calls

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"
)

const (
	// maxStream bounds what is read of one answer of a stream of events, those that
	// the filter leaves out included.
	maxStream = 64 << 20
	// askAgain is how long after its end a stream is asked for again, unless the
	// server says it with retry, within the bounds below.
	askAgain    = 3 * time.Second
	askEarliest = 100 * time.Millisecond
	askLatest   = time.Minute
)

// takeHTTP takes the channel's server-sent events; its position is the id of the
// last. A stream that ends or breaks off is asked for again, as browsers do.
func (c *collector) takeHTTP(ctx context.Context) error {
	pause := askAgain
	for {
		done, err := c.follow(ctx, &pause)
		switch {
		case err != nil && len(c.messages) > 0:
			return nil // what has come comes first; who asks next meets the error
		case done || err != nil:
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
	}
}

// follow reads the stream until there are enough messages or it ends, and says
// whether that was all.
func (c *collector) follow(ctx context.Context, pause *time.Duration) (done bool, err error) {
	r := &request{method: http.MethodGet, url: c.url, headers: []pair{{"Accept", eventStream}}, authentication: c.policy}
	if last, ok := c.position.(string); ok && last != "" {
		r.headers = append(r.headers, pair{"Last-Event-Id", last})
	}
	response, err := c.ask(ctx, r)
	if err != nil {
		return false, err
	}
	defer func() { _ = response.Body.Close() }()
	media, _, _ := strings.Cut(response.Header.Get("Content-Type"), ";")
	switch {
	case response.StatusCode == http.StatusNoContent: // the stream is over
		<-ctx.Done()
		return true, nil
	case response.StatusCode != http.StatusOK:
		content, err := c.read(r, response)
		if err != nil {
			return false, err
		}
		return false, c.refusal(r, response, content)
	case strings.TrimSpace(media) != eventStream:
		return false, fault(Failed, nil, "%s answers with %s, which is no stream of events", place(c.url), quoted(media))
	}
	events := &eventReader{from: &limitedReader{from: response.Body, left: maxStream}, limit: MaxBody}
	done, err = c.hear(events)
	if events.retry > 0 {
		*pause = min(max(events.retry, askEarliest), askLatest)
	}
	return done, err
}

// hear takes events until there are enough messages. Where a connection ends it does
// not matter how.
func (c *collector) hear(events *eventReader) (done bool, err error) {
	for {
		data, err := events.next()
		switch {
		case errors.Is(err, errLongEvent), errors.Is(err, errTooMuch):
			return false, fault(Failed, err, "%s broke off", place(c.url))
		case err != nil || data == nil:
			return false, nil //nolint:nilerr // it is asked for again
		}
		full, err := c.add(inbound{content: data})
		if err != nil {
			return false, err
		}
		if events.id != "" {
			c.position = events.id
		}
		if full {
			return true, nil
		}
	}
}
