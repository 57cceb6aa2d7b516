package notify

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"mime/quotedprintable"
	"net/http"
	"net/http/httptest"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/policies"
)

var at = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

func aMessage() Message {
	return Message{
		ID: "violation demo/x 1 v1", Kind: "violation", Severity: "High", Rule: "UnauthorizedFileAccess", Definition: "demo/x",
		Subject: "read /etc/shadow", Text: "a script tried what its policy forbids", Count: 1, At: at,
		Contacts: []policies.Contact{{Name: "Ada", Phone: "+44 1"}},
	}
}

// loopback is a target's own permission to be on this machine.
var loopback = []string{"127.0.0.0/8"}

func secretOf(values map[string]string) func(context.Context, string) (string, error) {
	return func(_ context.Context, source string) (string, error) { return values[source], nil }
}

func rootsOf(s *httptest.Server) *x509.CertPool {
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	return roots
}

// TestWebhook: signed, over TLS that is checked, tried again, not redirected (A29).
func TestWebhook(t *testing.T) {
	t.Parallel()
	var tries atomic.Int32
	var got Message
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if tries.Add(1) == 1 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		body, _ := io.ReadAll(r.Body)
		assert.Equal(t, Sign("key", r.Header.Get(HeaderTimestamp), body), r.Header.Get(HeaderSignature))
		assert.NotEqual(t, Sign("other", r.Header.Get(HeaderTimestamp), body), r.Header.Get(HeaderSignature))
		assert.Equal(t, "violation demo/x 1 v1", r.Header.Get(HeaderID))
		assert.NoError(t, json.Unmarshal(body, &got))
	}))
	defer server.Close()
	target := policies.NotifyTarget{Name: "ops", Type: "webhook", URL: server.URL + "/hook", SecretFrom: "env:K", PrivateNetworks: loopback}
	transport := Transport{Secret: secretOf(map[string]string{"env:K": "key"}), Roots: rootsOf(server), Wait: time.Millisecond}
	require.NoError(t, transport.Deliver(t.Context(), target, aMessage()))
	assert.Equal(t, aMessage(), got)
	assert.EqualValues(t, 2, tries.Load())

	transport.Roots = x509.NewCertPool()
	err := transport.Deliver(t.Context(), target, aMessage())
	require.ErrorContains(t, err, "certificate")
	assert.NotContains(t, err.Error(), "/hook")
	target.PrivateNetworks = nil
	err = transport.Deliver(t.Context(), target, aMessage())
	require.ErrorContains(t, err, `target "ops"`, "an address that is not public needs the operator's word")
	assert.EqualValues(t, 2, tries.Load())
}

func TestWebhook_Refused(t *testing.T) {
	t.Parallel()
	var tries atomic.Int32
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		tries.Add(1)
		if r.URL.Path == "/elsewhere" {
			return
		}
		http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
	}))
	defer server.Close()
	target := policies.NotifyTarget{Name: "ops", Type: "slack", URL: server.URL + "/services/T0/B0/secret-path", PrivateNetworks: loopback}
	err := Transport{Roots: rootsOf(server), Wait: time.Millisecond}.Deliver(t.Context(), target, aMessage())
	require.ErrorContains(t, err, "answered 307")
	assert.NotContains(t, err.Error(), "secret-path", "the path of Slack's URL is a secret")
	assert.EqualValues(t, 1, tries.Load())
}

// TestSlack: the shape that Slack takes, with nothing that it would make a link or
// a mention of.
func TestSlack(t *testing.T) {
	t.Parallel()
	var got map[string]string
	server := httptest.NewTLSServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		assert.NoError(t, json.NewDecoder(r.Body).Decode(&got))
	}))
	defer server.Close()
	m := aMessage()
	m.Subject = "<!channel> <https://evil.example|click>"
	target := policies.NotifyTarget{Name: "chat", Type: "slack", URL: server.URL, PrivateNetworks: loopback}
	require.NoError(t, Transport{Roots: rootsOf(server)}.Deliver(t.Context(), target, m))
	assert.Contains(t, got["text"], "High: violation UnauthorizedFileAccess by demo/x")
	assert.Contains(t, got["text"], "&lt;!channel&gt;")
	assert.NotContains(t, got["text"], "<")
	assert.Len(t, got, 1)
}

