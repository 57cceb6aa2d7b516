//go:build !nodevserver

package devserver

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTicketBox(t *testing.T) {
	now := time.Now()
	b := newTicketBox(time.Minute)
	ticket, expires := b.issue(now)
	require.Equal(t, now.Add(time.Minute), expires)

	require.True(t, b.valid(ticket, now))
	require.True(t, b.valid(ticket, expires.Add(-1)))
	require.False(t, b.valid(ticket, expires), "expired")
	require.False(t, b.valid("", now))
	require.False(t, b.valid("guess", now))

	require.True(t, b.redeem(ticket, now))
	require.False(t, b.redeem(ticket, now), "used up")
	require.False(t, b.valid(ticket, now))

	late, _ := b.issue(now)
	require.False(t, b.redeem(late, now.Add(time.Minute)), "expired")
	_, _ = b.issue(now)
	_, _ = b.issue(now.Add(time.Hour))
	require.Len(t, b.good, 1, "expired tickets are forgotten")
}
