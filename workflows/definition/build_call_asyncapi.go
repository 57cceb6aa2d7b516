package definition

import (
	"strings"

	"lazaret.dev/lazaret/workflows/expression"
)

// Subscription is how a call takes messages, and what it does with each.
type Subscription struct {
	Filter       *expression.Expression // nil: every message
	Amount       int                    // 0: not counted
	While, Until *expression.Expression // nil: none
	For          *Duration              // nil: no end
	Each         *EventLoop             // foreach; nil: none
}

// spokenProtocols are those of AsyncAPI that can be called.
var spokenProtocols = []string{"http", "kafka", "mqtt", "mqtt5", "ws"}

// asyncAPI takes the arguments of an exchange of messages.
func (a *arguments) asyncAPI(with cursor) {
	a.resource("document", with.get("document"))
	if protocol := with.get("protocol"); protocol.is(stringNode) && !contains(spokenProtocols, protocol.str()) {
		hint := "there are " + quotedList(spokenProtocols)
		if strings.HasPrefix(protocol.str(), "amqp") {
			hint += "; RabbitMQ speaks mqtt5 too"
		}
		a.reportHint(protocol, "unsupported.call.asyncapi.protocol", hint,
			"protocol %s is not supported by this version", preview(protocol.str()))
	}
	server := with.get("server")
	a.value("serverName", server.get("name"))
	a.value("serverVariables", server.get("variables"))
	message := with.get("message")
	a.checkHeaders(message.get("headers"))
	a.values(message, "payload", "headers")
	a.authentication("authentication", with.get("authentication"))
	a.values(with, "operation", "channel", "protocol")
}

// subscription builds what is to be taken; nil where the call sends.
func (c *checker) subscription(cur cursor, v vars) *Subscription {
	if !cur.exists() {
		return nil
	}
	s := &Subscription{Filter: c.expr(cur.get("filter"), v.definitionScope())}
	consume := cur.get("consume")
	if amount := consume.get("amount"); amount.is(numberNode) {
		if s.Amount = amount.number(); s.Amount < 1 || strings.HasPrefix(amount.node.text, "-") {
			c.report(amount, "call.amount", "amount must be at least 1")
		}
	}
	s.While = c.expr(consume.get("while"), v.definitionScope())
	s.Until = c.expr(consume.get("until"), v.definitionScope())
	if length := consume.get("for"); length.exists() {
		d := c.duration(length, v.definitionScope())
		s.For = &d
	}
	if loop := cur.get("foreach"); loop.exists() {
		s.Each = c.eventLoop(loop, v)
	}
	return s
}
