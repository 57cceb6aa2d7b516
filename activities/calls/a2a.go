package calls

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"mime"
	"net/http"
	"net/url"

	"lazaret.dev/lazaret/activities/secrets"
	"lazaret.dev/lazaret/workflows/expression"
)

// A2A calls one method of an agent by the Agent2Agent protocol, JSON-RPC over
// HTTP. Its arguments are those of contract.Call; the rest is as of HTTP. A method
// that streams gives the array of what it streamed.
func (c *Client) A2A(ctx context.Context, arguments Arguments, redact *secrets.Redactor, secret bool) (Result, error) {
	s := &session{Client: c, redact: redact, secret: secret}
	return s.bounded(ctx, func(ctx context.Context) (Result, error) {
		call, err := s.a2aCall(ctx, arguments)
		if err != nil {
			return Result{}, err
		}
		return call.make(ctx)
	})
}

// a2aCall is one call of a method.
type a2aCall struct {
	*session
	request *request
	method  string
	id      string // of the request
}

// a2aStreams are the methods that answer with a stream of events.
var a2aStreams = map[string]bool{"message/stream": true, "tasks/resubscribe": true}

func (s *session) a2aCall(ctx context.Context, a Arguments) (*a2aCall, error) {
	c := &a2aCall{session: s, id: nonce()}
	var err error
	if c.method, err = a.text("method", true); err != nil {
		return nil, err
	}
	parameters, err := a.object("parameters")
	if err != nil {
		return nil, err
	}
	if parameters, err = a2aParameters(c.method, parameters); err != nil {
		return nil, err
	}
	call := map[string]any{"jsonrpc": "2.0", "id": c.id, "method": c.method}
	if parameters != nil {
		call["params"] = parameters
	}
	c.request = &request{method: http.MethodPost, contentType: jsonType}
	if c.request.body, err = expression.Encode(call); err != nil {
		return nil, fault(Invalid, err, "parameters")
	}
	accept := jsonType
	if a2aStreams[c.method] {
		accept = "text/event-stream, " + jsonType
	}
	c.request.headers = []pair{{"Accept", accept}}
	c.request.url, c.request.authentication, err = s.agent(ctx, a)
	return c, err
}

// a2aParameters are the method's, with what the DSL says of a message that leaves
// it out.
func a2aParameters(method string, given map[string]any) (map[string]any, error) {
	if method != "message/send" && method != "message/stream" {
		return given, nil
	}
	message, ok := given["message"].(map[string]any)
	if !ok {
		return nil, fault(Invalid, nil, "parameters.message must be an object, the message of %s", method)
	}
	defaults := map[string]any{"kind": "message", "messageId": nonce(), "role": "user"}
	maps.Copy(defaults, message)
	filled := maps.Clone(given)
	filled["message"] = defaults
	return filled, nil
}

// agent is where the agent is and what shows it who calls: as server says, or the
// agent's own card. A card's credentials go to the card's own host alone.
func (s *session) agent(ctx context.Context, a Arguments) (*url.URL, map[string]any, error) {
	server, err := a.text("server", false)
	if err != nil {
		return nil, nil, err
	}
	if server != "" {
		policy, err := a.object("serverAuthentication")
		if err != nil {
			return nil, nil, err
		}
		u, err := s.target(server)
		return u, policy, err
	}
	content, from, err := s.document(ctx, a, "agentCard")
	if err != nil {
		return nil, nil, err
	}
	u, err := s.cardURL(content, from)
	if err != nil {
		return nil, nil, err
	}
	policy, err := a.object("agentCardAuthentication")
	if err != nil || u.Scheme != from.Scheme || u.Host != from.Host {
		policy = nil
	}
	return u, policy, err
}

// agentCard is what we read of a card: versions 0.2 and 0.3 name a URL with its
// transport, 1.0 a list of interfaces.
type agentCard struct {
	URL        string `json:"url"`
	Preferred  string `json:"preferredTransport"`
	Additional []struct {
		URL       string `json:"url"`
		Transport string `json:"transport"`
	} `json:"additionalInterfaces"`
	Supported []struct {
		URL     string `json:"url"`
		Binding string `json:"protocolBinding"`
	} `json:"supportedInterfaces"`
}

