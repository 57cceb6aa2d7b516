package environments

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The order of PEP 440, from its own examples.
func TestParseVersion_Order(t *testing.T) {
	ordered := []string{
		"1.dev0", "1.0.dev456", "1.0a1", "1.0a2.dev456", "1.0a12.dev456", "1.0a12", "1.0b1.dev456", "1.0b2", "1.0b2.post345.dev456",
		"1.0b2.post345", "1.0rc1.dev456", "1.0rc1", "1.0", "1.0.post456.dev34", "1.0.post456", "1.0.15", "1.1.dev1", "1!0.1",
	}
	for i := range ordered[1:] {
		a, ok := parseVersion(ordered[i])
		require.True(t, ok, ordered[i])
		b, ok := parseVersion(ordered[i+1])
		require.True(t, ok, ordered[i+1])
		assert.Negative(t, a.compare(b), "%s < %s", ordered[i], ordered[i+1])
	}
}

func TestParseVersion_Spellings(t *testing.T) {
	for _, same := range [][2]string{
		{"1.0", "v1.0.0"}, {"1.0a1", "1.0-alpha.1"}, {"1.0rc1", "1.0c1"}, {"1.0rc1", "1.0PREVIEW1"}, {"1.0.post1", "1.0-1"}, {"1.0.post0", "1.0.post"}, {"1.0.post2", "1.0r2"}, {"1.0.dev0", "1.0dev"},
	} {
		a, ok := parseVersion(same[0])
		require.True(t, ok)
		b, ok := parseVersion(same[1])
		require.True(t, ok, same[1])
		assert.Zero(t, a.compare(b), same)
	}
	for _, none := range []string{"", "x", "1..0", "1.0+", "1.0x"} {
		_, ok := parseVersion(none)
		assert.False(t, ok, none)
	}
}
