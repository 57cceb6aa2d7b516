package calls

import (
	"context"
	"crypto/md5"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"net/http"
	"testing"

	"github.com/icholy/digest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/activities/secrets"
)

// TestDigest_Sessions answers the challenges whose key is of one session. The server
// reckons by the words of RFC 7616 (3.4.1 to 3.4.3), and not by the library's means.
func TestDigest_Sessions(t *testing.T) {
	for algorithm, newHash := range map[string]func() hash.Hash{
		"MD5-sess": md5.New, "md5-sess": md5.New, "SHA-256-sess": sha256.New, "SHA-512-256-sess": sha512.New512_256,
	} {
		for _, qop := range []string{"auth", "auth-int"} {
			t.Run(algorithm+" "+qop, func(t *testing.T) {
				challenge := &digest.Challenge{Realm: "test", Nonce: "n1", Opaque: "o1", Algorithm: algorithm, QOP: []string{qop}}
				o := startOutside(t, func(w http.ResponseWriter, r *http.Request) {
					body, _ := io.ReadAll(r.Body)
					shown, err := digest.ParseCredentials(r.Header.Get("Authorization"))
					if err == nil && shown.Response == sessionResponse(newHash, r, shown, body) {
						answerJSON(w, http.StatusOK, shown.Algorithm+" "+shown.Opaque)
						return
					}
					w.Header().Add("WWW-Authenticate", `Digest realm="test", nonce="n1", algorithm=ROT13-sess, qop="auth"`)
					w.Header().Add("WWW-Authenticate", challenge.String())
					w.WriteHeader(http.StatusUnauthorized)
				})
				call := authenticated("digest", map[string]any{"username": "ada", "password": "pass-4711"})
				call["method"], call["body"] = "post", map[string]any{"n": 1}
				result, err := o.client(t).HTTP(context.Background(), call, &secrets.Redactor{}, false)
				require.NoError(t, err)
				assert.Equal(t, algorithm+" o1", result.Output)
				assert.Len(t, o.requests(), 2)
				call = authenticated("digest", map[string]any{"username": "ada", "password": "pass-0815"})
				_, err = o.client(t).HTTP(context.Background(), call, &secrets.Redactor{}, false)
				assert.Equal(t, 401, faultOf(t, err).Status)
			})
		}
	}
}

// sessionResponse is what RFC 7616 has ada answer, whose password is pass-4711.
func sessionResponse(newHash func() hash.Hash, r *http.Request, shown *digest.Credentials, body []byte) string {
	sum := func(text string) string {
		h := newHash()
		_, _ = io.WriteString(h, text)
		return hex.EncodeToString(h.Sum(nil))
	}
	key := sum(sum("ada:test:pass-4711") + ":n1:" + shown.Cnonce)
	request := r.Method + ":" + r.URL.RequestURI()
	if shown.QOP == "auth-int" {
		request += ":" + sum(string(body))
	}
	return sum(fmt.Sprintf("%s:n1:%08x:%s:%s:%s", key, shown.Nc, shown.Cnonce, shown.QOP, sum(request)))
}
