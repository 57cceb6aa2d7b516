package definition_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/workflows/definition"
)

// TestParseBegun: what was only warned of once stops nothing that has begun; whatever
// else is wrong does.
func TestParseBegun(t *testing.T) {
	const text = "document: {dsl: '1.0.3', namespace: n, name: a, version: 1.0.0}\nsteps: []\ndo: [a: {set: {b: 1}}]\n"
	_, err := definition.Parse("a.yaml", []byte(text))
	require.ErrorContains(t, err, "document.unknown-key")
	d, err := definition.ParseBegun("a.yaml", []byte(text))
	require.NoError(t, err)
	right, err := definition.Parse("a.yaml", []byte(strings.Replace(text, "steps: []\n", "", 1)))
	require.NoError(t, err)
	assert.Equal(t, right.Document, d.Document)
	assert.Len(t, d.Do, 1)
	_, err = definition.ParseBegun("a.yaml", []byte(strings.Replace(text, "set:", "sett:", 1)))
	require.Error(t, err)
	require.NotContains(t, err.Error(), "document.unknown-key")
	_, err = definition.ParseBegun("a.yaml", []byte("]"))
	require.Error(t, err)
}
