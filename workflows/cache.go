package workflows

import (
	"fmt"
	"sync"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/workflows/definition"
)

// definitionCache keeps parsed definitions by digest. Parsing is a pure
// function of the source, so a hit and a miss are the same to a replay.
type definitionCache struct {
	parsedCache[*definition.Definition]
}

var definitions definitionCache

func (c *definitionCache) load(source contract.Source) (*definition.Definition, error) {
	if def, ok := c.get(source.Digest); ok {
		return def, nil
	}
	def, err := definition.ParseBegun(source.File, []byte(source.Document))
	if err != nil {
		return nil, configurationFault(fmt.Sprintf("definition: %v", err))
	}
	if def.Digest != source.Digest {
		return nil, configurationFault(fmt.Sprintf("definition: its digest is %s, not %q", def.Digest, source.Digest))
	}
	c.put(def.Digest, def)
	return def, nil
}

// parsedCache keeps what was parsed by the digest of its text.
type parsedCache[T any] struct {
	mu     sync.Mutex
	parsed map[string]T
}

// maxCached bounds a cache; beyond it, the cache starts anew.
const maxCached = 1024

func (c *parsedCache[T]) get(digest string) (T, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	parsed, ok := c.parsed[digest]
	return parsed, ok
}

func (c *parsedCache[T]) put(digest string, parsed T) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.parsed == nil || len(c.parsed) >= maxCached {
		c.parsed = map[string]T{}
	}
	c.parsed[digest] = parsed
}
