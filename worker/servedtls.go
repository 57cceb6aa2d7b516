package worker

import (
	"crypto/tls"
	"fmt"
	"os"
	"time"
)

// servedPair are the files of a certificate and its key that a server shows, with the
// flags that name them.
type servedPair struct {
	certFlag, cert string
	keyFlag, key   string
}

// load reads them. Whoever can read the key can pose as the server, and is shown the
// tokens of those who come: others must not.
func (p servedPair) load() (tls.Certificate, error) {
	cert, err := os.ReadFile(p.cert)
	if err != nil {
		return tls.Certificate{}, invalid("", "--%s %s: %w", p.certFlag, p.cert, unwrapPath(err))
	}
	info, err := os.Stat(p.key)
	if err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o007 != 0 {
		return tls.Certificate{}, invalid("chmod o= "+p.key, "--%s %s: others may read it (mode %#o)", p.keyFlag, p.key, info.Mode().Perm())
	}
	key, err := os.ReadFile(p.key)
	if err != nil {
		return tls.Certificate{}, invalid("", "--%s %s: %w", p.keyFlag, p.key, unwrapPath(err))
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return pair, invalid("both are PEM; the first certificate is that of the key, and those behind it lead to an authority",
			"--%s %s, --%s %s: %w", p.certFlag, p.cert, p.keyFlag, p.key, err)
	}
	return pair, nil
}

// outdated says why clients will not take a certificate at a time; empty: its time is no
// reason.
func outdated(pair tls.Certificate, now time.Time) string {
	switch leaf := pair.Leaf; {
	case leaf == nil:
		return ""
	case now.After(leaf.NotAfter):
		return fmt.Sprintf("the certificate has expired, at %s: clients refuse it", leaf.NotAfter.UTC().Format(time.RFC3339))
	case now.Before(leaf.NotBefore):
		return fmt.Sprintf("the certificate is valid from %s on: clients refuse it until then", leaf.NotBefore.UTC().Format(time.RFC3339))
	}
	return ""
}
