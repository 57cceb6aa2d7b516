package workflows

import (
	"encoding/json"
	"fmt"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/workflows/expression"
)

// encodeBounded encodes what is about to cross into Temporal and faults, naming
// it, when it is larger than Temporal takes.
func encodeBounded(v any, what string) (json.RawMessage, error) {
	data, err := encode(v)
	if err != nil {
		return nil, runtimeFault("", fmt.Sprintf("%s: %v", what, err))
	}
	if len(data) > contract.MaxPayload {
		return nil, runtimeFault("", fmt.Sprintf(
			"%s is %d bytes of JSON, over the limit of %d; pass less, or a reference to where it is stored",
			what, len(data), contract.MaxPayload))
	}
	return data, nil
}

func encode(v any) ([]byte, error) {
	switch v.(type) {
	case snapshot, contract.Process, contract.Start, contract.Call:
		return json.Marshal(v)
	}
	return expression.Encode(v)
}

// integer reads a whole number of any of the data model's number types.
func integer(v any) (int, bool) {
	switch v := v.(type) {
	case int:
		return v, true
	case float64:
		return int(v), v == float64(int(v))
	case json.Number:
		n, err := v.Int64()
		return int(n), err == nil
	}
	return 0, false
}
