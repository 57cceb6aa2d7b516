package codec

import (
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"regexp"
	"time"
)

// Key is one key of a ring. It prints without its secret.
type Key struct {
	// ID names the key beside every payload that it sealed. It is no secret.
	ID        string
	Algorithm Algorithm
	Created   time.Time
	// From is when the key begins to seal. Until then it only opens: so every
	// process can have it before the first payload needs it.
	From time.Time

	secret []byte
	aead   cipher.AEAD
}

// NewKey makes a random key that seals from the given time on.
func NewKey(algorithm Algorithm, created, from time.Time) (Key, error) {
	secret := make([]byte, keySize)
	_, _ = rand.Read(secret) // never fails, by its contract
	id := created.UTC().Format("20060102") + "-" + rand.Text()[:8]
	return newKey(id, algorithm, secret, created, from)
}

var keyID = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

func newKey(id string, algorithm Algorithm, secret []byte, created, from time.Time) (Key, error) {
	if !keyID.MatchString(id) {
		return Key{}, &Error{Reason: fmt.Sprintf("key name %.80q is not letters, digits, dots, dashes and underscores, 64 at most", id)}
	}
	if len(secret) != keySize {
		return Key{}, &Error{Reason: fmt.Sprintf("key %q has %d bytes, not %d", id, len(secret), keySize), Hint: "make keys with lazaret keys create"}
	}
	aead, err := algorithm.aead(secret)
	if err != nil {
		return Key{}, &Error{Reason: fmt.Sprintf("key %q", id), Err: err}
	}
	return Key{ID: id, Algorithm: algorithm, Created: created.UTC(), From: from.UTC(), secret: secret, aead: aead}, nil
}

// String names the key.
func (k Key) String() string { return k.ID + " (" + string(k.Algorithm) + ")" }

// GoString keeps the secret out of %#v.
func (k Key) GoString() string { return "codec.Key{" + k.String() + "}" }

// storedKey is a key in the file of a ring.
type storedKey struct {
	ID        string    `json:"id"`
	Algorithm string    `json:"algorithm"`
	Created   time.Time `json:"created"`
	From      time.Time `json:"from"`
	Secret    string    `json:"secret"` // base64
}

func (k Key) store() storedKey {
	return storedKey{ID: k.ID, Algorithm: string(k.Algorithm), Created: k.Created, From: k.From, Secret: base64.StdEncoding.EncodeToString(k.secret)}
}

func (s storedKey) load() (Key, error) {
	algorithm, err := ParseAlgorithm(s.Algorithm)
	if err != nil {
		return Key{}, err
	}
	secret, err := base64.StdEncoding.DecodeString(s.Secret)
	if err != nil {
		return Key{}, &Error{Reason: fmt.Sprintf("secret of key %.80q is no base64", s.ID)}
	}
	return newKey(s.ID, algorithm, secret, s.Created, s.From)
}
