package calls

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/activities/calls/callstest"
	"lazaret.dev/lazaret/activities/secrets"
)

func toolCall(name string, arguments map[string]any) Arguments {
	parameters := map[string]any{"name": name}
	if arguments != nil {
		parameters["arguments"] = arguments
	}
	return Arguments{"uri": "https://api.example.com/mcp", "method": "tools/call", "parameters": parameters}
}

func TestMCP_Answers(t *testing.T) {
	client := startOutside(t, callstest.ToolServer().ServeHTTP).client(t)
	call := func(method string, parameters map[string]any) Arguments {
		a := Arguments{"uri": "https://api.example.com/mcp", "method": method}
		if parameters != nil {
			a["parameters"] = parameters
		}
		return a
	}
	for _, test := range []struct {
		name string
		call Arguments
		want func(t *testing.T, output map[string]any)
	}{
		{"tools/list", call("tools/list", nil), func(t *testing.T, output map[string]any) {
			t.Helper()
			assert.Len(t, output["tools"], 7)
		}},
		{"tools/call", toolCall("add", map[string]any{"a": 2, "b": 3}), func(t *testing.T, output map[string]any) {
			t.Helper()
			assert.Equal(t, map[string]any{"sum": "5"}, texts(output["structuredContent"]))
		}},
		{"prompts/list", call("prompts/list", nil), func(t *testing.T, output map[string]any) {
			t.Helper()
			assert.Len(t, output["prompts"], 1)
		}},
		{"prompts/get", call("prompts/get", map[string]any{"name": "greeting", "arguments": map[string]any{"name": "Ada"}}), func(t *testing.T, output map[string]any) {
			t.Helper()
			assert.Equal(t, []any{map[string]any{"role": "user", "content": map[string]any{"type": "text", "text": "Greet Ada"}}}, output["messages"])
		}},
		{"resources/list", call("resources/list", nil), func(t *testing.T, output map[string]any) {
			t.Helper()
			assert.Len(t, output["resources"], 1)
		}},
		{"resources/read", call("resources/read", map[string]any{"uri": "memo://today"}), func(t *testing.T, output map[string]any) {
			t.Helper()
			assert.Equal(t, []any{map[string]any{"uri": "memo://today", "mimeType": "text/plain", "text": "milk"}}, output["contents"])
		}},
		{"resources/templates/list", call("resources/templates/list", nil), func(t *testing.T, output map[string]any) {
			t.Helper()
			assert.Len(t, output["resourceTemplates"], 1)
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, version := range []any{nil, "2024-11-05", "2025-06-18", "2025-11-25", "2026-07-28"} {
				test.call["protocolVersion"] = version
				result, err := client.MCP(context.Background(), test.call, &secrets.Redactor{}, false)
				require.NoError(t, err, version)
				output, ok := result.Output.(map[string]any)
				require.True(t, ok)
				test.want(t, output)
			}
		})
	}
}

// TestMCP_ResultsAsTheyCome: nothing is added to what a server says of its lists.
func TestMCP_ResultsAsTheyCome(t *testing.T) {
	for result, want := range map[string]map[string]any{
		`{"tools": []}`: {"tools": []any{}},
		`{"tools": [], "ttlMs": 0, "cacheScope": "public"}`: {"tools": []any{}, "ttlMs": json.Number("0"), "cacheScope": "public"},
	} {
		o := startOutside(t, func(w http.ResponseWriter, r *http.Request) {
			var request struct {
				ID     json.RawMessage `json:"id"`
				Method string          `json:"method"`
			}
			_ = json.NewDecoder(r.Body).Decode(&request)
			if request.ID == nil {
				w.WriteHeader(http.StatusAccepted)
				return
			}
			answer := result
			if request.Method == "initialize" {
				answer = `{"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}, "serverInfo": {"name": "hand", "version": "1"}}`
			}
			w.Header().Set("Content-Type", jsonType)
			_, _ = fmt.Fprintf(w, `{"jsonrpc": "2.0", "id": %s, "result": %s}`, request.ID, answer)
		})
		made, err := o.client(t).MCP(context.Background(), Arguments{"uri": "https://api.example.com/mcp", "method": "tools/list"}, &secrets.Redactor{}, false)
		require.NoError(t, err)
		assert.Equal(t, want, made.Output)
	}
}

func TestMCP_CarriesHeadersAndCredentials(t *testing.T) {
	o := startOutside(t, callstest.ToolServer().ServeHTTP)
	call := toolCall("whoami", nil)
	call["headers"] = map[string]any{"X-Key": "k1"}
	call["authentication"] = map[string]any{"bearer": map[string]any{"token": "secret-token"}}
	call["clientName"], call["clientVersion"] = "tester", "3"
	result, err := o.client(t).MCP(context.Background(), call, &secrets.Redactor{}, false)
	require.NoError(t, err)
	output, ok := result.Output.(map[string]any)
	require.True(t, ok)
	assert.Equal(t, []any{map[string]any{"type": "text", "text": "Bearer *****|k1"}}, output["content"])
	for _, r := range o.requests() {
		assert.Equal(t, "Bearer secret-token", r.Header.Get("Authorization"), r.Method)
	}
	first := o.requests()[0]
	assert.Contains(t, first.Body, `"initialize"`)
	assert.Contains(t, first.Body, `"protocolVersion":"2025-06-18"`)
	assert.Contains(t, first.Body, `"clientInfo":{"name":"tester","version":"3"}`)
	assert.Contains(t, first.Body, `"capabilities":{}`)
}