// jsonRPC is the transport that we speak, as cards call it.
const jsonRPC = "JSONRPC"

func (s *session) cardURL(content []byte, from *url.URL) (*url.URL, error) {
	var card agentCard
	if err := json.Unmarshal(content, &card); err != nil {
		return nil, fault(Failed, nil, "%s is no agent card that can be read", place(from))
	}
	text := ""
	if card.Preferred == "" || card.Preferred == jsonRPC {
		text = card.URL
	}
	for _, other := range card.Additional {
		if text == "" && other.Transport == jsonRPC {
			text = other.URL
		}
	}
	for _, other := range card.Supported {
		if text == "" && other.Binding == jsonRPC {
			text = other.URL
		}
	}
	if text == "" {
		return nil, fault(Failed, nil, "%s names no URL where the agent speaks %s; lazaret speaks no other transport", place(from), jsonRPC)
	}
	u, err := from.Parse(text)
	if err != nil {
		return nil, fault(Failed, nil, "%s names %s, which is no URL", place(from), quoted(text))
	}
	return s.target(u.String())
}

// make calls and takes the answer.
func (c *a2aCall) make(ctx context.Context) (Result, error) {
	result := Result{Host: authority(c.request.url), Method: c.method}
	response, err := c.ask(ctx, c.request)
	if err != nil {
		return result, err
	}
	defer func() { _ = response.Body.Close() }()
	result.Status = response.StatusCode
	result.Output, err = c.answer(response)
	return result, err
}

func (c *a2aCall) answer(response *http.Response) (any, error) {
	media, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type"))
	if response.StatusCode == http.StatusOK && media == eventStream && a2aStreams[c.method] {
		return c.stream(response)
	}
	content, err := c.read(c.request, response)
	if err != nil {
		return nil, err
	}
	if !isJSON(media) || response.StatusCode != http.StatusOK && !isAnswer(content) {
		if response.StatusCode == http.StatusOK {
			return nil, fault(Failed, nil, "%s answers with %s, which is no JSON-RPC", place(c.request.url), quoted(media))
		}
		return nil, c.refusal(c.request, response, content)
	}
	output, err := c.result(content)
	if err == nil && a2aStreams[c.method] {
		output = []any{output}
	}
	return output, err
}

// isAnswer tells an answer of JSON-RPC, which may come with any status.
func isAnswer(content []byte) bool {
	var answer struct {
		Version string `json:"jsonrpc"`
	}
	return json.Unmarshal(content, &answer) == nil && answer.Version == "2.0"
}

// stream takes the results that come as events until there are no more.
func (c *a2aCall) stream(response *http.Response) (any, error) {
	results := []any{}
	events := &eventReader{from: &limitedReader{from: response.Body, left: MaxBody}, limit: MaxBody}
	for {
		data, err := events.next()
		if err != nil {
			return nil, fault(Failed, err, "%s broke off after %d results", place(c.request.url), len(results))
		}
		if data == nil {
			return results, nil
		}
		result, err := c.result(data)
		if err != nil {
			return nil, err
		}
		if results = append(results, result); len(results) > maxMessages {
			return nil, fault(Failed, nil, "%s streams more than %d results, the limit", place(c.request.url), maxMessages)
		}
	}
}

// result is what an answer of JSON-RPC holds, or the error that it is.
func (c *a2aCall) result(content []byte) (any, error) {
	value, err := expression.Decode(content)
	answer, isObject := value.(map[string]any)
	if err != nil || !isObject || answer["jsonrpc"] != "2.0" {
		return nil, fault(Failed, nil, "%s answers with what is no JSON-RPC", place(c.request.url))
	}
	if id, ok := answer["id"]; ok && id != nil && id != c.id {
		return nil, fault(Failed, nil, "%s answers another request", place(c.request.url))
	}
	if broken, ok := answer["error"].(map[string]any); ok {
		text, _ := broken["message"].(string)
		return nil, fault(Erred, nil, "%s answers %s with error %s: %s", place(c.request.url), c.method,
			oneLine(fmt.Sprint(broken["code"])), oneLine(c.redact.Text(text)))
	}
	result, ok := answer["result"]
	if !ok {
		return nil, fault(Failed, nil, "%s answers with neither a result nor an error", place(c.request.url))
	}
	return c.redact.Value(result), nil
}
