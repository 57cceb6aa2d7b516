package definition

import (
	"slices"
	"strings"

	"lazaret.dev/lazaret/workflows/expression"
)

// Argument is one of a call's arguments: a URI template, a duration, or a value. A
// value may read $secrets, which only an activity knows (see
// expression.EvaluateSealed).
type Argument struct {
	Name   string
	URI    *URITemplate
	Length *Duration
	Value  *expression.Template // nil: one of the others
}

// callBody builds a call of what this version can call.
func (c *checker) callBody(t cursor, v vars) Body {
	with := t.get("with")
	a := &arguments{checker: c, scope: v.callScope()}
	protocol := t.get("call").str()
	switch protocol {
	case "http":
		a.http(with)
	case "openapi":
		a.openAPI(with)
	case "grpc":
		a.grpc(with)
	case "mcp":
		a.mcp(with)
	case "a2a":
		a.a2a(with)
	case "asyncapi":
		a.asyncAPI(with)
	default:
		c.refuseKind(t, "call")
		return nil
	}
	return &Call{Protocol: protocol, With: a.all, Subscription: c.subscription(with.get("subscription"), v)}
}

func (a *arguments) openAPI(with cursor) {
	a.resource("document", with.get("document"))
	a.authentication("authentication", with.get("authentication"))
	a.values(with, "operationId", "parameters", "output", "redirect")
}

func (a *arguments) http(with cursor) {
	a.checkMethod(with.get("method"))
	a.checkHeaders(with.get("headers"))
	a.endpoint("uri", "authentication", with.get("endpoint"), webSchemes)
	a.values(with, "method", "headers", "query", "body", "output", "redirect")
}

// arguments gathers what a call is given.
type arguments struct {
	*checker
	scope expression.Scope
	all   []Argument
}

// values takes properties under their own names.
func (a *arguments) values(of cursor, names ...string) {
	for _, name := range names {
		a.value(name, of.get(name))
	}
}

func (a *arguments) value(name string, cur cursor) {
	if value := a.secretTemplate(cur, a.scope); value != nil {
		a.all = append(a.all, Argument{Name: name, Value: value})
	}
}

// length takes a duration.
func (a *arguments) length(name string, cur cursor) {
	if cur.exists() {
		length := a.duration(cur, a.scope)
		a.all = append(a.all, Argument{Name: name, Length: &length})
	}
}

// schemes are those that a URI which is written out may begin with.
type schemes []string

var (
	webSchemes      = schemes{"https://", "http://"}
	resourceSchemes = schemes{"https://", "http://", "file://"} // of a resource: a service's description
)

// endpoint takes a URI, with or without an authentication.
func (a *arguments) endpoint(uriName, authenticationName string, endpoint cursor, known schemes) {
	if endpoint.is(objectNode) {
		a.authentication(authenticationName, endpoint.get("authentication"))
		endpoint = endpoint.get("uri")
	}
	if !endpoint.is(stringNode) {
		return
	}
	if strings.HasPrefix(strings.TrimSpace(endpoint.str()), "${") {
		if value := a.strictTemplate(endpoint, a.scope); value != nil {
			a.all = append(a.all, Argument{Name: uriName, Value: value})
		}
		return
	}
	if template := a.uriTemplate(endpoint, known); template != nil {
		a.all = append(a.all, Argument{Name: uriName, URI: template})
	}
}

// resource takes where a document is to be had.
func (a *arguments) resource(name string, resource cursor) {
	a.endpoint(name, name+"Authentication", resource.get("endpoint"), resourceSchemes)
}

func (a *arguments) authentication(name string, cur cursor) {
	if value := a.authenticationPolicy(cur, a.scope); value != nil {
		a.all = append(a.all, Argument{Name: name, Value: value})
	}
}

// uriTemplate builds a URI that is written out.
func (c *checker) uriTemplate(cur cursor, known schemes) *URITemplate {
	text := cur.str()
	template, offset, reason := parseURITemplate(text)
	if reason != "" {
		cur.at = c.source.locate(cur.node, offset)
		c.report(cur, "call.uri", "URI template: %s", reason)
		return nil
	}
	lower := strings.ToLower(text)
	if strings.HasPrefix(text, "{") || slices.ContainsFunc(known, func(scheme string) bool { return strings.HasPrefix(lower, scheme) }) {
		return template
	}
	c.reportHint(cur, "call.uri", "begin it with https://", "URI %q is none of HTTP", preview(text))
	return nil
}

// checkMethod says of a method that is written out what the worker would.
func (c *checker) checkMethod(method cursor) {
	text := method.str()
	if method.is(stringNode) && !strings.HasPrefix(strings.TrimSpace(text), "${") && (!isToken(text) || strings.EqualFold(text, "CONNECT")) {
		c.report(method, "call.method", "method %q is none that a call can have", preview(text))
	}
}

// ownHeaders are the headers that the worker sets itself: what they say decides
// where a request ends or who reads it.
var ownHeaders = []string{"connection", "content-length", "expect", "host", "keep-alive", "proxy-authorization", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"}

func (c *checker) checkHeaders(headers cursor) {
	for i := range headers.members() {
		m := &headers.node.members[i]
		switch {
		case !isToken(m.key):
			c.report(headers.member(m), "call.header", "header %q: a name is of letters, digits and %s", preview(m.key), tokenMarks)
		case contains(ownHeaders, strings.ToLower(m.key)):
			c.report(headers.member(m), "call.header", "header %q is set by the worker itself", preview(m.key))
		}
	}
}

const tokenMarks = "!#$%&'*+-.^_`|~" //nolint:gosec // tokens of a grammar

// isLetterOrDigit says whether the character is one of ASCII's.
func isLetterOrDigit(c rune) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

// isToken says whether text is a token of RFC 9110.
func isToken(text string) bool {
	for i := range len(text) {
		c := text[i]
		if !isLetterOrDigit(rune(c)) && strings.IndexByte(tokenMarks, c) < 0 {
			return false
		}
	}
	return text != ""
}
