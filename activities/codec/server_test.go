package codec

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/encoding/protojson"
)

const uiOrigin = "https://temporal.example.org"

type request struct {
	method, path, origin, token, namespace, host, body string
}

// serve asks a codec server behind its gate, over TCP.
func serve(t *testing.T, c *Codec, q request) (int, http.Header, string) {
	t.Helper()
	gate := &Gate{Origin: uiOrigin, Token: "open-sesame", Next: c.Handler()}
	server := httptest.NewServer(gate)
	defer server.Close()
	gate.Hosts = []string{strings.TrimPrefix(server.URL, "http://")}
	if q.method == "" {
		q.method = http.MethodPost
	}
	r, err := http.NewRequestWithContext(t.Context(), q.method, server.URL+q.path, strings.NewReader(q.body))
	require.NoError(t, err)
	for name, value := range map[string]string{"Origin": q.origin, "X-Namespace": q.namespace} {
		if value != "" {
			r.Header.Set(name, value)
		}
	}
	if q.token != "" {
		r.Header.Set("Authorization", "Bearer "+q.token)
	}
	if q.host != "" {
		r.Host = q.host
	}
	response, err := server.Client().Do(r)
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, response.Header, string(text)
}

func TestServer(t *testing.T) {
	t.Parallel()
	c := testCodec(t, testKey(t, ChaCha20Poly1305, day))
	sealed, err := at(c, converter.WorkflowSerializationContext{Namespace: "a", WorkflowID: "w"}).Encode(text(`"canary"`))
	require.NoError(t, err)
	failure, err := at(c.forFailures(), converter.WorkflowSerializationContext{Namespace: "a"}).Encode(text(`"canary"`))
	require.NoError(t, err)
	body, err := protojson.Marshal(&commonpb.Payloads{Payloads: append(append(sealed, failure...), text("plain")...)})
	require.NoError(t, err)

	status, header, answer := serve(t, c, request{path: "/decode", origin: uiOrigin, token: "open-sesame", namespace: "a", body: string(body)})
	require.Equal(t, http.StatusOK, status, answer)
	assert.Equal(t, uiOrigin, header.Get("Access-Control-Allow-Origin"))
	assert.Equal(t, "no-store", header.Get("Cache-Control"))
	var opened commonpb.Payloads
	require.NoError(t, protojson.Unmarshal([]byte(answer), &opened))
	require.Len(t, opened.GetPayloads(), 3)
	assert.Equal(t, `"canary"`, string(opened.GetPayloads()[0].GetData()))
	assert.Equal(t, `"canary"`, string(opened.GetPayloads()[1].GetData()))

	// Of another namespace it shows the reason in its place, and the rest all the same.
	_, _, answer = serve(t, c, request{path: "/decode", origin: uiOrigin, token: "open-sesame", namespace: "b", body: string(body)})
	require.NoError(t, protojson.Unmarshal([]byte(answer), &opened))
	assert.Contains(t, string(opened.GetPayloads()[0].GetData()), "it belongs elsewhere")
	assert.Equal(t, "plain", string(opened.GetPayloads()[2].GetData()))

	// What the UI sends into an execution is sealed for its namespace.
	plain, err := protojson.Marshal(&commonpb.Payloads{Payloads: text(`"from the UI"`)})
	require.NoError(t, err)
	_, _, answer = serve(t, c, request{path: "/encode", origin: uiOrigin, token: "open-sesame", namespace: "a", body: string(plain)})
	require.NoError(t, protojson.Unmarshal([]byte(answer), &opened))
	back, err := at(c, converter.WorkflowSerializationContext{Namespace: "a", WorkflowID: "any"}).Decode(opened.GetPayloads())
	require.NoError(t, err)
	assert.Equal(t, `"from the UI"`, string(back[0].GetData()))
	_, err = at(c, converter.WorkflowSerializationContext{Namespace: "b", WorkflowID: "any"}).Decode(opened.GetPayloads())
	require.ErrorIs(t, err, ErrMisplaced)
}

func TestServer_Refuses(t *testing.T) {
	t.Parallel()
	c := testCodec(t, testKey(t, ChaCha20Poly1305, day))
	for name, row := range map[string]struct {
		request
		want int
	}{
		"no token":          {request{path: "/decode", origin: uiOrigin, body: "{}"}, http.StatusUnauthorized},
		"wrong token":       {request{path: "/decode", origin: uiOrigin, token: "open", body: "{}"}, http.StatusUnauthorized},
		"another site":      {request{path: "/decode", origin: "https://evil.example", token: "open-sesame", body: "{}"}, http.StatusForbidden},
		"sandboxed frame":   {request{path: "/decode", origin: "null", token: "open-sesame", body: "{}"}, http.StatusForbidden},
		"its preflight":     {request{method: http.MethodOptions, path: "/decode", origin: "https://evil.example"}, http.StatusForbidden},
		"our preflight":     {request{method: http.MethodOptions, path: "/decode", origin: uiOrigin}, http.StatusNoContent},
		"rebound name":      {request{path: "/decode", token: "open-sesame", host: "evil.example:80", body: "{}"}, http.StatusMisdirectedRequest},
		"another path":      {request{path: "/keys", token: "open-sesame", body: "{}"}, http.StatusNotFound},
		"GET":               {request{method: http.MethodGet, path: "/decode", token: "open-sesame"}, http.StatusMethodNotAllowed},
		"no JSON":           {request{path: "/decode", token: "open-sesame", body: "<x>"}, http.StatusBadRequest},
		"without a browser": {request{path: "/decode", token: "open-sesame", body: "{}"}, http.StatusOK},
	} {
		status, header, _ := serve(t, c, row.request)
		assert.Equal(t, row.want, status, name)
		assert.NotEqual(t, "https://evil.example", header.Get("Access-Control-Allow-Origin"), name)
	}
}

func TestParseOrigin(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"https://temporal.example.org":   "https://temporal.example.org",
		"https://temporal.example.org/":  "https://temporal.example.org",
		"http://127.0.0.1:8233":          "http://127.0.0.1:8233",
		"http://temporal.example.org":    "",
		"https://temporal.example.org/a": "",
		"*":                              "",
		"null":                           "",
		"":                               "",
	} {
		got, err := ParseOrigin(in)
		assert.Equal(t, want, got, in)
		assert.Equal(t, want == "", err != nil, in)
	}
}
