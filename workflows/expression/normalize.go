package expression

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"reflect"
)

// Normalize returns v in the data model, sharing no container with it. It takes
// every integer and float kind, strings, slices, arrays, maps with string keys
// and pointers to these, under any type name. It refuses what has no one meaning
// in JSON: structs (and so time.Time), byte slices, functions, channels, and
// nesting beyond MaxDepth, which includes cycles.
func Normalize(v any) (any, error) {
	normal, err := normalize(v, 0)
	if err != nil {
		return nil, fmt.Errorf("normalize value: %w", err)
	}
	return normal, nil
}

func normalize(v any, depth int) (any, error) {
	if depth > MaxDepth {
		return nil, fmt.Errorf("nested deeper than %d", MaxDepth)
	}
	switch v := v.(type) {
	case nil, bool, string, int, float64:
		return v, nil
	case *big.Int:
		return normalBig(v)
	case json.Number:
		return v, validNumber(v)
	case []any:
		return normalSlice(len(v), func(i int) any { return v[i] }, depth)
	case map[string]any:
		object := make(map[string]any, len(v))
		//workflowcheck:ignore fills a map
		for key, item := range v {
			normal, err := normalize(item, depth+1)
			if err != nil {
				return nil, err
			}
			object[key] = normal
		}
		return object, nil
	}
	return normalKind(reflect.ValueOf(v), depth)
}

func normalBig(v *big.Int) (any, error) {
	if v == nil {
		return nil, nil
	}
	if v.IsInt64() {
		return int(v.Int64()), nil
	}
	if v.BitLen() > maxBits {
		return nil, fmt.Errorf("integer wider than %d bits", maxBits)
	}
	return new(big.Int).Set(v), nil
}

var errNumber = errors.New("json.Number that is no number")

// validNumber checks what encoding/json would refuse to write.
func validNumber(n json.Number) error {
	if len(n) > MaxDigits {
		return fmt.Errorf("number longer than %d digits", MaxDigits)
	}
	if n == "" || n[0] != '-' && !isDigit(n[0]) || !json.Valid([]byte(n)) {
		return errNumber
	}
	return nil
}

func normalSlice(n int, at func(int) any, depth int) (any, error) {
	items := make([]any, n)
	for i := range items {
		normal, err := normalize(at(i), depth+1)
		if err != nil {
			return nil, err
		}
		items[i] = normal
	}
	return items, nil
}

// normalKind handles the types that have no case of their own in normalize.
func normalKind(v reflect.Value, depth int) (any, error) {
	switch v.Kind() {
	case reflect.Bool:
		return v.Bool(), nil
	case reflect.String:
		return v.String(), nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return int(v.Int()), nil
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return normalBig(new(big.Int).SetUint64(v.Uint()))
	case reflect.Float32, reflect.Float64:
		return v.Float(), nil
	case reflect.Pointer:
		if v.IsNil() {
			return nil, nil
		}
		return normalize(v.Elem().Interface(), depth+1)
	case reflect.Slice, reflect.Array:
		if v.Type().Elem().Kind() != reflect.Uint8 {
			return normalSlice(v.Len(), func(i int) any { return v.Index(i).Interface() }, depth)
		}
	case reflect.Map:
		if v.Type().Key().Kind() == reflect.String {
			return normalMap(v, depth)
		}
	}
	return nil, fmt.Errorf("type %s of Go has no place in the data model", v.Type())
}

func normalMap(v reflect.Value, depth int) (any, error) {
	object := make(map[string]any, v.Len())
	//workflowcheck:ignore fills a map
	for entries := v.MapRange(); entries.Next(); {
		normal, err := normalize(entries.Value().Interface(), depth+1)
		if err != nil {
			return nil, err
		}
		object[entries.Key().String()] = normal
	}
	return object, nil
}

// encodable checks that gojq can write v.
func encodable(v any, depth int) error {
	if depth > MaxDepth {
		return fmt.Errorf("nested deeper than %d", MaxDepth)
	}
	switch v := v.(type) {
	case nil, bool, string, int, float64:
		return nil
	case *big.Int:
		if v == nil {
			return errors.New("nil *big.Int")
		}
		return nil
	case json.Number:
		return validNumber(v)
	case []any:
		for _, item := range v {
			if err := encodable(item, depth+1); err != nil {
				return err
			}
		}
		return nil
	case map[string]any:
		//workflowcheck:ignore fails on a bug of ours alone
		for _, item := range v {
			if err := encodable(item, depth+1); err != nil {
				return err
			}
		}
		return nil
	}
	return fmt.Errorf("type %T of Go has no place in the data model", v)
}
