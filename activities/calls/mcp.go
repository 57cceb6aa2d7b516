package calls

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"lazaret.dev/lazaret/activities/secrets"
	"lazaret.dev/lazaret/workflows/expression"
)

// mcpVersion is that of the protocol which the DSL takes where none is written.
const mcpVersion = "2025-06-18"

// MCP calls one method of a server of the Model Context Protocol, over its
// streamable HTTP transport, in a session of its own. Its arguments are those of
// contract.Call; the rest is as of HTTP.
func (c *Client) MCP(ctx context.Context, arguments Arguments, redact *secrets.Redactor, secret bool) (Result, error) {
	s := &session{Client: c, redact: redact, secret: secret}
	return s.bounded(ctx, func(ctx context.Context) (Result, error) {
		call, err := s.mcpCall(arguments)
		if err != nil {
			return Result{}, err
		}
		return call.make(ctx)
	})
}

// mcpCall is one call of a method.
type mcpCall struct {
	*session
	url        *url.URL
	carrier    *carrier
	method     mcpMethod
	name       string // of the method
	parameters json.RawMessage
	version    string
	timeout    time.Duration // 0: the client's own
	client     mcp.Implementation
}

// mcpMethod asks a session for something.
type mcpMethod func(ctx context.Context, session *mcp.ClientSession, parameters json.RawMessage) (any, error)

// mcpMethods are those that the DSL has.
var mcpMethods = map[string]mcpMethod{
	"tools/list":               typedMethod((*mcp.ClientSession).ListTools),
	"tools/call":               typedMethod((*mcp.ClientSession).CallTool),
	"prompts/list":             typedMethod((*mcp.ClientSession).ListPrompts),
	"prompts/get":              typedMethod((*mcp.ClientSession).GetPrompt),
	"resources/list":           typedMethod((*mcp.ClientSession).ListResources),
	"resources/read":           typedMethod((*mcp.ClientSession).ReadResource),
	"resources/templates/list": typedMethod((*mcp.ClientSession).ListResourceTemplates),
}

// typedMethod is a method whose parameters are read strictly: a misspelt one would
// be left out in silence.
func typedMethod[P, R any](method func(*mcp.ClientSession, context.Context, *P) (*R, error)) mcpMethod {
	return func(ctx context.Context, session *mcp.ClientSession, text json.RawMessage) (any, error) {
		var parameters P
		if text != nil {
			decoder := json.NewDecoder(strings.NewReader(string(text)))
			decoder.DisallowUnknownFields()
			if err := decoder.Decode(&parameters); err != nil {
				return nil, fault(Invalid, nil, "parameters: %s", strings.TrimPrefix(oneLine(err.Error()), "json: "))
			}
		}
		return method(session, ctx, &parameters)
	}
}

func (s *session) mcpCall(a Arguments) (*mcpCall, error) {
	c := &mcpCall{session: s}
	var err error
	if c.name, err = a.text("method", true); err != nil {
		return nil, err
	}
	known := false
	if c.method, known = mcpMethods[c.name]; !known {
		return nil, fault(Invalid, nil, "method %s is none of MCP's that can be called", quoted(c.name))
	}
	if err := c.options(a); err != nil {
		return nil, err
	}
	parameters, err := a.object("parameters")
	if err != nil {
		return nil, err
	}
	if parameters != nil {
		if c.parameters, err = expression.Encode(parameters); err != nil {
			return nil, fault(Invalid, err, "parameters")
		}
	}
	if c.url, c.carrier, err = s.carrier(a); err != nil {
		return nil, err
	}
	return c, nil
}

func (c *mcpCall) options(a Arguments) (err error) {
	if c.version, err = a.text("protocolVersion", false); err != nil {
		return err
	}
	if c.version == "" {
		c.version = mcpVersion
	}
	if known := mcp.SupportedProtocolVersions(); !slices.Contains(known, c.version) {
		return fault(Invalid, nil, "protocolVersion %s is unknown; there are %s", quoted(c.version), listed(known))
	}
	milliseconds, err := a.whole("timeout", 0)
	if err != nil {
		return err
	}
	c.timeout = time.Duration(milliseconds) * time.Millisecond
	if c.client.Name, err = a.text("clientName", false); err != nil {
		return err
	}
	if c.client.Version, err = a.text("clientVersion", false); err != nil {
		return err
	}
	if c.client.Name == "" {
		c.client.Name, c.client.Version = "lazaret", "1"
	}
	return nil
}

