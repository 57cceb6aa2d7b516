package calls

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi2"
	"github.com/getkin/kin-openapi/openapi2conv"
	"github.com/getkin/kin-openapi/openapi3"
	"go.yaml.in/yaml/v3"

	"lazaret.dev/lazaret/activities/secrets"
)

// OpenAPI calls one operation of an OpenAPI document (Swagger 2.0, OpenAPI 3.x).
// Its arguments are those of contract.Call; the rest is as of HTTP.
func (c *Client) OpenAPI(ctx context.Context, arguments Arguments, redact *secrets.Redactor, secret bool) (Result, error) {
	s := &session{Client: c, redact: redact, secret: secret}
	return s.bounded(ctx, func(ctx context.Context) (Result, error) {
		request, err := s.openAPIRequest(ctx, arguments)
		if err != nil {
			return Result{}, err
		}
		return s.call(ctx, request)
	})
}

func (s *session) openAPIRequest(ctx context.Context, a Arguments) (*request, error) {
	id, err := a.text("operationId", true)
	if err != nil {
		return nil, err
	}
	values, err := a.object("parameters")
	if err != nil {
		return nil, err
	}
	content, from, err := s.document(ctx, a, "document")
	if err != nil {
		return nil, err
	}
	document, err := readOpenAPI(content, from)
	if err != nil {
		return nil, err
	}
	o, err := findOperation(document, id)
	if err != nil {
		return nil, err
	}
	r := &request{method: o.method}
	if err := r.answer(a); err != nil {
		return nil, err
	}
	if r.authentication, err = a.object("authentication"); err != nil {
		return nil, err
	}
	server, err := o.server(from)
	if err != nil {
		return nil, err
	}
	if err := s.fill(r, o, server, values); err != nil {
		return nil, err
	}
	return r, r.check()
}

// fill puts the parameters in their places.
func (s *session) fill(r *request, o *operation, server string, values map[string]any) error {
	p := &placement{operation: o, rest: maps.Clone(values)}
	if err := p.place(); err != nil {
		return err
	}
	var err error
	if r.url, err = s.target(strings.TrimSuffix(server, "/") + p.path); err != nil {
		return err
	}
	r.addQuery(p.query)
	r.headers = p.headers
	if r.body, err = p.body(); err != nil {
		return err
	}
	if p.contentType != "" {
		r.headers = append(r.headers, pair{"Content-Type", p.contentType})
	}
	if accept := o.accepts(); accept != "" && r.header("Accept") == "" {
		r.headers = append(r.headers, pair{"Accept", accept})
	}
	return nil
}

// readOpenAPI reads a document of either major version. It refers to nothing
// outside of itself: such references are refused, not followed.
func readOpenAPI(content []byte, from *url.URL) (document *openapi3.T, err error) {
	defer func() { // it is data of others, read by code of others
		if broken := recover(); broken != nil {
			document, err = nil, fault(Failed, nil, "%s is no OpenAPI document that can be read", place(from))
		}
	}()
	text, major, err := openAPIText(content)
	if err != nil {
		return nil, fault(Failed, nil, "%s is no OpenAPI document: %s", place(from), oneLine(err.Error()))
	}
	loader := &openapi3.Loader{IsExternalRefsAllowed: false}
	switch major {
	case "2":
		old := &openapi2.T{}
		if err = json.Unmarshal(text, old); err == nil {
			document, err = openapi2conv.ToV3WithLoader(old, loader, nil)
		}
	default:
		document, err = loader.LoadFromData(text)
	}
	if err != nil {
		return nil, fault(Failed, nil, "%s is no OpenAPI document that can be read: %s", place(from), oneLine(err.Error()))
	}
	return document, nil
}

var errVersion = errors.New(`neither "swagger: 2.0" nor "openapi: 3.…"`)

