package events

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/cloudevents/sdk-go/v2/event"

	"lazaret.dev/lazaret/activities/contract"
)

// The extension attributes by which receivers know the sender. Whoever sends
// an event cannot set them.
const (
	reserved           = "lazaret"
	SenderAttribute    = "lazaretsender"    // namespace/name, or @cli, @lifecycle, @libvirt
	VersionAttribute   = "lazaretversion"   // of the sending definition
	DigestAttribute    = "lazaretdigest"    // of the sending definition
	ExecutionAttribute = "lazaretexecution" // workflow id of the sending execution
)

// flaw is why a text is not taken for an event of its sender.
type flaw struct{ check, detail string }

func (f *flaw) Error() string { return f.detail }

// parse reads a CloudEvent in the JSON format.
func parse(text []byte) (*event.Event, *flaw) {
	if !utf8.Valid(text) { // what is read of it depends on who reads it
		return nil, &flaw{contract.CheckForm, "no CloudEvent: the JSON is not UTF-8"}
	}
	if wrong := checkForm(text); wrong != nil {
		return nil, wrong
	}
	e := &event.Event{}
	if err := json.Unmarshal(text, e); err != nil {
		return nil, noEvent("%s", oneLine(err))
	}
	return e, check(e)
}

// check refuses what is no CloudEvent 1.0, and what pretends to a sender.
func check(e *event.Event) *flaw {
	if err := e.Validate(); err != nil {
		return noEvent("%s", oneLine(err))
	}
	for name := range e.Extensions() {
		if strings.HasPrefix(name, reserved) {
			return forged()
		}
	}
	return nil
}

// stamp writes the sender into the event, and gives it in the JSON format.
func stamp(e *event.Event, s contract.Sender) (json.RawMessage, error) {
	for _, attribute := range []struct{ name, value string }{
		{SenderAttribute, s.Identity},
		{VersionAttribute, s.Version},
		{DigestAttribute, s.Digest},
		{ExecutionAttribute, s.Execution},
	} {
		if attribute.value != "" {
			e.SetExtension(attribute.name, attribute.value)
		}
	}
	text, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("event: %w", err)
	}
	return canonical(text)
}

// canonical is the text as it comes out of Temporal again: JSON is compacted and
// escaped on the way.
func canonical(text json.RawMessage) (json.RawMessage, error) {
	data, err := json.Marshal(text)
	if err != nil {
		return nil, fmt.Errorf("event: %w", err)
	}
	return data, nil
}

// oneLine is an error as one bounded line.
func oneLine(err error) string {
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		return "the JSON is broken at byte " + fmt.Sprint(syntax.Offset)
	}
	text := strings.Join(strings.Fields(err.Error()), " ")
	const limit = 300
	if len(text) > limit {
		text = strings.ToValidUTF8(text[:limit], "") + "…"
	}
	return text
}

// named reads what a text that is no event gives as its identity, for the record.
func named(text []byte) (source, id, eventType string) {
	var attributes struct {
		Source any `json:"source"`
		ID     any `json:"id"`
		Type   any `json:"type"`
	}
	_ = json.NewDecoder(bytes.NewReader(text)).Decode(&attributes)
	return clip(attributes.Source), clip(attributes.ID), clip(attributes.Type)
}

func clip(value any) string {
	text, _ := value.(string)
	const limit = 200
	if len(text) > limit {
		text = strings.ToValidUTF8(text[:limit], "") + "…"
	}
	return text
}

// parseStamped reads an event that carries its sender.
func parseStamped(text []byte) (*event.Event, error) {
	e := &event.Event{}
	if err := json.Unmarshal(text, e); err != nil {
		return nil, fmt.Errorf("event: %w", err)
	}
	return e, nil
}
