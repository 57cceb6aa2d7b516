package calls

import (
	"bytes"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"lazaret.dev/lazaret/sandbox/egress"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// outside is a TLS server on loopback that stands for hosts of example.com.
type outside struct {
	server *httptest.Server
	mu     sync.Mutex
	asked  []asked
}

// asked is a request as it came.
type asked struct {
	Method, Host, URI, Body string
	Header                  http.Header
}

// startOutside serves by handle; without one it answers {"ok": true}.
func startOutside(t *testing.T, handle http.HandlerFunc) *outside {
	t.Helper()
	o := &outside{}
	o.server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		o.mu.Lock()
		o.asked = append(o.asked, asked{r.Method, r.Host, r.URL.RequestURI(), string(body), r.Header.Clone()})
		o.mu.Unlock()
		if handle != nil {
			handle(w, r)
			return
		}
		answerJSON(w, http.StatusOK, map[string]any{"ok": true})
	}))
	t.Cleanup(o.server.Close)
	return o
}

func answerJSON(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", jsonType)
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value)
}

// requests are those so far.
func (o *outside) requests() []asked {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]asked(nil), o.asked...)
}

// client reaches api, id and other of example.com at o; rules are more of the
// operator's.
func (o *outside) client(t *testing.T, rules ...string) *Client {
	t.Helper()
	parsed, err := egress.ParseRules(append([]string{"api.example.com", "id.example.com", "other.example.com"}, rules...))
	require.NoError(t, err)
	roots := x509.NewCertPool()
	roots.AddCert(o.server.Certificate())
	overrides := map[string]string{}
	for _, host := range []string{"api", "id", "other"} {
		overrides[host+".example.com:443"] = o.server.Listener.Addr().String()
	}
	client := New(Options{Rules: parsed, Roots: roots, Overrides: overrides, Timeout: 20 * time.Second})
	t.Cleanup(client.Close)
	return client
}

// faultOf is the fault that an error must be.
func faultOf(t *testing.T, err error) *Fault {
	t.Helper()
	f, ok := errors.AsType[*Fault](err)
	require.True(t, ok, "%v is no fault", err)
	return f
}
