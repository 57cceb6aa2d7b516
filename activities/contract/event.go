package contract

import (
	"bytes"
	"encoding/json"
)

// Activity types of events. An emit task's is the task's kind.
const (
	EmitEvent     = "emit"
	Subscribe     = "event.subscribe"
	ReceiveEvents = "event.receive"
	SinkEvent     = "event.sink"
	TellLifecycle = "event.lifecycle"
	ReleaseEvent  = "event.release" // takes a JudgedEvent that was kept back
)

// Workflow types of events.
const (
	// EventRouter is the one entity, of id EventRouterID, that knows who listens
	// in a Temporal namespace.
	EventRouter   = "lazaret.events"
	EventRouterID = "lazaret.events"
	// Send hands one event from outside to the router; it takes a SendRequest
	// and returns the []Outcome.
	Send = "lazaret.emit"
	// Sink brings one event to one sink; it takes a Delivery.
	Sink = "lazaret.sink"
	// Delayed keeps one event back and then hands it to the router; it takes a
	// JudgedEvent.
	Delayed = "lazaret.delayed"
)

// What the router answers to.
const (
	PublishEvents   = "publish"   // takes []JudgedEvent, returns []Outcome
	SubscribeEvents = "subscribe" // takes Subscription, returns Subscribed
	RejectSignal    = "reject"    // takes []Rejection
	TakenSignal     = "taken"     // takes Taken
	LeaveSignal     = "leave"     // takes the workflow id of an execution that listens no more
	EventsQuery     = "events"    // returns EventsReport
)

// EventSignal brings a listening execution Envelopes.
const EventSignal = "event"

// Envelopes are events in the order in which they were sent. One alone may be
// written without the brackets.
type Envelopes []Envelope

// UnmarshalJSON reads an array of envelopes, or one envelope.
func (e *Envelopes) UnmarshalJSON(data []byte) error {
	if text := bytes.TrimLeft(data, " \t\r\n"); len(text) > 0 && text[0] == '[' {
		return json.Unmarshal(data, (*[]Envelope)(e))
	}
	var one Envelope
	if err := json.Unmarshal(data, &one); err != nil {
		return err
	}
	*e = Envelopes{one}
	return nil
}

// Sender says who sent an event, as the worker knows it.
type Sender struct {
	// Identity is the definition's namespace/name, or one of the senders below.
	Identity  string `json:"identity"`
	Version   string `json:"version,omitempty"`
	Digest    string `json:"digest,omitempty"`
	Execution string `json:"execution,omitempty"`
}

// Senders that are no definition; no namespace begins with "@".
const (
	SenderCLI       = "@cli"       // lazaret emit
	SenderHTTP      = "@http/"     // begins that of who sends over HTTP; a name of the operator's follows
	SenderLifecycle = "@lifecycle" // the lifecycle of executions
)

// What lifecycle events are about.
const (
	LifecycleWorkflow = "workflow"
	LifecycleTask     = "task"
)

// StatusChanged is the transition that every other one is as well. It is told to
// who asks for it by name.
const StatusChanged = "status-changed"

// LifecycleType is the type of an event about a transition, such as "started".
func LifecycleType(about, what string) string {
	return "io.serverlessworkflow." + about + "." + what + ".v1"
}

// SinkTarget begins the identity of a sink as the target of a rule.
const SinkTarget = "@sink/"

// The checks, in their order, by whose name a rejection goes. Form and Sender
// stand before the rules: what they reject is no event, or not the sender's.
const (
	CheckForm     = "form"
	CheckSender   = "sender"
	CheckRate     = "rate"
	CheckRule     = "rule"
	CheckType     = "type"
	CheckSize     = "size"
	CheckFilter   = "filter"
	CheckQueue    = "queue"
	CheckDelivery = "delivery" // the receiver, or a sink, could not be reached
)

// EmitRequest asks for an event to be published on behalf of a task.
type EmitRequest struct {
	Task  TaskID          `json:"task"`
	Event json.RawMessage `json:"event"` // a CloudEvent in the JSON format
}

// SendRequest asks for events from outside to be published.
type SendRequest struct {
	Events []json.RawMessage `json:"events"`
}

// LifecycleRequest asks for lifecycle events to be published.
type LifecycleRequest struct {
	Task   TaskID            `json:"task"`
	Events []json.RawMessage `json:"events"`
}

// JudgedEvent is an event with what the rules say of it.
type JudgedEvent struct {
	Envelope Envelope `json:"envelope"`
	// Verdict is on sending; the routes are those of the sender's rules.
	Verdict Verdict `json:"verdict"`
	Rates   []Rate  `json:"rates,omitempty"`
	Routes  []Route `json:"routes,omitempty"`
	// DelayMillis is how long the event is kept back, by a filter; Due is one that
	// was, and was counted then.
	DelayMillis int64 `json:"delayMs,omitempty"`
	Due         bool  `json:"due,omitempty"`
	// Policy is the digest of the policy that decided.
	Policy string `json:"policy,omitempty"`
	// Filtered is what filters have done. It does not go to the router.
	Filtered []FilterNote `json:"-"`
}

// FilterNote says that a filter of the rules has caught an event.
type FilterNote struct {
	Filter string `json:"filter"`
	Action string `json:"action"` // block, warn, sanitize, delay
}

// Verdict is what a rule says of an event. An empty check accepts.
type Verdict struct {
	Check  string `json:"check,omitempty"` // that rejects
	Detail string `json:"detail,omitempty"`
}

// Accepts tells whether nothing rejects.
func (v Verdict) Accepts() bool { return v.Check == "" }

