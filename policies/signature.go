package policies

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// The beginnings of signatures say what they are over; one that ends has its end next.
const (
	signaturePrefix = "lazaret-ed25519-1:"
	endingPrefix    = "lazaret-ed25519-2:"
	endLayout       = "20060102T150405Z"
)

// publicKeyPrefix begins each public key in a policy and in a key file.
const publicKeyPrefix = "ed25519:"

// ErrSignature is wrapped when a signature is not one, or not of the document.
var ErrSignature = errors.New("signature")

// ErrSignatureExpired is wrapped when a signature was the key's for the document.
// It wraps ErrSignature.
var ErrSignatureExpired = fmt.Errorf("%w has expired", ErrSignature)

// signed is what a signature is over: never a text that something else signs.
func signed(digest, end string) []byte {
	if end == "" {
		return []byte("lazaret definition 1\n" + digest + "\n")
	}
	return []byte("lazaret definition 2\n" + digest + "\n" + end + "\n")
}

// Sign signs a definition by the SHA-256 (hex) of its document. The signature holds
// before notAfter (whole seconds, UTC); the zero time is no end.
func Sign(key ed25519.PrivateKey, digest string, notAfter time.Time) string {
	if notAfter.IsZero() {
		return signaturePrefix + base64.StdEncoding.EncodeToString(ed25519.Sign(key, signed(digest, "")))
	}
	end := notAfter.UTC().Format(endLayout)
	return endingPrefix + end + ":" + base64.StdEncoding.EncodeToString(ed25519.Sign(key, signed(digest, end)))
}

// signature is one in its parts.
type signature struct {
	raw []byte
	end string    // as it was signed; empty: it has none
	at  time.Time // the same
}

func parseSignature(text string) (signature, error) {
	wrong := fmt.Errorf("%w: not one that begins with %s or %s", ErrSignature, signaturePrefix, endingPrefix)
	var s signature
	text = strings.TrimSpace(text)
	encoded, ok := strings.CutPrefix(text, signaturePrefix)
	if !ok {
		if encoded, ok = strings.CutPrefix(text, endingPrefix); !ok {
			return s, wrong
		}
		var err error
		s.end, encoded, _ = strings.Cut(encoded, ":")
		if s.at, err = time.Parse(endLayout, s.end); err != nil {
			return s, wrong
		}
	}
	var err error
	if s.raw, err = base64.StdEncoding.Strict().DecodeString(encoded); err != nil || len(s.raw) != ed25519.SignatureSize {
		return s, wrong
	}
	return s, nil
}

// VerifySignature says why a signature is not the key's for the document of a
// digest at a time; nil, if it is. Its error wraps ErrSignature, and
// ErrSignatureExpired where it was the key's before.
func VerifySignature(key ed25519.PublicKey, digest, text string, now time.Time) error {
	s, err := parseSignature(text)
	switch {
	case err != nil:
		return err
	case len(key) != ed25519.PublicKeySize || !ed25519.Verify(key, signed(digest, s.end), s.raw):
		return fmt.Errorf("%w: not this key's for the document with the SHA-256 %s", ErrSignature, digest)
	case s.end != "" && !now.Before(s.at):
		return fmt.Errorf("%w, at %s", ErrSignatureExpired, s.at.Format(time.RFC3339))
	}
	return nil
}

// signatureEnd is when a signature ends; zero where it does not, or is none.
func signatureEnd(text string) time.Time {
	s, err := parseSignature(text)
	if err != nil {
		return time.Time{}
	}
	return s.at
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
// has, and why it has none of them; nil where it has one, or none at all.
func (p *Policy) signedBy(id Identity) (names []string, expired error) {
	if id.Signature == "" {
		return nil, nil
	}
	if p.assumed != "" {
		return []string{p.assumed}, nil
	}
	for _, s := range p.signers {
		err := VerifySignature(s.key, id.Digest, id.Signature, p.clock())
		if err == nil {
			if err = p.Suspended(BySigner, s.name); err == nil {
				names = append(names, s.name)
			} else {
				expired = fmt.Errorf("signature counts no more: %w", err)
			}
		} else if errors.Is(err, ErrSignatureExpired) {
			expired = err
		}
	}
	return names, expired
}

// clock is the time by which signatures end.
func (p *Policy) clock() time.Time {
	if p.now == nil {
		return time.Now()
	}
	return p.now()
}

// unmet says why the rule's requirement of a signature is not met; empty, if it is.
func (p *Policy) unmet(r *rule, id Identity, d decision) string {
	e := p.effective(r, r.level())
	required := fmt.Sprintf("rule %q requires a signature by %s, and the definition", r.name, strings.Join(e.Signers, " or "))
	switch {
	case len(e.Signers) == 0 || slices.ContainsFunc(e.Signers, func(s string) bool { return slices.Contains(d.signers, s) }):
		return ""
	case id.Signature == "":
		return required + " has none"
	case d.expired != nil:
		return required + "'s " + d.expired.Error() + "; sign it again"
	}
	return required + "'s is not theirs, or it was altered"
}
