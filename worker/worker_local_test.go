package worker

import (
	"bytes"
	"strings"
	"testing"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestLocalKeys: a worker beside the one that "lazaret up" brings has its keys, unless
// it is given others: else each would take the other's events for forged.
func TestLocalKeys(t *testing.T) {
	t.Parallel()
	temporalSession(t)
	own := sharedTemporal.embedded.worker.events.Key
	require.NotEmpty(t, own)
	address := sharedTemporal.embedded.server.Address()
	a := &app{stateDir: sharedTemporal.install.Dir()}

	var beside serviceOptions
	a.localKeys(address, &beside)
	assert.Equal(t, own, beside.events.key)
	assert.NotEmpty(t, beside.ledgerKey)
	assert.NotEqual(t, own, beside.ledgerKey)

	given := serviceOptions{events: eventOptions{key: []byte("e")}, ledgerKey: []byte("l")}
	a.localKeys(address, &given)
	assert.Equal(t, []byte("e"), given.events.key)
	assert.Equal(t, []byte("l"), given.ledgerKey)

	var elsewhere serviceOptions
	a.localKeys("127.0.0.1:1", &elsewhere)
	assert.Nil(t, elsewhere.events.key)
	assert.Nil(t, elsewhere.ledgerKey)
}

// TestEventKey_Missing: a worker that may send events and has no key says what that means.
func TestEventKey_Missing(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		rules   string
		options serviceOptions
		warns   bool
	}{
		"with rules": {"rules.yaml", serviceOptions{}, true},
		"without":    {"", serviceOptions{}, false},
		"with a key": {"rules.yaml", serviceOptions{events: eventOptions{key: []byte("k")}}, false},
		"of its own": {"rules.yaml", serviceOptions{grantKey: []byte("k")}, false},
	} {
		var said bytes.Buffer
		(&app{events: eventFlags{rules: c.rules}}).eventKey(c.options, zerolog.New(&said))
		assert.Equal(t, c.warns, strings.Contains(said.String(), "without --event-key"), name)
	}
}
