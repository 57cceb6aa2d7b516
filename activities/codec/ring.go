package codec

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// Ring is a set of keys: one seals, all open. It is immutable.
type Ring struct {
	keys []Key // by From, then ID
}

// NewRing returns a ring of these keys.
func NewRing(keys ...Key) (Ring, error) {
	keys = slices.Clone(keys)
	slices.SortFunc(keys, func(a, b Key) int {
		if c := a.From.Compare(b.From); c != 0 {
			return c
		}
		return bytes.Compare([]byte(a.ID), []byte(b.ID))
	})
	seen := map[string]bool{}
	for _, k := range keys {
		if seen[k.ID] {
			return Ring{}, &Error{Reason: fmt.Sprintf("key %q is in the ring twice", k.ID)}
		}
		seen[k.ID] = true
	}
	return Ring{keys: keys}, nil
}

// Keys returns the keys, oldest first.
func (r Ring) Keys() []Key { return slices.Clone(r.keys) }

// Sealing returns the key that seals at a time: the newest that has begun. The
// boolean is false when none has.
func (r Ring) Sealing(at time.Time) (Key, bool) {
	for _, k := range slices.Backward(r.keys) {
		if !k.From.After(at) {
			return k, true
		}
	}
	return Key{}, false
}

func (r Ring) find(id string) (Key, bool) {
	i := slices.IndexFunc(r.keys, func(k Key) bool { return k.ID == id })
	if i < 0 {
		return Key{}, false
	}
	return r.keys[i], true
}

// With returns the ring with one more key.
func (r Ring) With(key Key) (Ring, error) { return NewRing(append(r.Keys(), key)...) }

// Without returns the ring without a key. It refuses the one that seals.
func (r Ring) Without(id string, at time.Time) (Ring, error) {
	if _, found := r.find(id); !found {
		return Ring{}, &Error{Reason: fmt.Sprintf("no key %q in the ring", id), Hint: "lazaret keys list shows them"}
	}
	if sealing, _ := r.Sealing(at); sealing.ID == id {
		return Ring{}, &Error{Reason: fmt.Sprintf("key %q is the one that seals", id), Hint: "run lazaret keys rotate first, and wait until the new key has begun"}
	}
	return NewRing(slices.DeleteFunc(r.Keys(), func(k Key) bool { return k.ID == id })...)
}

const ringVersion = 1

type storedRing struct {
	Version int         `json:"version"`
	Keys    []storedKey `json:"keys"`
}

// Encode renders the ring, secrets and all, for a file that only its owner may read.
func (r Ring) Encode() ([]byte, error) {
	stored := storedRing{Version: ringVersion, Keys: []storedKey{}}
	for _, k := range r.keys {
		stored.Keys = append(stored.Keys, k.store())
	}
	text, err := json.MarshalIndent(stored, "", "  ")
	return append(text, '\n'), err
}

// ParseRing reads what Encode wrote. Unknown members and versions are refused.
func ParseRing(text []byte) (Ring, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	var stored storedRing
	if err := decoder.Decode(&stored); err != nil {
		// The decoder's words may quote the text, and that holds secrets.
		return Ring{}, &Error{Reason: fmt.Sprintf("no key ring in JSON, at byte %d", decoder.InputOffset()), Hint: "make one with lazaret keys create"}
	}
	if stored.Version != ringVersion {
		return Ring{}, &Error{Reason: fmt.Sprintf("key ring of version %d, not %d", stored.Version, ringVersion), Hint: "use the lazaret that made it"}
	}
	keys := make([]Key, 0, len(stored.Keys))
	for _, s := range stored.Keys {
		k, err := s.load()
		if err != nil {
			return Ring{}, err
		}
		keys = append(keys, k)
	}
	if len(keys) == 0 {
		return Ring{}, &Error{Reason: "key ring without a key", Hint: "make one with lazaret keys create"}
	}
	return NewRing(keys...)
}
