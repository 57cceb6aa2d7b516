package workflows

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/activities/contract"
)

func TestEncodeBounded(t *testing.T) {
	fits := strings.Repeat("x", contract.MaxPayload-len(`""`))
	data, err := encodeBounded(fits, "the output")
	require.NoError(t, err)
	assert.Len(t, data, contract.MaxPayload)

	_, err = encodeBounded(fits+"x", "the output")
	var fault *contract.Fault
	require.ErrorAs(t, err, &fault)
	assert.Equal(t, contract.RuntimeError, fault.Type)
	assert.Contains(t, fault.Detail, "the output is 2031617 bytes of JSON, over the limit of 2031616")
}

func TestEncodeBounded_KeepsNumbersAndText(t *testing.T) {
	data, err := encodeBounded(map[string]any{"n": json.Number("9007199254740993"), "t": "<&>"}, "the output")
	require.NoError(t, err)
	//nolint:testifylint // the very text is meant: no digit lost, nothing escaped
	assert.Equal(t, `{"n":9007199254740993,"t":"<&>"}`, string(data))
}

func TestInteger(t *testing.T) {
	for _, v := range []any{404, 404.0, json.Number("404")} {
		n, ok := integer(v)
		assert.True(t, ok, "%T", v)
		assert.Equal(t, 404, n)
	}
	for _, v := range []any{nil, "404", 404.5, json.Number("404.5"), true} {
		_, ok := integer(v)
		assert.False(t, ok, "%T", v)
	}
}
