package egress

import (
	"context"
	"errors"
	"net"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestSystemResolver_Hosts: a name without a dot that stands in /etc/hosts is found
// there, and what it leads to is judged as ever.
func TestSystemResolver_Hosts(t *testing.T) {
	t.Parallel()
	noServer := systemResolver{dial: func(_ context.Context, _, address string) (net.Conn, error) {
		t.Errorf("asked the server %s", address)
		return nil, errors.New("no")
	}}
	found, err := noServer.LookupNetIP(t.Context(), "ip", "localhost")
	require.NoError(t, err)
	require.NotEmpty(t, found)
	for _, a := range found {
		assert.True(t, a.IsLoopback(), a)
	}

	rule, err := ParseRule("localhost:80")
	require.NoError(t, err)
	_, err = (&Dialer{Rules: []Rule{rule}, Resolver: noServer}).DialContext(t.Context(), "tcp", "localhost:80")
	var denial *Denial
	require.ErrorAs(t, err, &denial)
	assert.Equal(t, ForbiddenAddress, denial.Kind)
}

// TestSystemResolver_Servers: what stands nowhere is asked for as it is, not as the
// search list would have it.
func TestSystemResolver_Servers(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"nowhere-to-be-found", "nowhere.to-be-found.invalid"} {
		asked := false
		r := systemResolver{dial: func(context.Context, string, string) (net.Conn, error) {
			asked = true
			return nil, errors.New("no")
		}}
		_, err := r.LookupNetIP(t.Context(), "ip4", name)
		var wrong *net.DNSError
		require.ErrorAs(t, err, &wrong)
		assert.Equal(t, name+".", wrong.Name)
		assert.True(t, asked)
	}
}
