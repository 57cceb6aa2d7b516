package expression

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/itchyny/gojq"
)

// Decode reads one JSON text. Numbers are kept exactly as json.Number. A key
// that an object has twice, text behind the value, nesting beyond MaxDepth and
// numbers beyond MaxDigits are refused; no error quotes the data.
func Decode(data []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	v, err := decodeValue(d, 0)
	if err != nil {
		return nil, fmt.Errorf("JSON at byte %d: %w", d.InputOffset(), plain(err))
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("JSON at byte %d: text behind the value", d.InputOffset())
	}
	return v, nil
}

var errEnd = errors.New("text ends too early")

// plain keeps a syntax error's kind and leaves out what it quotes.
func plain(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errEnd
	}
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		return errors.New(prefix(syntax.Error()))
	}
	return err
}

func decodeValue(d *json.Decoder, depth int) (any, error) {
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch t := token.(type) {
	case json.Number:
		if len(t) > MaxDigits {
			return nil, fmt.Errorf("number longer than %d digits", MaxDigits)
		}
	case json.Delim:
		if depth == MaxDepth {
			return nil, fmt.Errorf("value nested deeper than %d", MaxDepth)
		}
		if t == '[' {
			return decodeArray(d, depth+1)
		}
		return decodeObject(d, depth+1)
	}
	return token, nil
}

func decodeArray(d *json.Decoder, depth int) (any, error) {
	items := []any{}
	for d.More() {
		item, err := decodeValue(d, depth)
		if err != nil {
			return nil, err
		}
		items = append(items, item)
	}
	_, err := d.Token()
	return items, err
}

func decodeObject(d *json.Decoder, depth int) (any, error) {
	object := map[string]any{}
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return nil, err
		}
		key, _ := token.(string)
		if _, twice := object[key]; twice {
			return nil, fmt.Errorf("key %s twice in one object", preview(key))
		}
		if object[key], err = decodeValue(d, depth); err != nil {
			return nil, err
		}
	}
	_, err := d.Token()
	return object, err
}

// Encode writes v as JSON, the same bytes for the same value: keys sorted, no
// HTML escapes, NaN as null and infinities as the largest float, like jq.
// It takes every value that Evaluate returns and refuses Go types outside the
// data model, and nesting beyond MaxDepth, which includes cycles.
func Encode(v any) ([]byte, error) {
	if err := encodable(v, 0); err != nil {
		return nil, fmt.Errorf("encode value: %w", err)
	}
	return gojq.Marshal(v)
}
