package virt

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Event is what a line of the audit log tells.
type Event string

// The events. Watchers look for these words.
const (
	EventStarted  Event = "operation_started"  // allowed, and about to be carried out
	EventExecuted Event = "operation_executed" // carried out, or failed in the attempt
	EventDenied   Event = "operation_denied"   // refused: by policy or for its arguments
	// EventUnauthorized is a denial since nobody who is known asked (C11).
	EventUnauthorized Event = "unauthorized"
	EventLimited      Event = "rate_limit_exceeded" // refused: too many
	EventAwaits       Event = "approval_required"   // a task waits for a person
	EventRejected     Event = "approval_rejected"   // that person refused it
	EventBusy         Event = "max_concurrent_ops"  // given up while it waited for a place
)

// Record is one line of the audit log.
type Record struct {
	Time      time.Time      `json:"timestamp"`
	Event     Event          `json:"event"`
	Operation string         `json:"operation"`
	URI       string         `json:"uri,omitempty"`
	Client    Identity       `json:"client_info"`
	Who       string         `json:"who,omitempty"` // the identity that the policy knew
	Key       string         `json:"key,omitempty"`
	Policy    string         `json:"policy,omitempty"` // digest of what decided
	Arguments map[string]any `json:"parameters,omitempty"`
	Success   bool           `json:"success"`
	Code      Code           `json:"code,omitempty"`
	Message   string         `json:"message,omitempty"`
	Took      float64        `json:"execution_time,omitempty"` // seconds
	Approval  *Approval      `json:"approval,omitempty"`       // by which it was allowed, or refused
}

// Subject is what the operation is about: a guest, network, pool or volume.
func (r Record) Subject() string {
	for _, name := range []string{"name", "uuid", "volume", "pool"} {
		if text, ok := r.Arguments[name].(string); ok {
			return text
		}
	}
	return ""
}

// Auditor keeps records. Where it fails nothing is carried out. It is safe for
// concurrent use.
type Auditor interface {
	Record(Record) error
}

func (b *Broker) record(request Request, event Event, took time.Duration, failure *Error) error {
	r := Record{
		Time: time.Now().UTC(), Event: event, Operation: sanitised(request.Operation), URI: sanitised(request.URI),
		Client: request.Identity, Who: request.who, Key: request.Key, Policy: request.Policy, Arguments: sanitisedArguments(request.Arguments),
		Success: failure == nil, Took: took.Seconds(), Approval: request.Approval,
	}
	if failure != nil {
		r.Code, r.Message = failure.Code, sanitised(failure.Message)
	}
	return b.Audit.Record(r)
}

const maxAudited = 256

// sanitised is a text as it may stand in a log: printable, on one line, short.
func sanitised(text string) string {
	if len(text) > maxAudited {
		sum := sha256.Sum256([]byte(text))
		return fmt.Sprintf("%d bytes, sha256 %s", len(text), hex.EncodeToString(sum[:]))
	}
	if checkPrintable(text) != nil {
		return strings.Trim(fmt.Sprintf("%+q", text), `"`)
	}
	return text
}

// sanitisedArguments keeps names and short values, and says of the rest how much it is.
func sanitisedArguments(given map[string]any) map[string]any {
	kept := make(map[string]any, len(given))
	for i, name := range slices.Sorted(maps.Keys(given)) {
		if i == 32 {
			kept["…"] = len(given) - i
			break
		}
		switch value := given[name].(type) {
		case string:
			kept[sanitised(name)] = sanitised(value)
		case bool, float64, int, int64, json.Number, nil:
			kept[sanitised(name)] = value
		default:
			text, err := json.Marshal(value)
			if err != nil {
				text = []byte("unreadable")
			}
			kept[sanitised(name)] = sanitised(string(text))
		}
	}
	return kept
}