// Rate is a limit that the publication counts towards.
type Rate struct {
	Key          string `json:"key"` // whose events are counted together
	Limit        int    `json:"limit"`
	WindowMillis int64  `json:"windowMs"`
}

// Route is one rule from the event's sender to a target.
type Route struct {
	Rule     string  `json:"rule"`
	Target   string  `json:"target"` // a pattern of identities
	Priority int     `json:"priority,omitempty"`
	Verdict  Verdict `json:"verdict,omitzero"`
}

// Envelope is an event on its way to a receiver.
type Envelope struct {
	Event    json.RawMessage `json:"event"` // a CloudEvent in the JSON format
	Type     string          `json:"type"`
	Source   string          `json:"source"`
	ID       string          `json:"id"`
	Sender   Sender          `json:"sender"`
	Priority int             `json:"priority,omitempty"`
	Tag      string          `json:"tag,omitempty"`    // authenticates Event and Sender
	Policy   string          `json:"policy,omitempty"` // digest of the policy that let it be sent
}

// Outcome is what became of one publication.
type Outcome struct {
	Source    string   `json:"source"`
	ID        string   `json:"id"`
	Status    string   `json:"status"`          // accepted, duplicate, rejected
	Check     string   `json:"check,omitempty"` // that rejected it
	Detail    string   `json:"detail,omitempty"`
	Delivered int      `json:"delivered"` // to how many listeners and sinks
	Refused   []Reason `json:"refused,omitempty"`
	// DelayMillis: a filter keeps it back for so long before it is delivered.
	DelayMillis int64        `json:"delayMs,omitempty"`
	Filtered    []FilterNote `json:"filtered,omitempty"` // what filters have done
	Policy      string       `json:"policy,omitempty"`   // digest of the policy that decided
}

// The outcomes.
const (
	Accepted  = "accepted"
	Duplicate = "duplicate" // accepted before, and not delivered again
	Rejected  = "rejected"
)

// Reason says why one target did not get an event.
type Reason struct {
	Target string `json:"target"`
	Check  string `json:"check"`
	Detail string `json:"detail,omitempty"`
}

// Subscription says which events an execution may want.
type Subscription struct {
	Execution string         `json:"execution"` // workflow id
	Run       string         `json:"run"`       // in which it subscribed: tells it from another of the same id
	Identity  string         `json:"identity"`
	Filters   []StaticFilter `json:"filters"`         // one of them has to match
	Queue     int            `json:"queue,omitempty"` // most events that wait for a listen, set by the activity
	Bytes     int            `json:"bytes,omitempty"` // of them
}

// StaticFilter matches events by the attributes that are written out.
type StaticFilter struct {
	Exact    map[string]string `json:"exact,omitempty"`
	Patterns map[string]string `json:"patterns,omitempty"` // regular expressions over the whole
}

// SubscribeRequest asks for a subscription on behalf of an execution.
type SubscribeRequest struct {
	Task    TaskID         `json:"task"`
	Filters []StaticFilter `json:"filters"`
}

// Subscribed answers a Subscription.
type Subscribed struct {
	Queue int `json:"queue"`
	Bytes int `json:"bytes"`
	// Worth is how many bytes that wait no longer are worth telling; 0: none are.
	Worth  int    `json:"worth,omitempty"`
	Policy string `json:"policy,omitempty"` // digest of the policy that decided
}

// Taken says that events no longer wait for a listen.
type Taken struct {
	Execution string `json:"execution"`
	Events    int    `json:"events"`
	Bytes     int    `json:"bytes"`
}

// ReceiveRequest asks whether delivered events are the sender's, and may be received.
type ReceiveRequest struct {
	Task      TaskID     `json:"task"`
	Envelopes []Envelope `json:"envelopes"`
}

// Received answers a ReceiveRequest, one verdict an envelope.
type Received struct {
	Verdicts []Verdict `json:"verdicts"`
	Policy   string    `json:"policy,omitempty"` // digest of the policy that decided
}

// Delivery brings an event to a sink.
type Delivery struct {
	Sink     string   `json:"sink"`
	Envelope Envelope `json:"envelope"`
}

// Rejection records one rejected event.
type Rejection struct {
	Time   string `json:"time"` // RFC 3339; the router sets it
	Sender string `json:"sender"`
	Target string `json:"target,omitempty"` // empty: rejected on sending
	Source string `json:"source"`
	ID     string `json:"id"`
	Type   string `json:"type"`
	Check  string `json:"check"`
	Detail string `json:"detail,omitempty"`
	Policy string `json:"policy,omitempty"` // digest of the policy that decided
	// Execution has had the event, of Bytes, and does not keep it: rejected on receipt.
	// The router frees its room, and does not record the two.
	Execution string `json:"execution,omitempty"`
	Bytes     int    `json:"bytes,omitempty"`
}

// EventsReport answers the events query.
type EventsReport struct {
	Accepted    int            `json:"accepted"`
	Duplicates  int            `json:"duplicates"`
	Delivered   int            `json:"delivered"`
	RejectedAll int            `json:"rejectedAll"` // since the router began
	Rejected    []Rejection    `json:"rejected"`    // the newest, oldest first
	Listeners   []ListenerInfo `json:"listeners"`
}

// ListenerInfo is one subscription as the events query shows it.
type ListenerInfo struct {
	Execution string `json:"execution"`
	Identity  string `json:"identity"`
	Waiting   int    `json:"waiting"` // events that no listen has taken yet
	Queue     int    `json:"queue"`
}
