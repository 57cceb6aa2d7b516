package calls

import (
	"context"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/activities/secrets"
)

// serveDocuments serves testdata below /docs, and nothing but true elsewhere.
func serveDocuments(w http.ResponseWriter, r *http.Request) {
	name, ok := strings.CutPrefix(r.URL.Path, "/docs/")
	if !ok {
		answerJSON(w, http.StatusOK, true)
		return
	}
	text, err := os.ReadFile("testdata/" + name)
	if err != nil {
		http.NotFound(w, r)
		return
	}
	_, _ = w.Write(text)
}

func TestOpenAPI_Requests(t *testing.T) {
	for _, test := range []struct {
		name, document, operation string
		parameters                map[string]any
		method, uri, body         string
		headers                   map[string]string
	}{
		{
			name: "swagger query", document: "petstore.json", operation: "findPetsByStatus",
			parameters: map[string]any{"status": []any{"sold", "pending"}, "limit": "5", "api_key": "k"},
			method:     "GET", uri: "/v2/pet/findByStatus?status=sold&status=pending&limit=5",
			headers: map[string]string{"Api_key": "k", "Accept": "application/json, application/xml"},
		},
		{
			name: "one for an array", document: "petstore.json", operation: "findPetsByStatus", parameters: map[string]any{"status": "sold"},
			method: "GET", uri: "/v2/pet/findByStatus?status=sold",
		},
		{name: "swagger path", document: "petstore.json", operation: "getPetById", parameters: map[string]any{"petId": 7}, method: "GET", uri: "/v2/pet/7"},
		{
			name: "swagger body", document: "petstore.json", operation: "addPet",
			parameters: map[string]any{"pet": map[string]any{"name": "Rex"}},
			method:     "POST", uri: "/v2/pet", body: `{"name":"Rex"}`, headers: map[string]string{"Content-Type": "application/json"},
		},
		{
			name: "swagger body by properties", document: "petstore.json", operation: "addPet",
			parameters: map[string]any{"id": 1, "name": "Rex"}, method: "POST", uri: "/v2/pet", body: `{"id":1,"name":"Rex"}`,
		},
		{
			name: "swagger form", document: "petstore.json", operation: "renamePet",
			parameters: map[string]any{"petId": 7, "name": "a&b"}, method: "POST", uri: "/v2/pet/7", body: "name=a%26b",
			headers: map[string]string{"Content-Type": "application/x-www-form-urlencoded"},
		},
		{
			name: "styles", document: "orders.yaml", operation: "listOrders",
			parameters: map[string]any{
				"tags": []any{"a", "b"}, "range": map[string]any{"from": 1, "to": 2}, "filter": map[string]any{"open": true},
				"session": "x y", "X-Trace": []any{"1", "2"},
			},
			method: "GET", uri: "/v3/orders?tags=a%2Cb&range%5Bfrom%5D=1&range%5Bto%5D=2&filter=%7B%22open%22%3Atrue%7D",
			headers: map[string]string{"Cookie": "session=x+y", "X-Trace": "1,2", "Accept": "application/json, text/csv"},
		},
		{
			name: "body", document: "orders.yaml", operation: "createOrder", parameters: map[string]any{"body": map[string]any{"item": "nail", "count": 3}},
			method: "POST", uri: "/v3/orders", body: `{"count":3,"item":"nail"}`,
		},
		{
			name: "relative server, text, escaping", document: "orders.yaml", operation: "note", parameters: map[string]any{"id": "a/b {c}?", "body": "hello"},
			method: "PUT", uri: "/relative/orders/a%2Fb%20%7Bc%7D%3F/notes", body: "hello", headers: map[string]string{"Content-Type": "text/plain"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			o := startOutside(t, serveDocuments)
			result, err := o.client(t).OpenAPI(context.Background(), Arguments{
				"document": "https://api.example.com/docs/" + test.document, "operationId": test.operation, "parameters": test.parameters,
			}, &secrets.Redactor{}, false)
			require.NoError(t, err)
			assert.Equal(t, true, result.Output)
			require.Len(t, o.requests(), 2)
			got := o.requests()[1]
			assert.Equal(t, []string{test.method, test.uri, test.body, "api.example.com"}, []string{got.Method, got.URI, got.Body, got.Host})
			for name, value := range test.headers {
				assert.Equal(t, value, got.Header.Get(name), name)
			}
		})
	}
}

