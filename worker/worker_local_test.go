package worker

import (
	"testing"

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
