package calls

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	"lazaret.dev/lazaret/workflows/expression"
)

// Arguments are what a definition gives a call, by name: values of expressions.
type Arguments map[string]any

// text is a string argument; required ones must not be empty.
func (a Arguments) text(name string, required bool) (string, error) {
	value, ok := a[name]
	if !ok || value == nil {
		if required {
			return "", fault(Invalid, nil, "%s is missing", name)
		}
		return "", nil
	}
	text, ok := value.(string)
	if !ok {
		return "", fault(Invalid, nil, "%s must be a string, not %s", name, kindOf(value))
	}
	if required && text == "" {
		return "", fault(Invalid, nil, "%s is empty", name)
	}
	return text, nil
}

func (a Arguments) flag(name string) (bool, error) {
	switch value := a[name].(type) {
	case nil:
		return false, nil
	case bool:
		return value, nil
	default:
		return false, fault(Invalid, nil, "%s must be a boolean, not %s", name, kindOf(value))
	}
}

// whole is an argument that is a whole number; absent, it is fallback.
func (a Arguments) whole(name string, fallback int) (int, error) {
	if a[name] == nil {
		return fallback, nil
	}
	text, err := expression.Encode(a[name])
	if err != nil {
		return 0, fault(Invalid, err, "%s", name)
	}
	number, err := strconv.Atoi(string(text))
	if err != nil {
		return 0, fault(Invalid, nil, "%s must be a whole number, not %s", name, kindOf(a[name]))
	}
	return number, nil
}

// port is one that a service can be reached at.
func (a Arguments) port(name string, fallback int) (int, error) {
	port, err := a.whole(name, fallback)
	if err == nil && (port < 1 || port > 65535) {
		err = fault(Invalid, nil, "%s must be from 1 to 65535, not %d", name, port)
	}
	return port, err
}

func (a Arguments) object(name string) (map[string]any, error) {
	switch value := a[name].(type) {
	case nil:
		return nil, nil
	case map[string]any:
		return value, nil
	default:
		return nil, fault(Invalid, nil, "%s must be an object, not %s", name, kindOf(value))
	}
}

// texts is an object whose values are texts; numbers and booleans become one.
func (a Arguments) texts(name string) ([]pair, error) {
	object, err := a.object(name)
	if err != nil {
		return nil, err
	}
	var pairs []pair
	for _, key := range slices.Sorted(maps.Keys(object)) {
		text, err := scalarText(name+" "+quoted(key), object[key])
		if err != nil {
			return nil, err
		}
		pairs = append(pairs, pair{key, text})
	}
	return pairs, nil
}

// pair is a name with its text.
type pair struct{ name, text string }

func scalarText(what string, value any) (string, error) {
	switch value := value.(type) {
	case nil:
		return "", nil
	case string:
		return value, nil
	case []any, map[string]any:
		return "", fault(Invalid, nil, "%s must be a string, not %s", what, kindOf(value))
	}
	text, err := expression.Encode(value)
	return string(text), err
}

// quoted is the beginning of a text as JSON has it, but for the escapes of HTML, by
// which a secret would not be known again.
func quoted(text string) string {
	if len(text) > 60 {
		text = strings.ToValidUTF8(text[:60], "") + "…"
	}
	var b strings.Builder
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(text) // a string always encodes
	return strings.TrimSpace(b.String())
}

// kindOf names a value's JSON type, with its article.
func kindOf(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case bool:
		return "a boolean"
	case string:
		return "a string"
	case []any:
		return "an array"
	case map[string]any:
		return "an object"
	}
	return "a number"
}
