package events

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"

	"lazaret.dev/lazaret/activities/contract"
)

// tag authenticates an envelope's event and sender among the workers that share
// a key: HMAC-SHA256. Empty without a key.
func (g *Gateway) tag(e contract.Envelope) string {
	if len(g.Key) == 0 {
		return ""
	}
	mac := hmac.New(sha256.New, g.Key)
	s := e.Sender
	fmt.Fprintf(mac, "lazaret event 1\n%q\n%q\n%q\n%q\n", s.Identity, s.Version, s.Digest, s.Execution)
	_, _ = mac.Write(e.Event) // never fails (package hash)
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// authentic tells, in constant time, whether a worker with our key made the envelope.
func (g *Gateway) authentic(e contract.Envelope) bool {
	event, err := canonical(e.Event)
	if err != nil {
		return false
	}
	e.Event = event
	return hmac.Equal([]byte(g.tag(e)), []byte(e.Tag))
}
