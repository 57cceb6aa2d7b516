package sources_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"math/big"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/activities/sources"
)

// A host that cannot show that it is the one named is asked once and given nothing.
func TestFetch_Certificates(t *testing.T) {
	s := serve(t, text("x"))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	_, err := s.fetch(t, "https://other.test"+s.port+"/")
	requireFault(t, err, sources.Unreachable, "not other.test")
	s.fetcher.Roots = nil
	_, err = s.fetch(t, s.url("/"))
	requireFault(t, err, sources.Unreachable, "unknown authority")
}

func TestFetch_ExpiredCertificate(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"example.com"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(-24 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	server := httptest.NewUnstartedServer(text("x"))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, MinVersion: tls.VersionTLS12}
	server.StartTLS()
	t.Cleanup(server.Close)
	roots := x509.NewCertPool()
	certificate, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	roots.AddCert(certificate)
	port := server.URL[strings.LastIndex(server.URL, ":"):]
	f := sources.Fetcher{Rules: rules(t, "example.com"+port, "127.0.0.1"+port), Roots: roots, Resolver: loopback{}}
	_, err = f.Fetch(t.Context(), "https://example.com"+port+"/", 1)
	requireFault(t, err, sources.Unreachable, "expired")
}
