package calls

import (
	"context"
	"errors"
	"net/http"

	"github.com/coder/websocket"
)

// websocket opens the channel as a WebSocket (RFC 6455), by a request that goes
// where every request of the client's goes, with its credentials.
func (p *asyncPeer) websocket(ctx context.Context, headers []pair) (*websocket.Conn, error) {
	given := map[string]any{}
	for _, h := range headers {
		given[h.name] = h.text
	}
	place := *p.url
	place.Scheme = "http"
	if p.secure {
		place.Scheme = "https"
	}
	arguments := Arguments{"uri": place.String(), "headers": given}
	if p.policy != nil {
		arguments["authentication"] = p.policy
	}
	u, way, err := p.carrier(arguments)
	if err != nil {
		return nil, err
	}
	connection, response, err := websocket.Dial(ctx, u.String(), &websocket.DialOptions{HTTPClient: &http.Client{Transport: way, CheckRedirect: stay}})
	if response != nil && response.Body != nil {
		defer func() { _ = response.Body.Close() }()
	}
	if err != nil {
		if failed := way.failure(); failed != nil {
			return nil, failed
		}
		return nil, p.noWebSocket(err)
	}
	connection.SetReadLimit(MaxBody)
	return connection, nil
}

func (p *asyncPeer) noWebSocket(err error) error {
	return fault(Failed, nil, "%s is no WebSocket that works: %s", place(p.url), oneLine(p.redact.Text(err.Error())))
}

func (p *asyncPeer) publishWebSocket(ctx context.Context, message outbound) error {
	connection, err := p.websocket(ctx, message.headers)
	if err != nil {
		return err
	}
	if err := connection.Write(ctx, websocket.MessageText, message.content); err != nil {
		_ = connection.CloseNow()
		return p.noWebSocket(err)
	}
	if err := connection.Close(websocket.StatusNormalClosure, ""); err != nil && websocket.CloseStatus(err) != websocket.StatusNormalClosure {
		return p.noWebSocket(err)
	}
	return nil
}

// takeWebSocket takes what is sent while it is connected; what comes between two
// activities is missed.
func (c *collector) takeWebSocket(ctx context.Context) error {
	connection, err := c.websocket(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = connection.CloseNow() }()
	for {
		_, content, err := connection.Read(ctx)
		switch {
		case errors.Is(err, websocket.ErrMessageTooBig):
			return fault(Failed, nil, "%s has a message of more than %d bytes, the limit", place(c.url), MaxBody)
		case err != nil && websocket.CloseStatus(err) == websocket.StatusNormalClosure && len(c.messages) > 0:
			return nil
		case err != nil:
			return c.noWebSocket(err)
		}
		if full, err := c.add(inbound{content: content}); err != nil || full {
			return err
		}
	}
}
