package definition

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// looksLikeJSON reports whether the text begins as a JSON object does. Such a
// text is read as JSON, and as YAML's flow style where it is not.
func looksLikeJSON(text string) bool {
	return strings.HasPrefix(strings.TrimLeft(text, " \t\r\n"), "{")
}

// readJSON reads one JSON document into a tree. The second result is false
// where the text is no JSON at all.
func readJSON(s *source) (*node, *problem, bool) {
	r := &jsonReader{source: s, decoder: json.NewDecoder(strings.NewReader(s.text))}
	r.decoder.UseNumber()
	root, err := r.value(0)
	if found, ok := errors.AsType[*problem](err); ok {
		return nil, found, true
	}
	if err != nil {
		return nil, nil, false //nolint:nilerr // what is no JSON may still be YAML, whose reader says what is wrong
	}
	if _, err := r.decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, nil, false
	}
	return root, nil, true
}

type jsonReader struct {
	source  *source
	decoder *json.Decoder
	nodes   int
}

// next is the next token with the place where it begins.
func (r *jsonReader) next() (json.Token, Position, error) {
	from := int(r.decoder.InputOffset())
	token, err := r.decoder.Token()
	for from < len(r.source.text) && strings.IndexByte(" \t\r\n,:", r.source.text[from]) >= 0 {
		from++
	}
	return token, r.source.position(from), err
}

func (r *jsonReader) value(depth int) (*node, error) {
	token, at, err := r.next()
	if err != nil {
		return nil, err
	}
	r.nodes++
	switch {
	case depth > maxDepth:
		return nil, &problem{at: at, rule: "syntax.depth", message: fmt.Sprintf("more than %d levels of nesting", maxDepth)}
	case r.nodes > maxNodes:
		return nil, &problem{at: at, rule: "syntax.size", message: fmt.Sprintf("more than %d values", maxNodes)}
	}
	switch t := token.(type) {
	case json.Delim:
		if t == '{' {
			return r.object(at, depth)
		}
		return r.array(at, depth)
	case string:
		return &node{kind: stringNode, text: t, at: at, style: doubleQuoted}, nil
	case json.Number:
		return jsonNumber(t, at)
	case bool:
		return &node{kind: boolNode, text: fmt.Sprint(t), at: at}, nil
	default:
		return &node{kind: nullNode, at: at}, nil
	}
}

func jsonNumber(n json.Number, at Position) (*node, error) {
	text, err := canonical(n.String())
	if err != nil {
		return nil, &problem{at: at, rule: "syntax.number", message: err.Error()}
	}
	return &node{kind: numberNode, text: text, at: at}, nil
}

func (r *jsonReader) object(at Position, depth int) (*node, error) {
	object := &node{kind: objectNode, at: at}
	seen := map[string]Position{}
	for r.decoder.More() {
		token, keyAt, err := r.next()
		if err != nil {
			return nil, err
		}
		key, _ := token.(string)
		if first, twice := seen[key]; twice {
			return nil, &problem{
				at: keyAt, rule: "syntax.duplicate-key",
				message: fmt.Sprintf("key %q stands twice in this object; first at line %d", key, first.Line),
			}
		}
		seen[key] = keyAt
		value, err := r.value(depth + 1)
		if err != nil {
			return nil, err
		}
		object.members = append(object.members, member{key, keyAt, value})
	}
	_, err := r.decoder.Token()
	return object.indexed(), err
}

func (r *jsonReader) array(at Position, depth int) (*node, error) {
	array := &node{kind: arrayNode, at: at}
	for r.decoder.More() {
		item, err := r.value(depth + 1)
		if err != nil {
			return nil, err
		}
		array.items = append(array.items, item)
	}
	_, err := r.decoder.Token()
	return array, err
}
