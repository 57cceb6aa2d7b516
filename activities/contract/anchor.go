package contract

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"time"
)

// AuditAnchor is the workflow type of the entity that keeps heads of one audit log
// where the log's owner cannot change them. It takes an Anchor.
const AuditAnchor = "lazaret.audit"

// What an anchor answers to.
const (
	AnchorSignal = "head"  // an AuditHead
	AnchorQuery  = "heads" // → Anchor
)

// AuditHead is the newest line of an audit log, signed. Whoever keeps a head
// elsewhere can prove later that the log up to it is the same, and that nothing was
// cut off.
type AuditHead struct {
	Seq       uint64    `json:"seq"`
	Hash      string    `json:"hash"`
	Time      time.Time `json:"time"`
	Signature string    `json:"signature"`
}

// Message is what the signature signs.
func (h AuditHead) Message() []byte {
	return fmt.Appendf(nil, "lazaret audit head 1\n%d\n%s\n%s\n", h.Seq, h.Hash, h.Time.UTC().Format(time.RFC3339Nano))
}

// Verify reports whether the owner of the key signed exactly this head.
func (h AuditHead) Verify(key ed25519.PublicKey) bool {
	signature, err := base64.StdEncoding.DecodeString(h.Signature)
	return err == nil && len(key) == ed25519.PublicKeySize && ed25519.Verify(key, h.Message(), signature)
}

// Anchor is the newest heads of a log, the newest last.
type Anchor struct {
	Key   []byte      `json:"key"` // the log's Ed25519 public key
	Heads []AuditHead `json:"heads,omitempty"`
	// Refused counts heads that the key had not signed, or that were not newer.
	Refused int `json:"refused,omitempty"`
}

// AnchorID is the workflow id of the anchor of the log with this key.
func AnchorID(key []byte) string {
	sum := sha256.Sum256(key)
	return "audit/" + hex.EncodeToString(sum[:16])
}
