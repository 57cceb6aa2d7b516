package calls

import (
	"context"
	"net/http"
	"time"

	"lazaret.dev/lazaret/activities/secrets"
	"lazaret.dev/lazaret/workflows/expression"
)

// AsyncAPI sends one message to a channel of an AsyncAPI document (2.x, 3.x), or
// takes messages from it. Its arguments are those of contract.Call; the rest is as
// of HTTP. What is taken comes as an object of messages and position.
func (c *Client) AsyncAPI(ctx context.Context, arguments Arguments, redact *secrets.Redactor, secret bool) (Result, error) {
	s := &session{Client: c, redact: redact, secret: secret}
	return s.bounded(ctx, func(ctx context.Context) (Result, error) {
		p, err := s.asyncPeer(ctx, arguments)
		if err != nil {
			return Result{}, err
		}
		result := Result{Host: authority(p.url), Method: p.verb}
		if p.subscribes {
			result.Output, err = p.take(ctx, arguments)
		} else {
			err = p.publish(ctx, arguments)
		}
		return result, err
	})
}

// asyncPeer is who messages are exchanged with.
type asyncPeer struct {
	*session
	*asyncChannel
	policy     map[string]any // of authentication
	subscribes bool
	verb       string
}

func (s *session) asyncPeer(ctx context.Context, a Arguments) (*asyncPeer, error) {
	p := &asyncPeer{session: s, verb: "publish"}
	if p.subscribes = a["subscription"] != nil; p.subscribes {
		p.verb = "subscribe"
	}
	content, from, err := s.document(ctx, a, "document")
	if err != nil {
		return nil, err
	}
	document, err := readAsyncAPI(content, from)
	if err != nil {
		return nil, err
	}
	choice, err := asyncChoiceOf(a)
	if err != nil {
		return nil, err
	}
	choice.subscribes = p.subscribes
	if p.asyncChannel, err = document.channel(choice); err != nil {
		return nil, err
	}
	if err := p.permit(); err != nil {
		return nil, err
	}
	if p.policy, err = a.object("authentication"); err != nil {
		return nil, err
	}
	return p, p.confidentially(authority(p.url))
}

// permit judges the server as the rules for calls do.
func (p *asyncPeer) permit() error {
	judged, err := p.target("https://" + authority(p.url))
	if err != nil {
		return err
	}
	if authority(judged) != authority(p.url) {
		return fault(Failed, nil, "server %s of the document is none that can be reached", quoted(p.url.Host))
	}
	return nil
}

// confidentially refuses to send what is secret in the clear, as confidential does.
func (p *asyncPeer) confidentially(hostPort string) error {
	if p.secure || !p.secret && p.policy == nil || p.listedInTheClear(hostPort) {
		return nil
	}
	return fault(Unauthenticated, nil, "credentials and secrets are not sent without TLS to %s; use a server with it, or the operator may list it with its port, --call-host %s", hostPort, hostPort)
}

func (p *asyncPeer) publish(ctx context.Context, a Arguments) error {
	headers, err := a.texts("headers")
	if err != nil {
		return err
	}
	message := outbound{headers: headers, contentType: jsonType}
	if p.contentType != "" {
		if !isJSON(p.contentType) {
			return fault(Invalid, nil, "the document's messages are of type %s; lazaret sends JSON alone", quoted(p.contentType))
		}
		message.contentType = p.contentType
	}
	if message.content, err = expression.Encode(a["payload"]); err != nil {
		return fault(Invalid, err, "message.payload")
	}
	if len(message.content) > MaxBody {
		return fault(Invalid, nil, "message.payload has %d bytes, over the limit of %d", len(message.content), MaxBody)
	}
	switch p.family {
	case kafkaFamily:
		return p.publishKafka(ctx, message)
	case mqttFamily:
		return p.publishMQTT(ctx, message)
	case wsFamily:
		return p.publishWebSocket(ctx, message)
	}
	return p.publishHTTP(ctx, message)
}

// outbound is a message that is sent.
type outbound struct {
	content     []byte
	headers     []pair
	contentType string
}

// take takes messages until there are enough, or the time is over.
func (p *asyncPeer) take(ctx context.Context, a Arguments) (any, error) {
	c, err := p.collector(a)
	if err != nil {
		return nil, err
	}
	limited, cancel := context.WithTimeout(ctx, c.wait)
	defer cancel()
	c.hurry = func() { time.AfterFunc(linger, cancel) }
	switch p.family {
	case kafkaFamily:
		err = c.takeKafka(limited)
	case mqttFamily:
		err = c.takeMQTT(limited)
	case wsFamily:
		err = c.takeWebSocket(limited)
	default:
		err = c.takeHTTP(limited)
	}
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil && limited.Err() == nil:
		return nil, err
	}
	return map[string]any{"messages": c.messages, "position": c.position}, nil
}

// publishHTTP sends a message as a request.
func (p *asyncPeer) publishHTTP(ctx context.Context, message outbound) error {
	method, _ := p.binding("method").(string)
	if method == "" {
		method = http.MethodPost
	}
	r := &request{method: method, url: p.url, headers: message.headers, contentType: message.contentType, body: message.content, authentication: p.policy}
	if r.header("Content-Type") != "" {
		r.contentType = ""
	}
	if err := r.check(); err != nil {
		return err
	}
	_, err := p.call(ctx, r)
	return err
}
