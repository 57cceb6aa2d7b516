package egress

import (
	"net/netip"
	"sync"
)

// Synthetic is the range of addresses that the DNS stub gives: set aside for
// benchmarks, RFC 2544, so that no host has them.
var Synthetic = netip.MustParsePrefix("198.18.0.0/15")

// synthetic gives each name an address of its own for as long as the sandbox
// lives. It is safe for concurrent use.
type synthetic struct {
	mu        sync.Mutex
	most      int
	last      netip.Addr
	addresses map[string]netip.Addr
	names     map[netip.Addr]string
}

func newSynthetic(most int) *synthetic {
	return &synthetic{
		most:      min(most, 1<<16),
		last:      netip.MustParseAddr("198.18.0.255"), // the first few are the interface's own
		addresses: map[string]netip.Addr{},
		names:     map[netip.Addr]string{},
	}
}

// addressOf finds or gives the address of a canonical name; false when there are too many.
func (s *synthetic) addressOf(name string) (netip.Addr, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a, ok := s.addresses[name]; ok {
		return a, true
	}
	if len(s.addresses) >= s.most {
		return netip.Addr{}, false
	}
	s.last = s.last.Next()
	s.addresses[name], s.names[s.last] = s.last, name
	return s.last, true
}

func (s *synthetic) nameOf(a netip.Addr) (string, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	name, ok := s.names[a]
	return name, ok
}
