package events

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"

	"lazaret.dev/lazaret/activities/contract"
)

// checkForm refuses what the CloudEvents JSON format does not let be, in words of
// the format: the reader behind it is lenient, lets the last of two values count,
// and speaks of Go.
func checkForm(text []byte) *flaw {
	members, wrong := readMembers(text)
	if wrong != nil {
		return wrong
	}
	if wrong := checkVersion(members["specversion"]); wrong != nil {
		return wrong
	}
	for _, name := range []string{"id", "source", "type"} {
		if value, ok := members[name].(string); members[name] != nil && !ok {
			return noEvent("%s must be text, not %s", name, kindOf(members[name]))
		} else if value == "" {
			return noEvent("%s is missing, or empty", name)
		}
	}
	if value, has := members["time"]; has && value != nil {
		if moment, _ := value.(string); !isMoment(moment) {
			return noEvent("time must be a moment such as 2026-01-31T12:00:00Z")
		}
	}
	return checkData(members)
}

// readMembers reads the event's object; the payload is not looked into.
func readMembers(text []byte) (map[string]any, *flaw) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	first, err := decoder.Token()
	if err != nil {
		return nil, broken(err, text)
	}
	if first != json.Delim('{') {
		return nil, noEvent("it is %s, where an object is to be", kindOf(first))
	}
	members := map[string]any{}
	for decoder.More() {
		key, err := decoder.Token()
		name, ok := key.(string)
		if err != nil || !ok {
			return nil, broken(err, text)
		}
		if _, twice := members[name]; twice {
			return nil, noEvent("%.50q is there twice", name)
		}
		if members[name], err = readMember(decoder, name); err != nil {
			return nil, broken(err, text)
		}
		if wrong := checkMember(name, members[name]); wrong != nil {
			return nil, wrong
		}
	}
	if _, err := decoder.Token(); err != nil {
		return nil, broken(err, text)
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil, noEvent("there is more behind the object")
	}
	return members, nil
}

func readMember(decoder *json.Decoder, name string) (any, error) {
	if name == "data" {
		var payload json.RawMessage
		err := decoder.Decode(&payload)
		return payload, err
	}
	var value any
	err := decoder.Decode(&value)
	return value, err
}

// checkMember checks an attribute's name, and that its value is one.
func checkMember(name string, value any) *flaw {
	if name == "data" || name == "data_base64" {
		return nil
	}
	if name == "" || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789") != "" {
		if strings.HasPrefix(strings.ToLower(name), reserved) {
			return forged()
		}
		return noEvent("%.50q cannot be the name of an attribute: it has lower-case letters and digits alone", name)
	}
	switch value := value.(type) {
	case map[string]any, []any:
		return noEvent("attribute %q must be text, a whole number or a boolean, not %s", name, kindOf(value))
	case json.Number:
		if whole, err := value.Int64(); err != nil || int64(int32(whole)) != whole { //nolint:gosec // that is what is asked
			return noEvent("attribute %q must be a whole number of 32 bits, or text", name)
		}
	}
	return nil
}

func checkVersion(value any) *flaw {
	switch version, ok := value.(string); {
	case value == nil:
		return noEvent("specversion is missing")
	case !ok:
		return noEvent("specversion must be text, not %s", kindOf(value))
	case version != event.CloudEventsVersionV1:
		return noEvent("specversion %.20q, only 1.0 is taken", version)
	}
	return nil
}

// checkData refuses two payloads, and bytes that are not in base64.
func checkData(members map[string]any) *flaw {
	binary, has := members["data_base64"]
	if !has || binary == nil {
		return nil
	}
	if _, both := members["data"]; both {
		return noEvent("it has both data and data_base64, where one is the payload")
	}
	text, ok := binary.(string)
	if !ok {
		return noEvent("data_base64 must be text, not %s", kindOf(binary))
	}
	if _, err := base64.StdEncoding.DecodeString(text); err != nil {
		return noEvent("data_base64 is not in base64")
	}
	return nil
}

func isMoment(text string) bool {
	_, err := time.Parse(time.RFC3339Nano, text)
	return err == nil
}

func noEvent(format string, args ...any) *flaw {
	return &flaw{contract.CheckForm, "no CloudEvent: " + fmt.Sprintf(format, args...)}
}

func forged() *flaw {
	return &flaw{contract.CheckSender, "an attribute that begins with \"lazaret\" says who sent the event; only the worker sets it"}
}

// broken is a text that is no JSON.
func broken(err error, text []byte) *flaw {
	var read json.RawMessage
	if whole := json.Unmarshal(text, &read); whole != nil { // with the place in the whole
		err = whole
	}
	if err == nil {
		return noEvent("the JSON is broken")
	}
	return noEvent("%s", oneLine(err))
}

// kindOf names what a value is in JSON.
func kindOf(value any) string {
	switch value.(type) {
	case nil:
		return "null"
	case string:
		return "text"
	case bool:
		return "a boolean"
	case json.Number, float64:
		return "a number"
	case []any:
		return "an array"
	}
	if value == json.Delim('[') {
		return "an array"
	}
	return "an object"
}
