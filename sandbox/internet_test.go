package sandbox_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/sandbox"
	"lazaret.dev/lazaret/sandbox/egress"
)

// internet stands in for the world: names, and an HTTP and an HTTPS server on
// the usual ports of a loopback address of its own.
type internet struct {
	address   netip.Addr
	authority []byte // the certificate to trust, PEM

	mu      sync.Mutex
	names   map[string][]netip.Addr
	changed map[string][]netip.Addr // what a name leads to from the second question on
	asked   []string
}

// everywhere is what the test server answers to.
var everywhere = []string{"api.example.com", "a.example.com", "a.b.example.com", "example.com", "evil.test", "big.example.com"}

func newInternet(tb testing.TB) *internet {
	tb.Helper()
	n := &internet{address: netip.MustParseAddr("127.67.48.9"), names: map[string][]netip.Addr{}, changed: map[string][]netip.Addr{}}
	for _, name := range everywhere {
		n.names[name] = []netip.Addr{n.address}
	}
	n.serve(tb, 80, nil)
	n.serve(tb, 443, n.certificate(tb))
	return n
}

func (n *internet) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.asked = append(n.asked, host)
	found, ok := n.names[host]
	if !ok {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	if next, ok := n.changed[host]; ok {
		n.names[host] = next
	}
	return found, nil
}

func (n *internet) certificate(tb testing.TB) *tls.Config {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(tb, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, DNSNames: everywhere,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(tb, err)
	n.authority = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, MinVersion: tls.VersionTLS12}
}

func (n *internet) serve(tb testing.TB, port uint16, config *tls.Config) {
	tb.Helper()
	l, err := net.Listen("tcp", netip.AddrPortFrom(n.address, port).String()) //nolint:noctx // it ends with the test
	if err != nil && os.Getenv("CI") == "" {
		tb.Skip(err)
	}
	require.NoError(tb, err)
	s := httptest.NewUnstartedServer(http.HandlerFunc(answer))
	_ = s.Listener.Close()
	s.Listener, s.TLS = l, config
	if config != nil {
		s.StartTLS()
	} else {
		s.Start()
	}
	tb.Cleanup(s.Close)
}

// answer says what arrived.
func answer(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	if r.URL.Path == "/big" {
		_, _ = w.Write(make([]byte, 3<<20))
		return
	}
	fmt.Fprintf(w, "%s %s %s %d", r.Method, r.Host, r.URL.Path, len(body))
}

// networked is a Spec at a level with a network to the test's internet. The
// internet's address is permitted explicitly, since it is no public one.
func (n *internet) spec(tb testing.TB, level policies.Level, script string, rules ...string) sandbox.Spec {
	tb.Helper()
	s := python(tb, level, script)
	parsed, err := egress.ParseRules(append(rules, n.address.String()))
	require.NoError(tb, err)
	require.NoError(tb, policies.Open(&s, level, parsed))
	s.Network.Resolver = n
	s.Files = append(s.Files, sandbox.File{Path: "/ca.pem", Content: n.authority})
	s.Env = append(s.Env, "SSL_CERT_FILE=/ca.pem")
	return s
}