// TestMail_Localhost: a mail server of this machine's own is reached by its name, and
// needs no TLS.
func TestMail_Localhost(t *testing.T) {
	t.Parallel()
	server := startMailServer(t, &mailServer{password: "pass"})
	target := policies.NotifyTarget{
		Name: "team", Type: "smtp", URL: strings.Replace(server.url(), "127.0.0.1", "localhost", 1),
		From: "a@example.org", To: []string{"b@example.org"}, SecretFrom: "env:P",
	}
	transport := Transport{Secret: secretOf(map[string]string{"env:P": "pass"}), Wait: time.Millisecond}
	require.NoError(t, transport.Deliver(t.Context(), target, aMessage()))
	require.Len(t, server.received(), 1)
	assert.False(t, server.received()[0].secured)
}

// TestMail: over STARTTLS with a login, tried again after a 4xx, and not after a 5xx.
func TestMail(t *testing.T) {
	t.Parallel()
	web := httptest.NewTLSServer(nil) // for its certificate
	defer web.Close()
	server := startMailServer(t, &mailServer{
		tls: &tls.Config{Certificates: web.TLS.Certificates, MinVersion: tls.VersionTLS12}, password: "pass", refuse: []string{"451 later"},
	})
	m := aMessage()
	m.Subject = "x\r\nBcc: all@example.org\r\n\r\n.\r\nMAIL FROM:<evil@example.org>"
	m = m.cleaned(nil)
	target := policies.NotifyTarget{
		Name: "team", Type: "smtp", URL: server.url(), From: "lazaret <lazaret@example.org>", To: []string{"a@example.org", "B <b@example.org>"},
		SecretFrom: "env:P", PrivateNetworks: loopback,
	}
	transport := Transport{Secret: secretOf(map[string]string{"env:P": "pass"}), Roots: rootsOf(web), Wait: time.Millisecond}
	require.NoError(t, transport.Deliver(t.Context(), target, m))
	letters := server.received()
	require.Len(t, letters, 1)
	l := letters[0]
	assert.True(t, l.secured)
	assert.Equal(t, "lazaret@example.org", l.login)
	assert.Equal(t, []string{"TO:<a@example.org>", "TO:<b@example.org>"}, l.to)
	parsed, err := mail.ReadMessage(strings.NewReader(l.text))
	require.NoError(t, err)
	assert.Empty(t, parsed.Header.Get("Bcc"))
	assert.Equal(t, "[lazaret] High: violation UnauthorizedFileAccess by demo/x", parsed.Header.Get("Subject"))
	body, err := io.ReadAll(quotedprintable.NewReader(parsed.Body))
	require.NoError(t, err)
	assert.Contains(t, string(body), "call        Ada +44 1", "whom to call (C36)")
	assert.Contains(t, string(body), "demo/x")

	server.mu.Lock()
	server.refuse = []string{"550 never"}
	server.mu.Unlock()
	require.ErrorContains(t, transport.Deliver(t.Context(), target, m), "550")
	transport.Secret = secretOf(map[string]string{"env:P": "wrong-password"})
	err = transport.Deliver(t.Context(), target, m)
	require.ErrorContains(t, err, "535")
	assert.NotContains(t, err.Error(), "wrong-password")
	transport.Roots = x509.NewCertPool()
	require.ErrorContains(t, transport.Deliver(t.Context(), target, m), "TLS")
	assert.Len(t, server.received(), 1)
}

// TestMail_Once: a server that hangs up when it has the letter, and one that has no
// TLS at first, get it once, and nothing is sent in the clear.
func TestMail_Once(t *testing.T) {
	t.Parallel()
	web := httptest.NewTLSServer(nil) // for its certificate
	defer web.Close()
	secured := &tls.Config{Certificates: web.TLS.Certificates, MinVersion: tls.VersionTLS12}
	transport := Transport{Roots: rootsOf(web), Wait: time.Millisecond}
	for name, server := range map[string]*mailServer{"rude": {tls: secured, rude: true}, "busy": {tls: secured, busy: 2}} {
		startMailServer(t, server)
		target := policies.NotifyTarget{Name: "team", Type: "smtp", URL: server.url(), From: "a@example.org", To: []string{"b@example.org"}, PrivateNetworks: loopback}
		require.NoError(t, transport.Deliver(t.Context(), target, aMessage()), name)
		letters := server.received()
		require.Len(t, letters, 1, name)
		assert.True(t, letters[0].secured, name)
	}
}

