package calls

import (
	"context"
	"encoding/base64"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"lazaret.dev/lazaret/workflows/expression"
)

const (
	// maxTaken bounds how many messages are taken at once.
	maxTaken = 100
	// maxTakenBytes is how many bytes of messages are enough at once.
	maxTakenBytes = 512 << 10
	// maxWait bounds how long messages are awaited at once.
	maxWait = 4 * time.Minute
	// linger is how long others may follow a message that somebody waits for.
	linger = 50 * time.Millisecond
)

// collector gathers the messages of one activity. How far it came, position, is for
// the next one: whoever holds it in a history loses nothing.
type collector struct {
	*asyncPeer
	amount   int
	wait     time.Duration
	session  string // names the subscription, the same each time
	position any
	filter   func(message any) bool

	eager bool   // somebody waits for each
	hurry func() // ends the wait soon

	messages []any
	bytes    int
}

// inbound is a message as it came.
type inbound struct {
	content     []byte
	headers     map[string]any
	correlation string
}

func (p *asyncPeer) collector(a Arguments) (*collector, error) {
	given, err := a.object("subscription")
	if err != nil {
		return nil, err
	}
	s := Arguments(given)
	c := &collector{asyncPeer: p, messages: []any{}, position: s["position"]}
	if c.amount, err = s.whole("amount", maxTaken); err != nil {
		return nil, err
	}
	c.amount = max(1, min(c.amount, maxTaken))
	if c.eager, err = s.flag("eager"); err != nil {
		return nil, err
	}
	milliseconds, err := s.whole("wait", int(maxWait.Milliseconds()))
	if err != nil {
		return nil, err
	}
	c.wait = min(time.Duration(milliseconds)*time.Millisecond, maxWait)
	if c.session, err = s.text("session", true); err != nil {
		return nil, err
	}
	c.filter, err = messageFilter(a)
	return c, err
}

// messageFilter is the subscription's: an expression over a message, with the
// variables that it reads. What it cannot make sense of it does not let through:
// messages come from outside, and must not fault who takes them.
func messageFilter(a Arguments) (func(any) bool, error) {
	given, err := a.object("filter")
	if err != nil || given == nil {
		return func(any) bool { return true }, err
	}
	f := Arguments(given)
	source, err := f.text("source", true)
	if err != nil {
		return nil, err
	}
	variables, err := f.object("variables")
	if err != nil {
		return nil, err
	}
	at, err := f.text("now", true)
	if err != nil {
		return nil, err
	}
	now, err := time.Parse(time.RFC3339Nano, at)
	if err != nil {
		return nil, fault(Invalid, err, "filter")
	}
	names := make([]string, 0, len(variables))
	for name := range variables {
		names = append(names, name)
	}
	compiled, err := expression.Compile(source, expression.NewScope(names...))
	if err != nil {
		return nil, fault(Invalid, err, "filter")
	}
	return func(message any) bool {
		verdict, err := compiled.Evaluate(message, expression.Env{Vars: variables, Now: now})
		return err == nil && verdict == true
	}, nil
}

// add takes a message, and says whether there are enough.
func (c *collector) add(m inbound) (full bool, err error) {
	if len(m.content) > MaxBody {
		return false, fault(Failed, nil, "%s has a message of %d bytes, over the limit of %d", place(c.url), len(m.content), MaxBody)
	}
	message := c.message(m)
	if !c.filter(message) {
		return false, nil
	}
	c.messages = append(c.messages, c.redact.Value(message))
	c.bytes += len(m.content)
	if c.eager && len(c.messages) == 1 {
		c.hurry()
	}
	return len(c.messages) >= c.amount || c.bytes >= maxTakenBytes, nil
}

// message is what the definition sees: payload, headers and correlationId.
func (c *collector) message(m inbound) map[string]any {
	headers := m.headers
	if headers == nil {
		headers = map[string]any{}
	}
	message := map[string]any{"payload": payloadOf(m.content), "headers": headers}
	correlation := any(nil)
	switch where := c.correlation; {
	case strings.HasPrefix(where, "$message.payload#/"):
		correlation = pointed(message["payload"], strings.TrimPrefix(where, "$message.payload#"))
	case strings.HasPrefix(where, "$message.header#/"):
		correlation = pointed(any(headers), strings.TrimPrefix(where, "$message.header#"))
	case m.correlation != "":
		correlation = m.correlation
	default:
		correlation = headers["correlationId"]
	}
	if correlation != nil {
		message["correlationId"] = correlation
	}
	return message
}

// payloadOf is JSON as a value, other text as it is, anything else as base64.
func payloadOf(content []byte) any {
	if value, err := expression.Decode(content); err == nil {
		return value
	}
	if utf8.Valid(content) {
		return string(content)
	}
	return base64.StdEncoding.EncodeToString(content)
}

// login is what shows a broker who connects. The zero login shows nothing.
type login struct{ user, password, token string }

// login makes it of a policy: basic, or a token of the other schemes.
func (p *asyncPeer) login(ctx context.Context) (l login, err error) {
	if basic, ok := p.policy["basic"].(map[string]any); ok && len(p.policy) == 1 {
		l.user, l.password, err = p.password("basic", Arguments(basic))
		return l, err
	}
	if p.policy["digest"] != nil {
		return l, fault(Invalid, nil, "digest authentication is HTTP's: %s has no challenge to answer", p.family)
	}
	authorize, err := p.authorizer(p.policy)
	if err != nil {
		return l, err
	}
	carrier := &http.Request{Method: http.MethodPost, URL: p.url, Header: http.Header{}}
	if err := authorize.authorize(ctx, carrier); err != nil {
		return l, err
	}
	l.token = strings.TrimPrefix(carrier.Header.Get("Authorization"), "Bearer ")
	return l, nil
}
