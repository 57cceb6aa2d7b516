package events

import (
	"encoding/json"
	"strings"

	"github.com/google/uuid"

	"lazaret.dev/lazaret/activities/contract"
)

// phases are the status that an execution or a task has after a transition, by
// the transition's name (DSL, "Status Phases").
var phases = map[string]string{
	"created":               "pending",
	"started":               "running",
	"retried":               "running",
	"resumed":               "running",
	"correlation-started":   "waiting",
	"correlation-completed": "running",
	"suspended":             "suspended",
	"cancelled":             "cancelled",
	"faulted":               "faulted",
	"completed":             "completed",
}

// statusChanged is the event that tells of a transition as a change of status. It
// is nil for what is no transition. The same transition gives the same event.
func statusChanged(text json.RawMessage, eventType string) json.RawMessage {
	status, known := phases[transition(eventType)]
	var e map[string]json.RawMessage
	var data map[string]any
	var id string
	if !known || json.Unmarshal(text, &e) != nil || json.Unmarshal(e["data"], &data) != nil || json.Unmarshal(e["id"], &id) != nil {
		return nil
	}
	kept := map[string]any{"status": status}
	for _, name := range []string{"name", "workflow", "task"} {
		if value, has := data[name]; has {
			kept[name] = value
		}
	}
	kept["updatedAt"] = e["time"]
	changed := map[string]any{}
	for name, value := range e {
		changed[name] = value
	}
	changed["id"] = uuid.NewSHA1(uuid.NameSpaceURL, []byte("lazaret:"+id+"/"+contract.StatusChanged)).String()
	changed["type"] = contract.LifecycleType(aboutOf(eventType), contract.StatusChanged)
	changed["data"] = kept
	result, err := json.Marshal(changed)
	if err != nil {
		return nil // of what was JSON
	}
	return result
}

// aboutOf and transition take the type of a lifecycle event apart.
func aboutOf(eventType string) string {
	if strings.HasPrefix(eventType, "io.serverlessworkflow."+contract.LifecycleTask+".") {
		return contract.LifecycleTask
	}
	return contract.LifecycleWorkflow
}

func transition(eventType string) string {
	what := strings.TrimPrefix(eventType, "io.serverlessworkflow."+aboutOf(eventType)+".")
	return strings.TrimSuffix(what, ".v1")
}
