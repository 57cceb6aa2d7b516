package policies

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// EventFilter looks at the payload of the events that rules permit (A09). It
// catches those of its senders and types that do not meet its schema, have a text
// that its pattern matches, or are larger than its size; without any of the three,
// all of them.
type EventFilter struct {
	Name    string
	Source  string             // as in a rule; empty: every sender
	Types   []string           // as in a rule, where "*" is every type; empty: every type
	Schema  *jsonschema.Schema // nil: none
	Pattern *regexp.Regexp     // nil: none
	Larger  int                // bytes of the payload; 0: none
	Action  FilterAction       // what becomes of an event that it catches
	Delay   time.Duration      // of DelayEvent
	Instead string             // of SanitizeEvent: stands where the pattern matched
}

// FilterAction is what a filter does with an event that it catches.
type FilterAction string

// The actions. A sanitized event goes on without what the pattern matched.
const (
	BlockEvent    FilterAction = "block"
	WarnEvent     FilterAction = "warn"
	SanitizeEvent FilterAction = "sanitize"
	DelayEvent    FilterAction = "delay"
)

// FilterCheck stands between the checks of size and queue.
const FilterCheck = "filter"

// EventPayload is what filters look at.
type EventPayload struct {
	Text []byte // as it is sent; nil: there is none
	JSON bool   // whether it is JSON; otherwise it is one text
}

// EventFiltering is what the filters make of one event.
type EventFiltering struct {
	Verdict EventVerdict
	Payload EventPayload // sanitized, if Changed
	Changed bool
	Delay   time.Duration // before it is delivered
	Notes   []FilterNote  // what was done, in order
}

// FilterNote says that a filter has caught an event.
type FilterNote struct {
	Filter string
	Action FilterAction
}

// Filter passes the payload of an event through the filters, in their order. One
// that blocks is the last; of several delays the longest counts.
func (r EventRules) Filter(sender, eventType string, payload EventPayload) EventFiltering {
	result := EventFiltering{Payload: payload}
	for _, f := range r.Filters {
		if !f.concerns(sender, eventType) {
			continue
		}
		value, err := result.Payload.value()
		if err != nil {
			result.Verdict = EventVerdict{FilterCheck, fmt.Sprintf("%s: the payload is not the JSON that it says it is", f.Name)}
			return result
		}
		why := f.catches(value, len(result.Payload.Text))
		if why == "" {
			continue
		}
		result.Notes = append(result.Notes, FilterNote{f.Name, f.Action})
		switch f.Action {
		case BlockEvent:
			result.Verdict = EventVerdict{FilterCheck, f.Name + ": " + why}
			return result
		case SanitizeEvent:
			result.Payload, result.Changed = result.Payload.with(f.sanitize(value)), true
		case DelayEvent:
			result.Delay = max(result.Delay, f.Delay)
		case WarnEvent:
		}
	}
	return result
}

// Blocks says whether a filter blocks the event: the others are done with when it
// is received.
func (r EventRules) Blocks(sender, eventType string, payload EventPayload) EventVerdict {
	only := EventRules{Filters: slices.Clone(r.Filters)}
	only.Filters = slices.DeleteFunc(only.Filters, func(f EventFilter) bool { return f.Action != BlockEvent })
	return only.Filter(sender, eventType, payload).Verdict
}

func (f EventFilter) concerns(sender, eventType string) bool {
	if f.Source != "" && !matchesIdentity(f.Source, sender) {
		return false
	}
	return len(f.Types) == 0 || EventRule{Types: f.Types, Unsafe: true}.permitsType(eventType)
}

// catches says why the event is caught; nothing, if it is not.
func (f EventFilter) catches(value any, size int) string {
	switch {
	case f.Schema != nil:
		err := f.Schema.Validate(value)
		if err == nil {
			return ""
		}
		return "the payload does not meet the schema: " + schemaReason(err)
	case f.Pattern != nil:
		if hasMatch(f.Pattern, value) {
			return "the payload has what its pattern matches"
		}
		return ""
	case f.Larger > 0:
		if size > f.Larger {
			return fmt.Sprintf("the payload has %d bytes, more than %d", size, f.Larger)
		}
		return ""
	}
	return "no event of this type and sender passes"
}

// value is the payload as filters see it: JSON, or a text.
func (p EventPayload) value() (any, error) {
	switch {
	case p.Text == nil:
		return nil, nil //nolint:nilnil // no payload is null to a schema
	case p.JSON:
		return jsonschema.UnmarshalJSON(strings.NewReader(string(p.Text)))
	case utf8.Valid(p.Text):
		return string(p.Text), nil
	}
	return base64.StdEncoding.EncodeToString(p.Text), nil
}

// with is the payload with another value.
func (p EventPayload) with(value any) EventPayload {
	if text, isText := value.(string); isText && !p.JSON {
		if !utf8.Valid(p.Text) {
			decoded, err := base64.StdEncoding.DecodeString(text)
			if err != nil {
				decoded = []byte{} // what is left of binary data would be no data
			}
			return EventPayload{Text: decoded}
		}
		return EventPayload{Text: []byte(text)}
	}
	text, err := json.Marshal(value)
	if err != nil {
		text = []byte("null") // of a value that was JSON
	}
	return EventPayload{Text: text, JSON: p.JSON}
}

// hasMatch looks into every text of a value, names of members too.
func hasMatch(pattern *regexp.Regexp, value any) bool {
	switch v := value.(type) {
	case string:
		return pattern.MatchString(v)
	case json.Number:
		return pattern.MatchString(v.String())
	case []any:
		return slices.ContainsFunc(v, func(item any) bool { return hasMatch(pattern, item) })
	case map[string]any:
		for name, item := range v {
			if pattern.MatchString(name) || hasMatch(pattern, item) {
				return true
			}
		}
	}
	return false
}

// sanitize is the value without what the pattern matches: a number with a match
// becomes a text.
func (f EventFilter) sanitize(value any) any {
	switch v := value.(type) {
	case string:
		return f.Pattern.ReplaceAllLiteralString(v, f.Instead)
	case json.Number:
		if f.Pattern.MatchString(v.String()) {
			return f.Pattern.ReplaceAllLiteralString(v.String(), f.Instead)
		}
	case []any:
		for i, item := range v {
			v[i] = f.sanitize(item)
		}
	case map[string]any:
		clean := make(map[string]any, len(v))
		for name, item := range v {
			clean[f.Pattern.ReplaceAllLiteralString(name, f.Instead)] = f.sanitize(item)
		}
		return clean
	}
	return value
}
