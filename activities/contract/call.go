package contract

import (
	"encoding/json"
	"time"
)

// Activity types of calls.
const (
	CallHTTP    = "call.http"
	CallOpenAPI = "call.openapi"
	CallGRPC    = "call.grpc"
	CallMCP     = "call.mcp"
	CallA2A     = "call.a2a"
	CallAsync   = "call.asyncapi"
)

// Call asks for something outside to be called.
type Call struct {
	Task TaskID `json:"task"`
	// With are the call's arguments by name, an object. http: uri, method, headers,
	// query, body, output, redirect, authentication. openapi: document,
	// documentAuthentication, operationId, parameters, output, redirect,
	// authentication. grpc: proto, protoAuthentication, service, host, port, method,
	// arguments, authentication. mcp: uri, headers, authentication, method,
	// parameters, protocolVersion, timeout (milliseconds), clientName, clientVersion.
	// a2a: agentCard, agentCardAuthentication, server, serverAuthentication, method,
	// parameters. asyncapi: document, documentAuthentication, operation, channel,
	// serverName, serverVariables, protocol, authentication, and payload and headers of
	// the message to send, or else subscription (session, position, amount, wait in
	// milliseconds, eager) and filter (source, variables, now): its output has messages
	// and position. What the definition leaves out is absent.
	With    json.RawMessage `json:"with"`
	Secrets []string        `json:"secrets,omitempty"` // that the definition declares
	Sealed  Sealed          `json:"sealed,omitzero"`   // what With holds null for
	Sandbox Sandbox         `json:"sandbox,omitzero"`
}

// CallResult is what a call gave.
type CallResult struct {
	Output json.RawMessage `json:"output,omitempty"` // absent means null
	Level  string          `json:"level"`
	Policy string          `json:"policy,omitempty"` // digest of the policy that decided
}

// Sealed are the expressions of a request that read secrets. They were not
// evaluated, since what a workflow knows is recorded; the activity does it.
type Sealed struct {
	Expressions []SealedExpression `json:"expressions,omitempty"`
	// Input is what the expressions see as their input, and Variables what else
	// they read, by name; $secrets is not among it.
	Input     json.RawMessage `json:"input,omitempty"`
	Variables json.RawMessage `json:"variables,omitempty"`
	Now       time.Time       `json:"now,omitzero"`
}

// SealedExpression is one of them. The value goes where Path, a JSON pointer
// into the request's data, leads.
type SealedExpression struct {
	Path   string   `json:"path"`
	Source string   `json:"source"`
	Loose  bool     `json:"loose,omitempty"` // it stays its text where it does not evaluate
	Reads  []string `json:"reads,omitempty"` // variables, without "$"
}
