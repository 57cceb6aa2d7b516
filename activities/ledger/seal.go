package ledger

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"

	"lazaret.dev/lazaret/activities/contract"
)

// Purpose keeps apart what the key vouches for: a text that was signed for one
// purpose is worth nothing for another.
type Purpose string

// The purposes.
const (
	ForReport   Purpose = "report"
	ForHeld     Purpose = "held"
	ForOrder    Purpose = "order"
	ForRelation Purpose = "relation"
	ForEnding   Purpose = "ending"
)

// ErrForged is the error of a text that no worker has written.
var ErrForged = errors.New("no worker vouches for it")

// Key is what workers alone have, and all workers of a Temporal namespace share. A
// nil Key vouches for nothing and trusts whoever can write to Temporal.
type Key []byte

// Sign makes a text that Open takes, with the same key and purpose alone.
func (k Key) Sign(purpose Purpose, value any) (contract.Signed, error) {
	body, err := json.Marshal(value)
	if err != nil {
		return contract.Signed{}, fmt.Errorf("%s: %w", purpose, err)
	}
	return contract.Signed{Body: string(body), Tag: k.tag(purpose, string(body))}, nil
}

// Open reads a text into value. Its error wraps ErrForged where the key does not
// vouch for the text.
func (k Key) Open(purpose Purpose, s contract.Signed, value any) error {
	if k != nil && !hmac.Equal([]byte(s.Tag), []byte(k.tag(purpose, s.Body))) {
		return fmt.Errorf("%s: %w", purpose, ErrForged)
	}
	if err := json.Unmarshal([]byte(s.Body), value); err != nil {
		return fmt.Errorf("%s: %w: %w", purpose, ErrForged, err)
	}
	return nil
}

func (k Key) tag(purpose Purpose, body string) string {
	if k == nil {
		return ""
	}
	mac := hmac.New(sha256.New, k)
	fmt.Fprintf(mac, "lazaret ledger 1\n%s\n%s", purpose, body)
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}
