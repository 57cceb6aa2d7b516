package expression

import (
	"fmt"
	"math/big"
)

// The data model is nil, bool, string, int, float64, *big.Int, json.Number,
// []any and map[string]any.

// Truthy is jq's truth: everything but null and false.
func Truthy(v any) bool { return v != nil && v != false }

// clone copies the containers of v.
func clone(v any) any {
	switch v := v.(type) {
	case []any:
		items := make([]any, len(v))
		for i, item := range v {
			items[i] = clone(item)
		}
		return items
	case map[string]any:
		object := make(map[string]any, len(v))
		//workflowcheck:ignore fills a map
		for key, item := range v {
			object[key] = clone(item)
		}
		return object
	}
	return v
}

// errSize is one text for two bounds: map order must not decide which is hit first.
var errSize = limitError(fmt.Sprintf("larger than %d bytes or nested deeper than %d", MaxSize, MaxDepth))

// measure refuses a value that is too large or too deep to be data. It visits a
// value as often as it is reachable, and stops at the bound.
func measure(v any) error {
	left := MaxSize
	if !measured(v, &left, 0) {
		return errSize
	}
	return nil
}

func measured(v any, left *int, depth int) bool {
	if *left -= 8; *left < 0 || depth > MaxDepth {
		return false
	}
	switch v := v.(type) {
	case string:
		*left -= len(v)
	case *big.Int:
		*left -= v.BitLen() / 3
	case []any:
		for _, item := range v {
			if !measured(item, left, depth+1) {
				return false
			}
		}
	case map[string]any:
		//workflowcheck:ignore a sum has no order
		for key, item := range v {
			*left -= len(key)
			if !measured(item, left, depth+1) {
				return false
			}
		}
	}
	return *left >= 0
}
