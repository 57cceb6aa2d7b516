package calls

import (
	"context"
	"crypto/md5" //nolint:gosec // RFC 7616 has it; the server chooses
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"net/http"
	"strings"

	"github.com/icholy/digest"
)

// digestAuthorizer answers the challenge of the first 401 (RFC 7616).
type digestAuthorizer struct {
	user, password string
	challenge      *digest.Challenge
}

func (d *digestAuthorizer) authorize(_ context.Context, r *http.Request) error {
	if d.challenge == nil {
		return nil
	}
	credentials, err := answerChallenge(d.challenge, digest.Options{
		Method: r.Method, URI: r.URL.RequestURI(), Username: d.user, Password: d.password, Count: 1,
		GetBody: func() (io.ReadCloser, error) {
			if r.GetBody == nil {
				return http.NoBody, nil
			}
			return r.GetBody()
		},
	})
	if err != nil {
		return fault(Unauthenticated, err, "authentication digest: the server's challenge")
	}
	r.Header.Set("Authorization", credentials.String())
	return nil
}

func (d *digestAuthorizer) again(response *http.Response) bool {
	for _, text := range response.Header.Values("WWW-Authenticate") {
		challenge, err := digest.ParseChallenge(text)
		if err == nil && answerable(challenge) {
			d.challenge = challenge // the server names what it prefers first
			return true
		}
	}
	return false
}

// sessionHashes are those of the algorithms with a key of their own for each session,
// whose names end in -sess.
var sessionHashes = map[string]func() hash.Hash{
	"MD5": md5.New, "SHA-256": sha256.New, "SHA-512-256": sha512.New512_256,
}

// sessionHash is the algorithm without its -sess, with its hash; nil where it is none
// of a session.
func sessionHash(algorithm string) (name string, newHash func() hash.Hash) {
	name, found := strings.CutSuffix(strings.ToUpper(algorithm), "-SESS")
	if !found {
		return name, nil
	}
	return name, sessionHashes[name]
}

// answerable says whether a challenge can be answered. One of a session needs a qop:
// without, the server is not told the client's nonce, which its key is made of.
func answerable(c *digest.Challenge) bool {
	name, newHash := sessionHash(c.Algorithm)
	if newHash == nil {
		return digest.CanDigest(c)
	}
	plain := *c
	plain.Algorithm = name
	return len(c.QOP) > 0 && digest.CanDigest(&plain)
}

// answerChallenge is digest.Digest, and also answers the algorithms of a session: their
// first hash is of the plain one's and both nonces (RFC 7616, 3.4.2).
func answerChallenge(c *digest.Challenge, o digest.Options) (*digest.Credentials, error) {
	name, newHash := sessionHash(c.Algorithm)
	if newHash == nil {
		return digest.Digest(c, o)
	}
	if o.Cnonce == "" {
		o.Cnonce = rand.Text()
	}
	key := hexHash(newHash, o.Username+":"+c.Realm+":"+o.Password)
	o.A1 = hexHash(newHash, key+":"+c.Nonce+":"+o.Cnonce)
	plain := *c
	plain.Algorithm = name
	credentials, err := digest.Digest(&plain, o)
	if err != nil {
		return nil, fmt.Errorf("algorithm %s: %w", c.Algorithm, err)
	}
	credentials.Algorithm = c.Algorithm
	return credentials, nil
}

func hexHash(newHash func() hash.Hash, text string) string {
	h := newHash()
	_, _ = io.WriteString(h, text)
	return hex.EncodeToString(h.Sum(nil))
}