// openAPIText is the document as JSON, and its major version.
func openAPIText(content []byte) (text []byte, major string, err error) {
	var whole map[string]any
	if json.Unmarshal(content, &whole) != nil {
		if err := yaml.Unmarshal(content, &whole); err != nil {
			return nil, "", err
		}
		if content, err = json.Marshal(whole); err != nil {
			return nil, "", err
		}
	}
	switch {
	case fmt.Sprint(whole["swagger"]) == "2.0", fmt.Sprint(whole["swagger"]) == "2":
		return content, "2", nil
	case strings.HasPrefix(fmt.Sprint(whole["openapi"]), "3."):
		return content, "3", nil
	}
	return nil, "", errVersion
}

// operation is one operation of a document, with what it takes from around it.
type operation struct {
	*openapi3.Operation
	method, path string
	parameters   []*openapi3.Parameter
	servers      openapi3.Servers
}

func findOperation(document *openapi3.T, id string) (*operation, error) {
	var known []string
	if document.Paths != nil {
		paths := document.Paths.Map()
		for _, path := range slices.Sorted(maps.Keys(paths)) {
			item := paths[path]
			if item == nil {
				continue
			}
			operations := item.Operations()
			for _, method := range slices.Sorted(maps.Keys(operations)) {
				if o := operations[method]; o.OperationID == id {
					return newOperation(document, item, o, method, path), nil
				} else if o.OperationID != "" {
					known = append(known, o.OperationID)
				}
			}
		}
	}
	return nil, fault(Invalid, nil, "the document has no operation %s; it has %s", quoted(id), listed(known))
}

// listed names some of many, of a document of others.
func listed(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	slices.Sort(names)
	more := ""
	if len(names) > 20 {
		names, more = names[:20], " and others"
	}
	shown := make([]string, len(names))
	for i, name := range names {
		shown[i] = quoted(name)
	}
	return strings.Join(shown, ", ") + more
}

func newOperation(document *openapi3.T, item *openapi3.PathItem, found *openapi3.Operation, method, path string) *operation {
	o := &operation{Operation: found, method: method, path: path, servers: document.Servers}
	if len(item.Servers) > 0 {
		o.servers = item.Servers
	}
	if found.Servers != nil && len(*found.Servers) > 0 {
		o.servers = *found.Servers
	}
	own := map[string]bool{}
	for _, list := range []openapi3.Parameters{found.Parameters, item.Parameters} {
		for _, ref := range list {
			if ref == nil || ref.Value == nil {
				continue
			}
			if key := ref.Value.In + " " + ref.Value.Name; !own[key] {
				own[key] = true
				o.parameters = append(o.parameters, ref.Value)
			}
		}
	}
	return o
}

// server is the URL that the operation's path goes after: the first of HTTPS, or
// the first. What is relative is so to the document.
func (o *operation) server(from *url.URL) (string, error) {
	first := ""
	for _, server := range o.servers {
		if server == nil {
			continue
		}
		text := server.URL
		for name, variable := range server.Variables {
			if variable != nil {
				text = strings.ReplaceAll(text, "{"+name+"}", variable.Default)
			}
		}
		u, err := from.Parse(text)
		if err != nil || u.RawQuery != "" || u.Fragment != "" {
			return "", fault(Failed, nil, "server %s of the document is no URL to go on from", quoted(text))
		}
		if u.Scheme == "https" {
			return u.String(), nil
		}
		if first == "" {
			first = u.String()
		}
	}
	if first == "" {
		root := &url.URL{Scheme: from.Scheme, Host: from.Host}
		first = root.String()
	}
	return first, nil
}

// accepts are the types in which the operation answers, JSON first.
func (o *operation) accepts() string {
	var types []string
	if o.Responses != nil {
		for status, response := range o.Responses.Map() {
			if strings.HasPrefix(status, "2") && response != nil && response.Value != nil {
				for name := range response.Value.Content {
					types = append(types, name)
				}
			}
		}
	}
	slices.SortFunc(types, func(a, b string) int {
		if isJSON(a) != isJSON(b) {
			if isJSON(a) {
				return -1
			}
			return 1
		}
		return strings.Compare(a, b)
	})
	return strings.Join(slices.Compact(types), ", ")
}
