package audit

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"
)

// Hash is the SHA-256 of a line without its newline.
type Hash [sha256.Size]byte

func hashOf(line []byte) Hash { return sha256.Sum256(line) }

// String is the hash in hexadecimal.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

func sortedKeys(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }
