package callstest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// Agent serves the Agent2Agent protocol under a path of its own: card.json and rpc.
// Base is its URL from outside, which the card names.
type Agent struct{ Base string }

type agentRequest struct {
	ID     any            `json:"id"`
	Method string         `json:"method"`
	Params map[string]any `json:"params"`
}

// ServeHTTP serves the card of version 0.3 and, as card-1.json, one of 1.0.
func (a Agent) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	switch {
	case strings.HasSuffix(r.URL.Path, "/card.json"):
		writeJSON(w, map[string]any{"name": "echo", "url": a.Base + "/rpc", "preferredTransport": "JSONRPC"})
	case strings.HasSuffix(r.URL.Path, "/card-1.json"):
		writeJSON(w, map[string]any{"name": "echo", "supportedInterfaces": []any{
			map[string]any{"url": a.Base + "/grpc", "protocolBinding": "GRPC"}, map[string]any{"url": "rpc", "protocolBinding": "JSONRPC"},
		}})
	case strings.HasSuffix(r.URL.Path, "/card-grpc.json"):
		writeJSON(w, map[string]any{"name": "echo", "url": a.Base + "/rpc", "preferredTransport": "GRPC"})
	case strings.HasSuffix(r.URL.Path, "/rpc"):
		a.call(w, r)
	default:
		http.NotFound(w, r)
	}
}

func (a Agent) call(w http.ResponseWriter, r *http.Request) {
	var request agentRequest
	if err := json.NewDecoder(r.Body).Decode(&request); err != nil {
		writeJSON(w, map[string]any{"jsonrpc": "2.0", "id": nil, "error": map[string]any{"code": -32700, "message": "Parse error"}})
		return
	}
	answer := func(result any) map[string]any {
		return map[string]any{"jsonrpc": "2.0", "id": request.ID, "result": result}
	}
	switch request.Method {
	case "message/send":
		message, _ := request.Params["message"].(map[string]any)
		writeJSON(w, answer(map[string]any{
			"kind": "task", "id": "task-1", "status": map[string]any{"state": "completed"},
			"heard": message["parts"], "role": message["role"], "named": message["messageId"] != nil, "authorization": r.Header.Get("Authorization"),
		}))
	case "message/stream", "tasks/resubscribe":
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = fmt.Fprint(w, ": a comment\r\n\r\nevent: x\n\n")
		for i, state := range []string{"working", "completed"} {
			data, _ := json.Marshal(answer(map[string]any{"kind": "status-update", "final": i == 1, "status": map[string]any{"state": state}}))
			half := len(data) / 2
			for data[half] != ',' { // an event's data may stand in several lines
				half++
			}
			_, _ = fmt.Fprintf(w, "id: %d\r\ndata:%s\r\ndata: %s\r\n\r\n", i, data[:half], data[half:])
		}
	case "tasks/get":
		if request.Params["id"] != "task-1" {
			writeJSON(w, map[string]any{"jsonrpc": "2.0", "id": request.ID, "error": map[string]any{"code": -32001, "message": fmt.Sprintf("Task not found: %v", request.Params["id"])}})
			return
		}
		writeJSON(w, answer(map[string]any{"kind": "task", "id": "task-1"}))
	default:
		writeJSON(w, answer(map[string]any{"method": request.Method, "params": request.Params}))
	}
}

func writeJSON(w http.ResponseWriter, value any) { _ = json.NewEncoder(w).Encode(value) }
