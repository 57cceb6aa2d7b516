package worker

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestHostOverrides: keys are as a dialer asks for them, however the operator writes the host.
func TestHostOverrides(t *testing.T) {
	all, err := hostOverrides([]string{
		"API.example.com.=127.0.0.1:1", "bücher.example:80=127.0.0.1:2", "[::1]:9=[::1]:3", "10.0.0.1:80=127.0.0.1:4",
	})
	require.NoError(t, err)
	assert.Equal(t, map[string]string{
		"api.example.com:443": "127.0.0.1:1", "xn--bcher-kva.example:80": "127.0.0.1:2", "[::1]:9": "[::1]:3", "10.0.0.1:80": "127.0.0.1:4",
	}, all)
	for _, text := range []string{
		"", "a.test", "a.test=host:1", "a.test=127.0.0.1", "=127.0.0.1:1", "*.test:1=127.0.0.1:1", "*:1=127.0.0.1:1",
		"10.0.0.0/8:1=127.0.0.1:1", "a.test:0=127.0.0.1:1", "a_b..test:1=127.0.0.1:1", "0x7f.1:1=127.0.0.1:1",
	} {
		_, err := hostOverrides([]string{text})
		assert.ErrorContains(t, err, "--host-override", text)
	}
}