// TestMail_Untrusted: TLS from the beginning is given up as it is by STARTTLS, at the
// first try and with one line that says why.
func TestMail_Untrusted(t *testing.T) {
	t.Parallel()
	web := httptest.NewTLSServer(nil)
	defer web.Close()
	var tries atomic.Int64
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
		MinVersion: tls.VersionTLS12,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			tries.Add(1)
			return &web.TLS.Certificates[0], nil
		},
	})
	require.NoError(t, err)
	server := &mailServer{listener: listener}
	t.Cleanup(func() { _ = listener.Close() })
	go server.accept()
	target := policies.NotifyTarget{
		Name: "team", Type: "smtp", URL: "smtps://" + listener.Addr().String(), From: "a@example.org", To: []string{"b@example.org"}, PrivateNetworks: loopback,
	}
	err = Transport{Roots: x509.NewCertPool(), Wait: time.Millisecond}.Deliver(t.Context(), target, aMessage())
	require.ErrorContains(t, err, "TLS: tls: failed to verify certificate")
	assert.NotContains(t, err.Error(), "\n")
	assert.EqualValues(t, 1, tries.Load())
	require.NoError(t, Transport{Roots: rootsOf(web), Wait: time.Millisecond}.Deliver(t.Context(), target, aMessage()))
	assert.Len(t, server.received(), 1)
}

func TestMail_BadAddress(t *testing.T) {
	t.Parallel()
	server := startMailServer(t, &mailServer{})
	target := policies.NotifyTarget{Name: "team", Type: "smtp", URL: server.url(), From: "a@example.org", To: []string{"x@example.org>\r\nDATA"}, PrivateNetworks: loopback}
	require.ErrorContains(t, Transport{}.Deliver(t.Context(), target, aMessage()), "is no address")
	target.To = []string{"x@example.org"}
	require.NoError(t, Transport{}.Deliver(t.Context(), target, aMessage()), "in the clear on this machine alone")
}

func writeProgram(t *testing.T, text string, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "program")
	require.NoError(t, os.WriteFile(path, []byte(text), mode))
	require.NoError(t, os.Chmod(path, mode))
	return path
}

// TestExec: the message is on standard input, and nowhere a shell would look.
func TestExec(t *testing.T) {
	t.Parallel()
	out := filepath.Join(t.TempDir(), "out")
	path := writeProgram(t, "#!/bin/sh\n{ cat; env; echo \"$@\"; } > \"$1\"\n", 0o700)
	m := aMessage()
	m.Subject = "$(touch /tmp/never)"
	target := policies.NotifyTarget{Name: "pager", Type: "exec", Command: []string{path, out}, SecretFrom: "env:K"}
	transport := Transport{Secret: secretOf(map[string]string{"env:K": "key"})}
	require.NoError(t, transport.Deliver(t.Context(), target, m))
	text, err := os.ReadFile(out)
	require.NoError(t, err)
	var got Message
	require.NoError(t, json.NewDecoder(strings.NewReader(string(text))).Decode(&got))
	assert.Equal(t, m, got)
	assert.Contains(t, string(text), "LAZARET_NOTIFY_SECRET=key")
	assert.NotContains(t, string(text), "HOME=/", "the worker's environment is not the program's")

	target.Command = []string{writeProgram(t, "#!/bin/sh\nexit 3\n", 0o700)}
	require.ErrorContains(t, transport.Deliver(t.Context(), target, m), "exit status 3")
	target.Command = []string{writeProgram(t, "#!/bin/sh\n", 0o777)}
	require.ErrorContains(t, transport.Deliver(t.Context(), target, m), "this user alone can change")
	target.Command = []string{"sh"}
	require.ErrorContains(t, transport.Deliver(t.Context(), target, m), "no absolute path")
}
