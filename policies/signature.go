package policies

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// signaturePrefix begins each signature, and says what it is over.
const signaturePrefix = "lazaret-ed25519-1:"

// publicKeyPrefix begins each public key in a policy and in a key file.
const publicKeyPrefix = "ed25519:"

// ErrSignature is wrapped when a signature is not one, or not of the document.
var ErrSignature = errors.New("signature")

// signed is what a signature is over: never a text that something else signs.
func signed(digest string) []byte { return []byte("lazaret definition 1\n" + digest + "\n") }

// Sign signs a definition by the SHA-256 (hex) of its document.
func Sign(key ed25519.PrivateKey, digest string) string {
	return signaturePrefix + base64.StdEncoding.EncodeToString(ed25519.Sign(key, signed(digest)))
}

// VerifySignature says why a signature is not the key's for the document of a
// digest; nil, if it is. Its error wraps ErrSignature.
func VerifySignature(key ed25519.PublicKey, digest, signature string) error {
	encoded, ok := strings.CutPrefix(strings.TrimSpace(signature), signaturePrefix)
	raw, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if !ok || err != nil || len(raw) != ed25519.SignatureSize {
		return fmt.Errorf("%w: not one that begins with %s", ErrSignature, signaturePrefix)
	}
	if len(key) != ed25519.PublicKeySize || !ed25519.Verify(key, signed(digest), raw) {
		return fmt.Errorf("%w: not this key's for the document with the SHA-256 %s", ErrSignature, digest)
	}
	return nil
}

// PublicKeyText is a public key as policies and key files hold it.
func PublicKeyText(key ed25519.PublicKey) string {
	return publicKeyPrefix + base64.StdEncoding.EncodeToString(key)
}

// ParsePublicKey reads what PublicKeyText writes.
func ParsePublicKey(text string) (ed25519.PublicKey, error) {
	encoded, ok := strings.CutPrefix(strings.TrimSpace(text), publicKeyPrefix)
	raw, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if !ok || err != nil || len(raw) != ed25519.PublicKeySize {
		return nil, fmt.Errorf("%.60q is no public key such as lazaret keygen writes, %s and 44 letters", text, publicKeyPrefix)
	}
	return raw, nil
}

// signedBy are the names of the policy's signers whose signature the definition
// has.
func (p *Policy) signedBy(id Identity) []string {
	if id.Signature == "" {
		return nil
	}
	if p.assumed != "" {
		return []string{p.assumed}
	}
	var names []string
	for _, s := range p.signers {
		if VerifySignature(s.key, id.Digest, id.Signature) == nil {
			names = append(names, s.name)
		}
	}
	return names
}

// unmet says why the rule's requirement of a signature is not met; empty, if it is.
func (p *Policy) unmet(r *rule, id Identity, signers []string) string {
	e := p.effective(r, r.level())
	switch {
	case len(e.Signers) == 0 || slices.ContainsFunc(e.Signers, func(s string) bool { return slices.Contains(signers, s) }):
		return ""
	case id.Signature == "":
		return fmt.Sprintf("rule %q requires a signature by %s, and the definition has none", r.name, strings.Join(e.Signers, " or "))
	}
	return fmt.Sprintf("rule %q requires a signature by %s, and the definition's is not theirs, or it was altered", r.name, strings.Join(e.Signers, " or "))
}
