package worker

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-retryablehttp"
	"github.com/rs/zerolog"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/activities/events"
)

// servedFiles writes a certificate for 127.0.0.1 that signs itself, and its key.
func servedFiles(t *testing.T, from, to time.Time) (cert, key string, pool *x509.CertPool) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "ingress"}, NotBefore: from, NotAfter: to,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	require.NoError(t, err)
	inner, err := x509.MarshalPKCS8PrivateKey(private)
	require.NoError(t, err)
	parsed, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	pool = x509.NewCertPool()
	pool.AddCert(parsed)
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	require.NoError(t, os.WriteFile(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o644))
	require.NoError(t, os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: inner}), 0o600))
	return cert, key, pool
}

// TestIngress_TLS: with a certificate events come over TLS alone, from clients that
// know its authority.
func TestIngress_TLS(t *testing.T) {
	t.Parallel()
	cert, key, pool := servedFiles(t, time.Now().Add(-time.Hour), time.Now().Add(time.Hour))
	i, err := newIngress(t.Context(), ingressFlags{address: "127.0.0.1:0", senders: sendersFile(t), cert: cert, key: key})
	require.NoError(t, err)
	i.serve(&events.Gateway{}, nil, zerolog.Nop())
	t.Cleanup(i.close)
	var said strings.Builder
	i.announce(&said, "events to ")
	assert.Equal(t, "events to "+i.address()+"\n", said.String())

	ask := func(url string, config *tls.Config) (int, error) {
		client := retryablehttp.NewClient()
		client.RetryMax, client.Logger = 0, nil
		client.HTTPClient.Transport = &http.Transport{TLSClientConfig: config, DisableKeepAlives: true}
		client.ErrorHandler = retryablehttp.PassthroughErrorHandler
		request, err := retryablehttp.NewRequestWithContext(t.Context(), http.MethodPost, url, nil)
		require.NoError(t, err)
		response, err := client.Do(request)
		if err != nil {
			return 0, err
		}
		return response.StatusCode, response.Body.Close()
	}
	status, err := ask(i.address(), &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12})
	require.NoError(t, err)
	assert.Equal(t, http.StatusUnauthorized, status)
	_, err = ask(i.address(), &tls.Config{RootCAs: x509.NewCertPool(), MinVersion: tls.VersionTLS12})
	require.ErrorContains(t, err, "certificate signed by unknown authority")
	_, err = ask(i.address(), &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11})
	require.ErrorContains(t, err, "protocol version not supported")
	status, err = ask(strings.Replace(i.address(), "https:", "http:", 1), nil)
	require.NoError(t, err)
	assert.Equal(t, http.StatusBadRequest, status)
}

// TestNewIngress_Certificates: what is wrong with the files is said of the file, with
// its flag; that a certificate's time is over, which a renewal mends, stops nothing.
func TestNewIngress_Certificates(t *testing.T) {
	t.Parallel()
	now := time.Now()
	cert, key, _ := servedFiles(t, now.Add(-time.Hour), now.Add(time.Hour))
	_, other, _ := servedFiles(t, now.Add(-time.Hour), now.Add(time.Hour))
	past, pastKey, _ := servedFiles(t, now.Add(-2*time.Hour), now.Add(-time.Hour))
	early, earlyKey, _ := servedFiles(t, now.Add(time.Hour), now.Add(2*time.Hour))
	open := filepath.Join(t.TempDir(), "open.pem")
	text, err := os.ReadFile(key)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(open, text, 0o644))
	senders := sendersFile(t)
	for name, tt := range map[string]struct{ cert, key, want string }{
		"no certificate":     {"/nowhere.pem", key, "--event-tls-cert /nowhere.pem: no such file"},
		"no key":             {cert, "/nowhere.pem", "--event-tls-key /nowhere.pem: no such file"},
		"another's key":      {cert, other, "private key does not match public key"},
		"files exchanged":    {key, key, "failed to find certificate PEM data"},
		"a key for everyone": {cert, open, "others may read it (mode 0644)"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := newIngress(t.Context(), ingressFlags{address: "127.0.0.1:0", senders: senders, cert: tt.cert, key: tt.key})
			require.ErrorContains(t, err, tt.want)
		})
	}
	_, err = newIngress(t.Context(), ingressFlags{address: "8090", senders: senders, cert: cert, key: key})
	require.ErrorContains(t, err, `--event-listen: address "8090": `)
	for name, tt := range map[string]struct{ cert, key, want string }{
		"expired":   {past, pastKey, "the certificate has expired, at "},
		"too early": {early, earlyKey, "the certificate is valid from "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			i, err := newIngress(t.Context(), ingressFlags{address: "127.0.0.1:0", senders: senders, cert: tt.cert, key: tt.key})
			require.NoError(t, err)
			defer i.close()
			var said strings.Builder
			i.announce(&said, "events to ")
			assert.Contains(t, said.String(), "\nwarning: --event-tls-cert "+tt.cert+": "+tt.want)
		})
	}
}
