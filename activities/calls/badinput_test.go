package calls

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/activities/secrets"
	"lazaret.dev/lazaret/sandbox/egress"
)

// names answers look-ups of the test's own names.
type names map[string][]netip.Addr

func (n names) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	if addresses, ok := n[strings.TrimSuffix(host, ".")]; ok {
		return addresses, nil
	}
	return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
}

// TestBadInput_Network: what goes wrong between a call and its service is said with
// the place and, where there is one, the remedy (issue: bad input).
func TestBadInput_Network(t *testing.T) {
	o := startOutside(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/html":
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write([]byte("<html>"))
		case "/text":
			w.Header().Set("Content-Type", "text/plain; charset=klingon")
			_, _ = w.Write([]byte("x"))
		case "/utf8":
			w.Header().Set("Content-Type", "text/plain")
			_, _ = w.Write([]byte("\xff\xfe"))
		case "/long":
			w.Header().Set("Content-Type", "text/plain")
			_, _ = w.Write(make([]byte, MaxBody+1))
		case "/endless":
			w.Header().Set("Content-Type", "text/plain")
			for {
				if _, err := w.Write(make([]byte, 64<<10)); err != nil {
					return
				}
			}
		case "/short":
			w.Header().Set("Content-Length", "100")
			_, _ = w.Write([]byte("x"))
		case "/zipped":
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write([]byte("x"))
		case "/headers":
			w.Header().Set("X-Long", strings.Repeat("x", 2*maxHeaders))
		case "/deep":
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write([]byte(strings.Repeat("[", 100_000)))
		}
	})
	plain, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = plain.Close() })
	go func() {
		for {
			connection, err := plain.Accept()
			if err != nil {
				return
			}
			_ = connection.SetDeadline(time.Now().Add(5 * time.Second))
			_, _ = connection.Write([]byte("HTTP/1.0 400 Bad Request\r\n\r\n"))
			_ = connection.Close()
		}
	}()
	closed, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = closed.Close() })
	go func() {
		for {
			connection, err := closed.Accept()
			if err != nil {
				return
			}
			_, _ = http.ReadRequest(bufio.NewReader(connection)) // what is left unread would reset it
			_ = connection.Close()
		}
	}()
	client := o.client(t, "*.example.com", "example.org", "127.0.0.1:"+portOf(plain.Addr().String()))
	client.options.Overrides["plain.example.com:443"] = plain.Addr().String()
	client.options.Overrides["closed.example.com:80"] = closed.Addr().String()
	client.options.Overrides["nobody.example.com:443"] = "127.0.0.1:1"
	client.options.Overrides["example.org:443"] = o.server.Listener.Addr().String() // whose certificate has other names
	client.dialer.Resolver = names{"inside.example.com": {netip.MustParseAddr("10.0.0.1")}, "local.example.com": {netip.MustParseAddr("127.0.0.1")}}
	for _, test := range []struct {
		name, uri string
		kind      Kind
		want      string
	}{
		{"unknown host", "https://unknown.example.com/", Failed, "https://unknown.example.com/ is not reached: unknown.example.com cannot be looked up: no such host"},
		{"nobody listens", "https://nobody.example.com/", Failed, "https://nobody.example.com/ is not reached: dial tcp 127.0.0.1:1: connect: connection refused"},
		{"unlisted host", "https://api.example.net/", Denied, "call refused; the operator may permit the host with --call-host api.example.net"},
		{"private address", "https://inside.example.com/", Denied, "10.0.0.1"},
		{"loopback", "https://local.example.com/", Denied, "127.0.0.1"},
		{"another's certificate", "https://example.org/", Failed, "https://example.org/ cannot show who it is: x509: certificate is valid for"},
		{"no TLS", "https://plain.example.com/", Failed, "https://plain.example.com/ is not reached; is it a service without TLS?: http: server gave HTTP response to HTTPS client"},
		{"ended at once", "http://closed.example.com/", Failed, "http://closed.example.com/ ended the connection before it answered: EOF"},
		{"numeric host", "http://2130706433:8080/", Denied, "call refused; write the host as a name, or an address in its usual form: "},
		{"JSON that is none", "https://api.example.com/html", Failed, "https://api.example.com/html answers with JSON that cannot be read; ask for output: raw"},
		{"unknown charset", "https://api.example.com/text", Failed, `answers with text that cannot be read; ask for output: raw: unknown charset "klingon"`},
		{"no UTF-8", "https://api.example.com/utf8", Failed, "answers with text that cannot be read; ask for output: raw: it is not UTF-8"},
		{"oversized", "https://api.example.com/long", Failed, "https://api.example.com/long answers with more than 1048576 bytes, the limit; ask for less, or for a page of it"},
		{"endless", "https://api.example.com/endless", Failed, "answers with more than 1048576 bytes"},
		{"cut off", "https://api.example.com/short", Failed, "https://api.example.com/short ended before all of it had come"},
		{"compressed", "https://api.example.com/zipped", Failed, "is compressed (\"gzip\"), though plain content was asked for"},
		{"long headers", "https://api.example.com/headers", Failed, "https://api.example.com/headers is not reached: "},
		{"deep JSON", "https://api.example.com/deep", Failed, "JSON that cannot be read"},
		{"another scheme", "ftp://api.example.com/", Invalid, `URL "ftp://api.example.com/" is none of HTTP; begin it with https://`},
		{"password in the URL", "https://ada:pw@api.example.com/", Invalid, "URL with a user name or password; use authentication"},
		{"no host", "https:///x", Invalid, "has no host"},
		{"long URL", "https://api.example.com/" + strings.Repeat("x", maxURL), Invalid, "over the limit of 16384"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := client.HTTP(context.Background(), Arguments{"method": "post", "uri": test.uri}, &secrets.Redactor{}, false)
			f := faultOf(t, err)
			assert.Equal(t, test.kind, f.Kind, f)
			assert.Contains(t, f.Error(), test.want)
			assert.Less(t, len(f.Error()), 1000)
		})
	}
}

func portOf(address string) string {
	_, port, _ := net.SplitHostPort(address)
	return port
}

// TestBadInput_UnprovenAuthority: a certificate that no known authority signed.
func TestBadInput_UnprovenAuthority(t *testing.T) {
	o := startOutside(t, nil)
	rules, err := egress.ParseRules([]string{"api.example.com"})
	require.NoError(t, err)
	client := New(Options{Rules: rules, Roots: x509.NewCertPool(), Overrides: map[string]string{"api.example.com:443": o.server.Listener.Addr().String()}})
	t.Cleanup(client.Close)
	_, err = client.HTTP(context.Background(), Arguments{"method": "get", "uri": "https://api.example.com/"}, &secrets.Redactor{}, false)
	f := faultOf(t, err)
	assert.Equal(t, Failed, f.Kind)
	assert.Equal(t, "https://api.example.com/ cannot show who it is; the operator may trust its authority with --call-ca: x509: certificate signed by unknown authority", f.Error())
	assert.Empty(t, o.requests())
}

// TestBadInput_OldTLS: what speaks no TLS of this decade is not spoken to.
func TestBadInput_OldTLS(t *testing.T) {
	o := startOutside(t, nil)
	o.server.TLS.MaxVersion = tls.VersionTLS11
	o.server.TLS.MinVersion = tls.VersionTLS10
	_, err := o.client(t).HTTP(context.Background(), Arguments{"method": "get", "uri": "https://api.example.com/"}, &secrets.Redactor{}, false)
	assert.Contains(t, faultOf(t, err).Error(), "https://api.example.com/ is not reached: remote error: tls: ")
}
