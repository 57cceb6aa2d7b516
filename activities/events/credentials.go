package events

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"regexp"
	"strings"

	"lazaret.dev/lazaret/activities/contract"
)

// Credentials are the bearer tokens of those who send events over HTTP. Whoever
// shows one is its sender, whatever the event says. The zero value knows nobody.
type Credentials struct {
	digests [][sha256.Size]byte // of the tokens: what is compared has one length
	senders []string            // their identities
}

// leastToken bounds what a token may be guessed by, in characters.
const leastToken = 32

// senderName is the part of an identity after "@http/".
var senderName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9-]{0,62}$`)

// ReadCredentials reads lines of a name and a token; name stands in errors as
// the file. Empty lines, and those that begin with #, are left out. A name may
// have several tokens, so that one can be replaced while both count.
func ReadCredentials(name string, text []byte) (Credentials, error) {
	var c Credentials
	known := map[[sha256.Size]byte]bool{}
	for i, line := range strings.Split(string(text), "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		wrong := func(format string, args ...any) error {
			return fmt.Errorf("%s:%d:1: %s", name, i+1, fmt.Sprintf(format, args...))
		}
		parts := strings.Fields(line)
		switch {
		case len(parts) != 2:
			return c, wrong("a line has a name and a token, not %d words", len(parts))
		case !senderName.MatchString(parts[0]):
			return c, wrong("a name has letters, digits and hyphens, 63 at most")
		case len(parts[1]) < leastToken:
			return c, wrong("the token of %s has %d characters, fewer than %d", parts[0], len(parts[1]), leastToken)
		}
		digest := sha256.Sum256([]byte(parts[1]))
		if known[digest] {
			return c, wrong("the token of %s is there already: a token says who sends", parts[0])
		}
		known[digest] = true
		c.digests, c.senders = append(c.digests, digest), append(c.senders, contract.SenderHTTP+parts[0])
	}
	if len(c.senders) == 0 {
		return c, fmt.Errorf("%s:1:1: nobody is in the file; a line is a name and a token", name)
	}
	return c, nil
}

// sender is whose token that is, found in a time that does not depend on it.
func (c Credentials) sender(token string) (string, bool) {
	digest := sha256.Sum256([]byte(token))
	found := -1
	for i := range c.digests {
		if subtle.ConstantTimeCompare(c.digests[i][:], digest[:]) == 1 {
			found = i
		}
	}
	if found < 0 {
		return "", false
	}
	return c.senders[found], true
}
