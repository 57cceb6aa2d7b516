package calls

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/activities/calls/callstest"
	"lazaret.dev/lazaret/activities/secrets"
)

func agentCall(method string, parameters map[string]any) Arguments {
	a := Arguments{"agentCard": "https://api.example.com/agent/card.json", "method": method}
	if parameters != nil {
		a["parameters"] = parameters
	}
	return a
}

func TestA2A_Answers(t *testing.T) {
	client := startOutside(t, callstest.Agent{Base: "https://api.example.com/agent"}.ServeHTTP).client(t)
	message := map[string]any{"message": map[string]any{"parts": []any{map[string]any{"kind": "text", "text": "hi"}}}}
	heard := map[string]any{
		"kind": "task", "id": "task-1", "status": map[string]any{"state": "completed"}, "role": "user", "named": true,
		"heard": []any{map[string]any{"kind": "text", "text": "hi"}}, "authorization": "",
	}
	updates := []any{
		map[string]any{"kind": "status-update", "final": false, "status": map[string]any{"state": "working"}},
		map[string]any{"kind": "status-update", "final": true, "status": map[string]any{"state": "completed"}},
	}
	for _, test := range []struct {
		name   string
		call   Arguments
		change map[string]any
		want   any
	}{
		{"message/send", agentCall("message/send", message), nil, heard},
		{"a card of version 1", agentCall("message/send", message), map[string]any{"agentCard": "https://api.example.com/agent/card-1.json"}, heard},
		{"a server", agentCall("message/send", message), map[string]any{"server": "https://api.example.com/agent/rpc", "agentCard": nil}, heard},
		{"message/stream", agentCall("message/stream", message), nil, updates},
		{"tasks/resubscribe", agentCall("tasks/resubscribe", map[string]any{"id": "task-1"}), nil, updates},
		{"tasks/get", agentCall("tasks/get", map[string]any{"id": "task-1"}), nil, map[string]any{"kind": "task", "id": "task-1"}},
		{"tasks/list", agentCall("tasks/list", nil), nil, map[string]any{"method": "tasks/list", "params": nil}},
		{"tasks/cancel", agentCall("tasks/cancel", map[string]any{"id": "task-1"}), nil, map[string]any{"method": "tasks/cancel", "params": map[string]any{"id": "task-1"}}},
		{
			"credentials of the card's host", agentCall("message/send", message),
			map[string]any{"agentCardAuthentication": map[string]any{"bearer": map[string]any{"token": "secret-token"}}},
			map[string]any{
				"kind": "task", "id": "task-1", "status": map[string]any{"state": "completed"}, "role": "user", "named": true,
				"heard": []any{map[string]any{"kind": "text", "text": "hi"}}, "authorization": "Bearer *****",
			},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			maps.Copy(test.call, test.change)
			result, err := client.A2A(context.Background(), test.call, &secrets.Redactor{}, false)
			require.NoError(t, err)
			assert.Equal(t, test.want, result.Output)
		})
	}
}

func TestA2A_ACardsCredentialsGoNowhereElse(t *testing.T) {
	o := startOutside(t, callstest.Agent{Base: "https://other.example.com/agent"}.ServeHTTP)
	call := agentCall("tasks/get", map[string]any{"id": "task-1"})
	call["agentCardAuthentication"] = map[string]any{"bearer": map[string]any{"token": "secret-token"}}
	_, err := o.client(t).A2A(context.Background(), call, &secrets.Redactor{}, false)
	require.NoError(t, err)
	requests := o.requests()
	require.Len(t, requests, 2)
	assert.Equal(t, []string{"api.example.com", "Bearer secret-token"}, []string{requests[0].Host, requests[0].Header.Get("Authorization")})
	assert.Equal(t, []string{"other.example.com", ""}, []string{requests[1].Host, requests[1].Header.Get("Authorization")})
}

