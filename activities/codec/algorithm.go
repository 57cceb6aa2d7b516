package codec

import (
	"crypto/aes"
	"crypto/cipher"
	"fmt"
	"strings"

	"golang.org/x/crypto/chacha20poly1305"
)

// Algorithm names an AEAD. Both have keys of 32 bytes, nonces of 12 and tags of 16.
type Algorithm string

// The algorithms. Nonces are random: renew a key before it has sealed 2^32 payloads.
const (
	ChaCha20Poly1305 Algorithm = "chacha20-poly1305"
	AES256GCM        Algorithm = "aes-256-gcm"
)

const keySize = 32 // bytes

// ParseAlgorithm returns the algorithm of a name. Modes that do not authenticate
// are refused.
func ParseAlgorithm(name string) (Algorithm, error) {
	switch a := Algorithm(strings.ToLower(name)); {
	case a == ChaCha20Poly1305, a == AES256GCM:
		return a, nil
	case strings.Contains(string(a), "cbc"), strings.Contains(string(a), "ctr"), strings.Contains(string(a), "ecb"):
		return "", &Error{
			Reason: fmt.Sprintf("algorithm %q does not notice changes to what it encrypts", name),
			Hint:   "use " + string(ChaCha20Poly1305) + " or " + string(AES256GCM),
		}
	}
	return "", &Error{Reason: fmt.Sprintf("algorithm %q is unknown", name), Hint: "use " + string(ChaCha20Poly1305) + " or " + string(AES256GCM)}
}

func (a Algorithm) aead(secret []byte) (cipher.AEAD, error) {
	if a == AES256GCM {
		block, err := aes.NewCipher(secret)
		if err != nil {
			return nil, err
		}
		return cipher.NewGCM(block)
	}
	return chacha20poly1305.New(secret)
}