// make opens a session, calls, and ends the session.
func (c *mcpCall) make(ctx context.Context) (Result, error) {
	result := Result{Host: authority(c.url), Method: c.name}
	if c.timeout > 0 {
		limited, cancel := context.WithTimeout(ctx, c.timeout)
		defer cancel()
		output, err := c.exchange(limited)
		if err != nil && limited.Err() != nil && ctx.Err() == nil {
			return result, fault(TooSlow, nil, "the call took longer than %s, its timeout", c.timeout)
		}
		result.Output, result.Status = output, c.carrier.status()
		return result, err
	}
	output, err := c.exchange(ctx)
	result.Output, result.Status = output, c.carrier.status()
	return result, err
}

func (c *mcpCall) exchange(ctx context.Context) (any, error) {
	client := mcp.NewClient(&c.client, &mcp.ClientOptions{
		Logger:         slog.New(slog.DiscardHandler),
		Capabilities:   &mcp.ClientCapabilities{}, // a server has nothing to ask of us
		MultiRoundTrip: &mcp.MultiRoundTripOptions{Disabled: true},
	})
	transport := &mcp.StreamableClientTransport{
		Endpoint: c.url.String(), HTTPClient: &http.Client{Transport: c.carrier, CheckRedirect: stay},
		MaxRetries: -1, DisableStandaloneSSE: true, MaxEventSize: maxExchange + 1, // the carrier is first
	}
	session, err := client.Connect(ctx, transport, &mcp.ClientSessionOptions{ProtocolVersion: c.version})
	if err != nil {
		return nil, c.explain(err)
	}
	defer func() { _ = session.Close() }()
	answer, err := c.method(ctx, session, c.parameters)
	if err != nil {
		return nil, c.explain(err)
	}
	if called, ok := answer.(*mcp.CallToolResult); ok && called.IsError {
		return nil, fault(Erred, nil, "%s: the tool's result is an error: %s", place(c.url), oneLine(c.redact.Text(toolText(called))))
	}
	text, err := json.Marshal(answer)
	if err != nil {
		return nil, fault(Failed, nil, "%s answers with what is no JSON", place(c.url))
	}
	value, err := expression.Decode(text)
	if err != nil {
		return nil, fault(Failed, nil, "%s answers with JSON that cannot be read", place(c.url))
	}
	withoutCache(value)
	return c.redact.Value(value), nil
}

// withoutCache takes out what the library says of a result's life in a cache where
// the server, as those of versions before 2026-07-28, said nothing.
func withoutCache(value any) {
	if result, ok := value.(map[string]any); ok && result["cacheScope"] == "" {
		delete(result, "cacheScope")
		delete(result, "ttlMs")
	}
}

// toolText is what a tool says in words.
func toolText(result *mcp.CallToolResult) string {
	var texts []string
	for _, content := range result.Content {
		if text, ok := content.(*mcp.TextContent); ok {
			texts = append(texts, text.Text)
		}
	}
	return strings.Join(texts, " ")
}

// explain says what an error of the session means: the server's own, or the way
// to it.
func (c *mcpCall) explain(err error) error {
	if own, ok := errors.AsType[*Fault](err); ok {
		return own
	}
	if failed := c.carrier.failure(); failed != nil {
		return failed
	}
	if answer, ok := errors.AsType[*jsonrpc.Error](err); ok {
		return fault(Erred, nil, "%s answers %s with error %d: %s", place(c.url), c.name, answer.Code, oneLine(c.redact.Text(answer.Message)))
	}
	return fault(Failed, nil, "%s does not speak MCP as it should: %s", place(c.url), oneLine(c.redact.Text(err.Error())))
}
