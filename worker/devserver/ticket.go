//go:build !nodevserver

package devserver

import (
	"crypto/rand"
	"crypto/sha256"
	"sync"
	"time"
)

// ticketBox hands out random tickets and remembers those that are still good. It
// keeps digests only, so that lookups take no time that depends on a secret. It
// is safe for concurrent use.
type ticketBox struct {
	ttl time.Duration

	mu sync.Mutex
	// good maps a ticket's digest to its expiry.
	good map[[sha256.Size]byte]time.Time
}

func newTicketBox(ttl time.Duration) *ticketBox {
	return &ticketBox{ttl: ttl, good: map[[sha256.Size]byte]time.Time{}}
}

// issue returns a new ticket and when it expires.
func (b *ticketBox) issue(now time.Time) (ticket string, expires time.Time) {
	ticket, expires = rand.Text(), now.Add(b.ttl)
	b.mu.Lock()
	defer b.mu.Unlock()
	for digest, end := range b.good {
		if !now.Before(end) {
			delete(b.good, digest)
		}
	}
	b.good[sha256.Sum256([]byte(ticket))] = expires
	return ticket, expires
}

// valid reports whether ticket is good at now.
func (b *ticketBox) valid(ticket string, now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return now.Before(b.good[sha256.Sum256([]byte(ticket))])
}

// redeem reports whether ticket is good at now, and makes it bad.
func (b *ticketBox) redeem(ticket string, now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	digest := sha256.Sum256([]byte(ticket))
	good := now.Before(b.good[digest])
	delete(b.good, digest)
	return good
}