func TestMCP_Refusals(t *testing.T) {
	tools := callstest.ToolServer()
	o := startOutside(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/mcp":
			tools.ServeHTTP(w, r)
		case "/page":
			_, _ = w.Write([]byte("<html>hello</html>"))
		case "/garbage":
			w.Header().Set("Content-Type", jsonType)
			_, _ = w.Write([]byte(`{"jsonrpc": "2.0", "id": 1, "result": 7}`))
		case "/half":
			w.Header().Set("Content-Type", eventStream)
			_, _ = w.Write([]byte("data: {\"jsonrpc\""))
		case "/endless":
			w.Header().Set("Content-Type", eventStream)
			for range 80 {
				if _, err := w.Write([]byte("data: " + strings.Repeat("x", 100_000) + "\n")); err != nil {
					return
				}
			}
		case "/elsewhere":
			http.Redirect(w, r, "https://other.example.com/mcp", http.StatusTemporaryRedirect)
		case "/zipped":
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write([]byte("x"))
		default:
			http.Error(w, "no", http.StatusForbidden)
		}
	})
	client := o.client(t)
	for _, test := range []struct {
		name   string
		change map[string]any
		kind   Kind
		status int
		want   string
	}{
		{"tool that fails", map[string]any{"parameters": map[string]any{"name": "fail"}}, Erred, 0, "https://api.example.com/mcp: the tool's result is an error: the disk is full"},
		{"unknown tool", map[string]any{"parameters": map[string]any{"name": "subtract"}}, Erred, 0, `answers tools/call with error -32602: unknown tool "subtract"`},
		{"unknown resource", map[string]any{"method": "resources/read", "parameters": map[string]any{"uri": "memo://tomorrow"}}, Erred, 0, "answers resources/read with error"},
		{"unknown method", map[string]any{"method": "tools/delete"}, Invalid, 0, `method "tools/delete" is none of MCP's that can be called`},
		{"unknown parameter", map[string]any{"parameters": map[string]any{"name": "add", "argument": 1}}, Invalid, 0, `parameters: unknown field "argument"`},
		{"unknown version", map[string]any{"protocolVersion": "1999-01-01"}, Invalid, 0, `protocolVersion "1999-01-01" is unknown; there are "2024-11-05"`},
		{"too long", map[string]any{"parameters": map[string]any{"name": "large"}}, Failed, 0, "limit"},
		{"timeout", map[string]any{"parameters": map[string]any{"name": "sleep"}, "timeout": 500}, TooSlow, 0, "the call took longer than 500ms, its timeout"},
		{"status", map[string]any{"uri": "https://api.example.com/none"}, Failed, 403, "https://api.example.com/none answers with status 403 Forbidden"},
		{"page", map[string]any{"uri": "https://api.example.com/page"}, Failed, 0, "does not speak MCP as it should"},
		{"garbage", map[string]any{"uri": "https://api.example.com/garbage"}, Failed, 0, "does not speak MCP as it should"},
		{"half an event", map[string]any{"uri": "https://api.example.com/half"}, Failed, 0, "does not speak MCP as it should"},
		{"endless", map[string]any{"uri": "https://api.example.com/endless"}, Failed, 0, ""},
		{"redirect", map[string]any{"uri": "https://api.example.com/elsewhere"}, Failed, 307, "answers with status 307"},
		{"compressed", map[string]any{"uri": "https://api.example.com/zipped"}, Failed, 0, "is compressed"},
		{"unlisted host", map[string]any{"uri": "https://api.example.net/mcp"}, Denied, 0, "--call-host api.example.net"},
		{"own header", map[string]any{"headers": map[string]any{"Host": "x"}}, Invalid, 0, `header "Host" is set by the worker itself`},
	} {
		t.Run(test.name, func(t *testing.T) {
			call := toolCall("add", nil)
			maps.Copy(call, test.change)
			ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
			defer cancel()
			_, err := client.MCP(ctx, call, &secrets.Redactor{}, false)
			f := faultOf(t, err)
			assert.Equal(t, test.kind, f.Kind, f)
			assert.Equal(t, test.status, f.Status)
			assert.Contains(t, f.Error(), test.want)
		})
	}
	for _, r := range o.requests() {
		assert.NotEqual(t, "other.example.com", r.Host, "a redirect was followed")
	}
}

func TestMCP_EndsWithItsCaller(t *testing.T) {
	client := startOutside(t, callstest.ToolServer().ServeHTTP).client(t)
	ctx, cancel := context.WithCancel(context.Background())
	time.AfterFunc(300*time.Millisecond, cancel)
	_, err := client.MCP(ctx, toolCall("sleep", nil), &secrets.Redactor{}, false)
	require.ErrorIs(t, err, context.Canceled)
}