func TestOpenAPI_BadRequests(t *testing.T) {
	for _, test := range []struct {
		name, document, operation string
		parameters                map[string]any
		kind                      Kind
		want                      string
	}{
		{"unknown operation", "petstore.json", "findPets", nil, Invalid, `no operation "findPets"; it has "addPet", "findPetsByStatus"`},
		{"missing", "petstore.json", "findPetsByStatus", nil, Invalid, `parameter "status" of operation "findPetsByStatus" is missing`},
		{"enum", "petstore.json", "findPetsByStatus", map[string]any{"status": []any{"lost"}}, Invalid, `parameter "status" of operation "findPetsByStatus": value is not one of the allowed values`},
		{"one of an array", "petstore.json", "findPetsByStatus", map[string]any{"status": "lost"}, Invalid, `parameter "status" of operation "findPetsByStatus": value is not one of the allowed values`},
		{"maximum", "petstore.json", "findPetsByStatus", map[string]any{"status": []any{"sold"}, "limit": 101}, Invalid, `number must be at most 100`},
		{"type", "petstore.json", "getPetById", map[string]any{"petId": "seven"}, Invalid, `parameter "petId" of operation "getPetById": value must be an integer`},
		{"unknown", "petstore.json", "getPetById", map[string]any{"petId": 7, "pet": 1}, Invalid, `operation "getPetById" has no parameter "pet"; it has "petId"`},
		{"body", "petstore.json", "addPet", map[string]any{"pet": map[string]any{"id": 1}}, Invalid, `body of operation "addPet": property "name" is missing at /name`},
		{"no body", "orders.yaml", "createOrder", nil, Invalid, `operation "createOrder" needs a body`},
		{"upwards", "orders.yaml", "note", map[string]any{"id": ".."}, Invalid, `".." is no part of a path`},
		{"3.1 schema", "orders.yaml", "unnote", map[string]any{"id": "7"}, Invalid, `parameter "id" of operation "unnote"`},
		{"no document", "nowhere.json", "x", nil, Failed, `answers with status 404`},
	} {
		t.Run(test.name, func(t *testing.T) {
			o := startOutside(t, serveDocuments)
			_, err := o.client(t).OpenAPI(context.Background(), Arguments{
				"document": "https://api.example.com/docs/" + test.document, "operationId": test.operation, "parameters": test.parameters,
			}, &secrets.Redactor{}, false)
			f := faultOf(t, err)
			assert.Equal(t, test.kind, f.Kind)
			assert.Contains(t, f.Error(), test.want)
			assert.Len(t, o.requests(), 1, "only the document is asked for")
		})
	}
}

// TestOpenAPI_BadDocuments: what a document says leads nowhere that the operator
// has not permitted, and is never more than an error.
func TestOpenAPI_BadDocuments(t *testing.T) {
	const head = `{"openapi": "3.0.0", "info": {"title": "", "version": ""}, `
	for _, test := range []struct {
		name, document string
		kind           Kind
		want           string
	}{
		{"empty", ``, Failed, "is no OpenAPI document"},
		{"html", `<html>`, Failed, "is no OpenAPI document"},
		{"other", `{"asyncapi": "3.0.0"}`, Failed, `neither "swagger: 2.0" nor "openapi: 3.…"`},
		{"ref to a file", head + `"paths": {"/": {"$ref": "/etc/passwd"}}}`, Failed, "external reference"},
		{"ref to a host", head + `"paths": {"/": {"get": {"operationId": "x", "parameters": [{"$ref": "http://169.254.169.254/p.json"}]}}}}`, Failed, "external reference"},
		{"ref to nothing", head + `"paths": {"/": {"get": {"operationId": "x", "parameters": [{"$ref": "#/components/parameters/p"}]}}}}`, Failed, "is no OpenAPI document that can be read"},
		{"another host", head + `"servers": [{"url": "https://elsewhere.example.net"}], "paths": {"/": {"get": {"operationId": "x"}}}}`, Denied, "elsewhere.example.net"},
		{"inside", head + `"servers": [{"url": "http://127.0.0.1:22"}], "paths": {"/": {"get": {"operationId": "x"}}}}`, Denied, "127.0.0.1"},
		{"file server", head + `"servers": [{"url": "file:///etc"}], "paths": {"/passwd": {"get": {"operationId": "x"}}}}`, Invalid, "none of HTTP"},
		{"undeclared parameter", head + `"paths": {"/{a}": {"get": {"operationId": "x"}}}}`, Failed, "names a parameter that it does not declare"},
		{"null path", head + `"paths": {"/": null}}`, Invalid, `no operation "x"; it has none`},
		{"aliases", "openapi: 3.0.0\na: &a [x, x, x, x, x, x, x, x]\nb: &b [*a, *a, *a, *a, *a, *a, *a, *a]\nc: &c [*b, *b, *b, *b, *b, *b, *b, *b]\nd: &d [*c, *c, *c, *c, *c, *c, *c, *c]\ne: &e [*d, *d, *d, *d, *d, *d, *d, *d]\nf: &f [*e, *e, *e, *e, *e, *e, *e, *e]\ng: &g [*f, *f, *f, *f, *f, *f, *f, *f]\nh: [*g, *g, *g, *g, *g, *g, *g, *g]\n", Failed, "is no OpenAPI document"},
	} {
		t.Run(test.name, func(t *testing.T) {
			o := startOutside(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(test.document)) })
			_, err := o.client(t).OpenAPI(context.Background(), Arguments{"document": "https://api.example.com/docs/d", "operationId": "x"}, &secrets.Redactor{}, false)
			f := faultOf(t, err)
			assert.Contains(t, f.Error(), test.want)
			assert.Equal(t, test.kind, f.Kind, f.Error())
			assert.Len(t, o.requests(), 1)
		})
	}
}

// FuzzReadOpenAPI: no document is more than an error.
func FuzzReadOpenAPI(f *testing.F) {
	for _, name := range []string{"petstore.json", "orders.yaml"} {
		text, err := os.ReadFile("testdata/" + name)
		require.NoError(f, err)
		f.Add(text, "note")
	}
	from := &url.URL{Scheme: "https", Host: "api.example.com", Path: "/docs"}
	f.Fuzz(func(t *testing.T, text []byte, id string) {
		document, err := readOpenAPI(text, from)
		if err != nil {
			return
		}
		o, err := findOperation(document, id)
		if err != nil {
			return
		}
		_, _ = o.server(from)
		p := &placement{operation: o, rest: map[string]any{"id": "x", "body": map[string]any{"a": 1}}}
		if p.place() == nil {
			_, _ = p.body()
		}
		_ = o.accepts()
	})
}
