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
	mu     sync.Mutex
	parsed map[string]*definition.Definition
}

// maxCachedDefinitions bounds the cache; beyond it, the cache starts anew.
const maxCachedDefinitions = 1024

var definitions = definitionCache{parsed: map[string]*definition.Definition{}}

func (c *definitionCache) load(source contract.Source) (*definition.Definition, error) {
	if def := c.get(source.Digest); def != nil {
		return def, nil
	}
	def, err := definition.Parse(source.File, []byte(source.Document))
	if err != nil {
		return nil, configurationFault(fmt.Sprintf("definition: %v", err))
	}
	if def.Digest != source.Digest {
		return nil, configurationFault(fmt.Sprintf("definition: its digest is %s, not %q", def.Digest, source.Digest))
	}
	c.put(def)
	return def, nil
}

func (c *definitionCache) get(digest string) *definition.Definition {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.parsed[digest]
}

func (c *definitionCache) put(def *definition.Definition) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.parsed) >= maxCachedDefinitions {
		c.parsed = map[string]*definition.Definition{}
	}
	c.parsed[def.Digest] = def
}