func TestA2A_Refusals(t *testing.T) {
	agent := callstest.Agent{Base: "https://api.example.com/agent"}
	client := startOutside(t, func(w http.ResponseWriter, r *http.Request) {
		answer := func(media, text string) {
			w.Header().Set("Content-Type", media)
			_, _ = w.Write([]byte(text))
		}
		switch strings.TrimPrefix(r.URL.Path, "/odd/") {
		case "page":
			answer("text/html", "<html>")
		case "another":
			answer(jsonType, `{"jsonrpc": "2.0", "id": "x", "result": 1}`)
		case "neither":
			answer(jsonType, `{"jsonrpc": "2.0"}`)
		case "scalar":
			answer(jsonType, `7`)
		case "deep":
			answer(jsonType, strings.Repeat("[", 1<<19))
		case "error-500":
			w.Header().Set("Content-Type", jsonType)
			w.WriteHeader(http.StatusInternalServerError)
			_, _ = w.Write([]byte(`{"jsonrpc": "2.0", "id": null, "error": {"code": -32603, "message": "boom"}}`))
		case "status":
			http.Error(w, "go away", http.StatusForbidden)
		case "long":
			answer(jsonType, `"`+strings.Repeat("x", MaxBody)+`"`)
		case "stream-error":
			answer(eventStream, "data: {\"jsonrpc\": \"2.0\", \"error\": {\"code\": -32004, \"message\": \"unsupported\"}}\n\n")
		case "stream-garbage":
			answer(eventStream, "data: hello\n\n")
		case "stream-long":
			answer(eventStream, "data: "+strings.Repeat("x", MaxBody+10)+"\n\n")
		case "stream-many":
			for range 3 * maxMessages {
				answer(eventStream, "data: {\"jsonrpc\":\"2.0\",\"result\":1}\n\n")
			}
		case "stream-cut":
			answer(eventStream, "data: {\"jsonrpc\":\"2.0\",\"result\":1}\n")
		default:
			agent.ServeHTTP(w, r)
		}
	}).client(t)
	for _, test := range []struct {
		name, method string
		change       map[string]any
		kind         Kind
		status       int
		want         string
	}{
		{"error", "tasks/get", map[string]any{"parameters": map[string]any{"id": "none"}}, Erred, 0, "https://api.example.com/agent/rpc answers tasks/get with error -32001: Task not found"},
		{"no message", "message/send", nil, Invalid, 0, "parameters.message must be an object"},
		{"no agent", "tasks/get", map[string]any{"agentCard": nil}, Invalid, 0, "agentCard is missing"},
		{"no card", "tasks/get", map[string]any{"agentCard": "https://api.example.com/agent/none.json"}, Failed, 404, "status 404"},
		{"a card of gRPC", "tasks/get", map[string]any{"agentCard": "https://api.example.com/agent/card-grpc.json"}, Failed, 0, "names no URL where the agent speaks JSONRPC"},
		{"a card that is none", "tasks/get", map[string]any{"agentCard": "https://api.example.com/odd/page"}, Failed, 0, "is no agent card that can be read"},
		{"unlisted host", "tasks/get", map[string]any{"server": "https://agent.example.net/"}, Denied, 0, "--call-host agent.example.net"},
		{"page", "tasks/get", map[string]any{"server": "https://api.example.com/odd/page"}, Failed, 0, `answers with "text/html", which is no JSON-RPC`},
		{"another's answer", "tasks/get", map[string]any{"server": "https://api.example.com/odd/another"}, Failed, 0, "answers another request"},
		{"neither", "tasks/get", map[string]any{"server": "https://api.example.com/odd/neither"}, Failed, 0, "neither a result nor an error"},
		{"scalar", "tasks/get", map[string]any{"server": "https://api.example.com/odd/scalar"}, Failed, 0, "what is no JSON-RPC"},
		{"deep", "tasks/get", map[string]any{"server": "https://api.example.com/odd/deep"}, Failed, 0, "what is no JSON-RPC"},
		{"error with a status", "tasks/get", map[string]any{"server": "https://api.example.com/odd/error-500"}, Erred, 0, "error -32603: boom"},
		{"status", "tasks/get", map[string]any{"server": "https://api.example.com/odd/status"}, Failed, 403, "status 403 Forbidden: go away"},
		{"long", "tasks/get", map[string]any{"server": "https://api.example.com/odd/long"}, Failed, 0, "answers with more than 1048576 bytes, the limit"},
		{"error in a stream", "tasks/resubscribe", map[string]any{"server": "https://api.example.com/odd/stream-error"}, Erred, 0, "error -32004: unsupported"},
		{"garbage in a stream", "tasks/resubscribe", map[string]any{"server": "https://api.example.com/odd/stream-garbage"}, Failed, 0, "no JSON-RPC"},
		{"long stream", "tasks/resubscribe", map[string]any{"server": "https://api.example.com/odd/stream-long"}, Failed, 0, "broke off after 0 results"},
		{"many events", "tasks/resubscribe", map[string]any{"server": "https://api.example.com/odd/stream-many"}, Failed, 0, "limit"},
	} {
		t.Run(test.name, func(t *testing.T) {
			call := agentCall(test.method, nil)
			maps.Copy(call, test.change)
			_, err := client.A2A(context.Background(), call, &secrets.Redactor{}, false)
			f := faultOf(t, err)
			assert.Equal(t, test.kind, f.Kind, f)
			assert.Equal(t, test.status, f.Status)
			assert.Contains(t, f.Error(), test.want)
		})
	}
	result, err := client.A2A(context.Background(), Arguments{"server": "https://api.example.com/odd/stream-cut", "method": "tasks/resubscribe"}, &secrets.Redactor{}, false)
	require.NoError(t, err)
	assert.Equal(t, []any{}, result.Output, "an event without its empty line is none")
}

func TestEventReader(t *testing.T) {
	for text, want := range map[string]string{
		"":                                   "",
		"data: a\n\n":                        "a|",
		"data:a\r\ndata:  b\r\n\r\n":         "a\n b|",
		"data\n\ndata:\n\n":                  "||",
		"event: x\nid: 1\n\n: c\ndata:1\n\n": "1|",
		"data: a\r\rdata: b\r\r":             "a|b|",
		"data: a":                            "",
		"data: a\n":                          "",
	} {
		reader := &eventReader{from: strings.NewReader(text), limit: 100}
		got := ""
		for {
			data, err := reader.next()
			require.NoError(t, err)
			if data == nil {
				break
			}
			got += fmt.Sprintf("%s|", data)
		}
		assert.Equal(t, want, got, "%q", text)
	}
}
