package codec

import (
	"encoding/binary"
	"encoding/json"
	"regexp"
	"strings"

	"go.temporal.io/sdk/converter"
)

// Binding says what a payload is for. It is stored beside the payload, in the
// clear (Temporal stores the same names in the clear), and is authenticated with it.
// An empty member binds nothing: Temporal's SDK does not say everywhere where a
// payload goes.
type Binding struct {
	// Kind tells payloads from failures.
	Kind Kind `json:"kind"`
	// Namespace is Temporal's.
	Namespace string `json:"namespace,omitempty"`
	// Workflow is the execution's id; of a schedule's action, the id that the
	// schedule adds a time to.
	Workflow string `json:"workflow,omitempty"`
	// Activity is the activity's type, and WorkflowType that of its workflow, for
	// what goes in and out of activities.
	Activity     string `json:"activity,omitempty"`
	WorkflowType string `json:"workflowType,omitempty"`
}

// Kind of a payload.
type Kind string

// The kinds.
const (
	Data Kind = "data"
	// Failure is an error's message, stack and details. Temporal hands errors on
	// as they are, from an activity to its workflow, to its parent, to the
	// client: so they are bound to their namespace alone.
	Failure Kind = "failure"
)

// bindingFor is what the SDK says of where a payload comes from or goes to.
func bindingFor(kind Kind, context converter.SerializationContext) Binding {
	b := Binding{Kind: kind}
	switch c := context.(type) {
	case converter.WorkflowSerializationContext:
		b.Namespace, b.Workflow = c.Namespace, c.WorkflowID
	case converter.ActivitySerializationContext:
		b.Namespace, b.Workflow, b.Activity, b.WorkflowType = c.Namespace, c.WorkflowID, c.ActivityType, c.WorkflowType
	}
	if kind == Failure {
		b.Workflow, b.Activity, b.WorkflowType = "", "", ""
	}
	return b
}

// fits reports whether a payload with the binding may be used where another
// binding holds.
func (b Binding) fits(where Binding) bool {
	same := func(a, b string) bool { return a == "" || b == "" || a == b }
	return b.Kind == where.Kind && same(b.Namespace, where.Namespace) && same(b.Activity, where.Activity) &&
		same(b.WorkflowType, where.WorkflowType) && (same(b.Workflow, where.Workflow) || scheduled(where.Workflow, b.Workflow))
}

var scheduleTime = regexp.MustCompile(`^-\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$`)

// scheduled reports whether the id is what a schedule makes of the id that its
// action names.
func scheduled(id, base string) bool {
	rest, cut := strings.CutPrefix(id, base)
	return cut && scheduleTime.MatchString(rest)
}

// The metadata of a sealed payload.
const (
	metaKey       = "lazaret-key"
	metaAlgorithm = "lazaret-algorithm"
	metaBinding   = "lazaret-binding"
	encoding      = "binary/lazaret-sealed-1"
)

func (b Binding) encode() ([]byte, error) { return json.Marshal(b) }

// associated is what is authenticated beside the content: each member with its
// length, so that no two lists of members have one text.
func associated(key Key, binding []byte) []byte {
	var out []byte
	for _, member := range [][]byte{[]byte(encoding), []byte(key.ID), []byte(key.Algorithm), binding} {
		out = binary.BigEndian.AppendUint32(out, uint32(len(member))) //nolint:gosec // names of ours and bounded by Temporal
		out = append(out, member...)
	}
	return out
}
