package policies

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"
)

// LevelGrant entitles one execution, with everything it runs, to a level
// weaker than the worker's. The operator's own machine makes it with the
// install's key, which neither a definition nor a client of Temporal has.
type LevelGrant struct {
	Execution string // workflow id of the outermost execution
	Level     Level
	Digests   []string // of the definitions covered, in any order
}

// Sign returns the grant's signature: HMAC-SHA256 over all its fields.
func (g LevelGrant) Sign(key []byte) string {
	mac := hmac.New(sha256.New, key)
	digests := slices.Sorted(slices.Values(g.Digests))
	fmt.Fprintf(mac, "lazaret level grant 1\n%q\n%s\n%q\n", g.Execution, g.Level, digests)
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// Verify tells, in constant time, whether the signature was made with the key
// for exactly this grant.
func (g LevelGrant) Verify(key []byte, signature string) bool {
	return hmac.Equal([]byte(g.Sign(key)), []byte(signature))
}
