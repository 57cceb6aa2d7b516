package checker

import (
	"crypto/sha256"
	"sync"
)

// maxCached bounds the cache, in scripts.
const maxCached = 4096

// cache keeps facts for as long as the process lives; its key covers all that
// they depend on. When it is full it starts anew, which costs each live script
// one more check. The zero cache is ready for use.
type cache struct {
	mu    sync.Mutex
	facts map[[sha256.Size]byte]Facts
}

func (c *cache) get(key [sha256.Size]byte) (Facts, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	facts, ok := c.facts[key]
	return facts, ok
}

func (c *cache) put(key [sha256.Size]byte, facts Facts) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.facts == nil || len(c.facts) >= maxCached {
		c.facts = map[[sha256.Size]byte]Facts{}
	}
	c.facts[key] = facts
}
