package sources_test

import (
	"compress/gzip"
	"context"
	"crypto/x509"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"lazaret.dev/lazaret/activities/sources"
	"lazaret.dev/lazaret/sandbox/egress"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// site is a host named example.com, on this machine's loopback.
type site struct {
	*httptest.Server
	port    string
	fetcher sources.Fetcher
}

// loopback resolves every name to this machine.
type loopback struct{}

func (loopback) LookupNetIP(context.Context, string, string) ([]netip.Addr, error) {
	return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
}

func serve(t *testing.T, handle http.HandlerFunc) *site {
	t.Helper()
	server := httptest.NewTLSServer(handle)
	t.Cleanup(server.Close)
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	s := &site{Server: server, port: server.URL[strings.LastIndex(server.URL, ":"):]}
	s.fetcher = sources.Fetcher{
		Rules: rules(t, "example.com"+s.port, "other.test"+s.port, "127.0.0.1"+s.port),
		Roots: roots, Resolver: loopback{}, Timeout: 5 * time.Second,
	}
	return s
}

func rules(t *testing.T, texts ...string) []egress.Rule {
	t.Helper()
	rs, err := egress.ParseRules(texts)
	require.NoError(t, err)
	return rs
}

func (s *site) url(path string) string { return "https://example.com" + s.port + path }

func (s *site) fetch(t *testing.T, url string) ([]byte, error) {
	t.Helper()
	return s.fetcher.Fetch(t.Context(), url, sources.MaxScript)
}

func requireFault(t *testing.T, err error, kind sources.Kind, text string) {
	t.Helper()
	var f *sources.Fault
	require.ErrorAs(t, err, &f)
	assert.Equal(t, kind, f.Kind, "%v", err)
	assert.Contains(t, err.Error(), text)
}

func text(content string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(content)) }
}

func TestFetch(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		assert.Equal(t, "identity", r.Header.Get("Accept-Encoding"))
		_, _ = w.Write([]byte("print('ü')"))
	})
	content, err := s.fetch(t, s.url("/a.py"))
	require.NoError(t, err)
	assert.Equal(t, "print('ü')", string(content))
}

func TestFetch_OnlyHTTPS(t *testing.T) {
	s := serve(t, text("x"))
	for _, url := range []string{
		"http://example.com/a.py", "file:///etc/passwd", "ftp://example.com/a", "data:text/plain,x", "/a.py", "", "HTTP://example.com",
	} {
		_, err := s.fetch(t, url)
		requireFault(t, err, sources.BadURL, "")
		assert.Equal(t, "Only HTTPS URLs are allowed for external scripts", err.Error(), url)
	}
}

func TestFetch_BadURL(t *testing.T) {
	s := serve(t, text("x"))
	for url, want := range map[string]string{
		"https://u:p@example.com/": "user name or password",
		"https:///a.py":            "without a host",
		"https://%zz/":             "cannot be read",
		"https://example.com/" + strings.Repeat("a", 3e3): "over the limit of 2048",
	} {
		_, err := s.fetch(t, url)
		requireFault(t, err, sources.BadURL, want)
	}
}

func TestFetch_HostNotListed(t *testing.T) {
	s := serve(t, text("x"))
	for _, url := range []string{"https://evil.test/", "https://example.com/", "https://2130706433/", "https://169.254.169.254/latest"} {
		_, err := s.fetch(t, url)
		requireFault(t, err, sources.Refused, "--source-host")
	}
	_, err := (&sources.Fetcher{}).Fetch(t.Context(), s.url("/"), 1)
	requireFault(t, err, sources.Refused, "host is not permitted")
}

func TestFetch_PrivateAddress(t *testing.T) {
	s := serve(t, text("x"))
	s.fetcher.Rules = rules(t, "example.com"+s.port)
	_, err := s.fetch(t, s.url("/a.py"))
	requireFault(t, err, sources.Refused, "resolves to 127.0.0.1 (loopback address)")
}

func TestFetch_Size(t *testing.T) {
	size := sources.MaxScript
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.(http.Flusher).Flush() // so that there is no Content-Length
		_, _ = w.Write([]byte(strings.Repeat("a", size)))
	})
	content, err := s.fetch(t, s.url("/a.py"))
	require.NoError(t, err)
	assert.Len(t, content, sources.MaxScript)
	size++
	_, err = s.fetch(t, s.url("/a.py"))
	requireFault(t, err, sources.BadContent, "over the limit of 1048576 bytes")
}

func TestFetch_Endless(t *testing.T) {
	var sent atomic.Int64
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		for block := make([]byte, 64<<10); ; {
			n, err := w.Write(block)
			sent.Add(int64(n))
			if err != nil {
				return
			}
		}
	})
	_, err := s.fetch(t, s.url("/a.py"))
	requireFault(t, err, sources.BadContent, "over the limit")
	assert.Less(t, sent.Load(), int64(16<<20), "it was cut while it came")
}

func TestFetch_CompressedBomb(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		_, _ = z.Write(make([]byte, 8<<20))
		_ = z.Close()
	})
	_, err := s.fetch(t, s.url("/a.py"))
	requireFault(t, err, sources.BadContent, "compressed")
}

func TestFetch_SlowDrip(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			_, _ = w.Write([]byte("#"))
			w.(http.Flusher).Flush()
			time.Sleep(10 * time.Millisecond)
		}
	})
	s.fetcher.Timeout = 200 * time.Millisecond
	_, err := s.fetch(t, s.url("/a.py?token=secret"))
	requireFault(t, err, sources.TooSlow, "/a.py took longer than 200ms")
	assert.NotContains(t, err.Error(), "secret")
}

func TestFetch_Cancelled(t *testing.T) {
	s := serve(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := s.fetcher.Fetch(ctx, s.url("/"), 1)
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

func TestFetch_Content(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/latin1":
			_, _ = w.Write([]byte("print('\xfc')"))
		case "/short":
			w.Header().Set("Content-Length", "100")
			_, _ = w.Write([]byte("x"))
		default:
			http.NotFound(w, r)
		}
	})
	_, err := s.fetch(t, s.url("/latin1"))
	requireFault(t, err, sources.BadContent, "not UTF-8")
	_, err = s.fetch(t, s.url("/short"))
	requireFault(t, err, sources.Unreachable, "before all of it had come")
	_, err = s.fetch(t, s.url("/none"))
	requireFault(t, err, sources.Unreachable, "status 404")
}

func TestFetch_Redirects(t *testing.T) {
	var s *site
	s = serve(t, func(w http.ResponseWriter, r *http.Request) {
		to := map[string]string{
			"/good": s.url("/end"), "/down": "http://example.com" + s.port + "/end", "/host": "https://evil.test/end",
			"/inside": "https://169.254.169.254/latest/meta-data", "/file": "file:///etc/passwd", "/round": s.url("/round"),
		}[r.URL.Path]
		if to == "" {
			_, _ = w.Write([]byte("end" + r.Header.Get("Referer")))
			return
		}
		http.Redirect(w, r, to, http.StatusFound)
	})
	content, err := s.fetch(t, s.url("/good?token=secret"))
	require.NoError(t, err)
	assert.Equal(t, "end", string(content))
	for path, want := range map[string]struct {
		kind sources.Kind
		text string
	}{
		"/down":   {sources.BadURL, sources.OnlyHTTPS},
		"/file":   {sources.BadURL, sources.OnlyHTTPS},
		"/host":   {sources.Refused, "--source-host evil.test"},
		"/inside": {sources.Refused, "--source-host 169.254.169.254"},
		"/round":  {sources.BadContent, "more than 5 redirects"},
	} {
		_, err := s.fetch(t, s.url(path))
		requireFault(t, err, want.kind, want.text)
	}
}

func TestFetch_TriesAgain(t *testing.T) {
	var asked atomic.Int32
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		if asked.Add(1) < 3 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		_, _ = w.Write([]byte("x"))
	})
	_, err := s.fetch(t, s.url("/"))
	require.NoError(t, err)
	assert.EqualValues(t, 3, asked.Load())
}

func TestScripts_PinsAndKeeps(t *testing.T) {
	var asked atomic.Int32
	body := "print(1)"
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		_, _ = w.Write([]byte(body))
	})
	scripts := &sources.Scripts{Fetcher: s.fetcher, Store: sources.Store{Dir: filepath.Join(t.TempDir(), "scripts")}}
	digest, size, err := scripts.Fetch(t.Context(), s.url("/a.py"), "")
	require.NoError(t, err)
	assert.Equal(t, len(body), size)

	body = "print(2)" // the host changes its mind
	content, err := scripts.Load(t.Context(), s.url("/a.py"), digest)
	require.NoError(t, err)
	assert.Equal(t, "print(1)", string(content))
	_, _, err = scripts.Fetch(t.Context(), s.url("/a.py"), strings.ToUpper(digest))
	require.NoError(t, err)
	assert.EqualValues(t, 1, asked.Load(), "a script that is pinned and kept is not asked for")

	elsewhere := &sources.Scripts{Fetcher: s.fetcher, Store: sources.Store{Dir: t.TempDir()}}
	_, err = elsewhere.Load(t.Context(), s.url("/a.py"), digest)
	requireFault(t, err, sources.Changed, "when the execution first fetched it, it was "+digest)
	_, _, err = elsewhere.Fetch(t.Context(), s.url("/a.py"), digest)
	requireFault(t, err, sources.Changed, "its pin script.sha256 is "+digest)

	scripts.Fetcher.Rules = nil
	_, err = scripts.Load(t.Context(), s.url("/a.py"), digest)
	requireFault(t, err, sources.Refused, "--source-host")
}

func TestStore_RemovesWhatIsDamaged(t *testing.T) {
	store := sources.Store{Dir: t.TempDir()}
	require.NoError(t, store.Put([]byte("x")))
	digest := sources.Digest([]byte("x"))
	require.NoError(t, os.WriteFile(filepath.Join(store.Dir, digest), []byte("y"), 0o600))
	_, ok := store.Get(digest)
	assert.False(t, ok)
	_, ok = store.Get("../" + digest)
	assert.False(t, ok)
	entries, err := os.ReadDir(store.Dir)
	require.NoError(t, err)
	assert.Empty(t, entries)
}

// Where the operator leads a permitted host, it is fetched from; the host still
// has to show that it is the one named, and still has to be permitted.
func TestFetch_Override(t *testing.T) {
	s := serve(t, text("hello"))
	address := s.Listener.Addr().String()
	f := sources.Fetcher{
		Rules: rules(t, "example.com", "other.test"), Roots: s.fetcher.Roots,
		Overrides: map[string]string{"example.com:443": address, "other.test:443": address, "unlisted.test:443": address},
	}
	content, err := f.Fetch(t.Context(), "https://example.com/", 10)
	require.NoError(t, err)
	assert.Equal(t, "hello", string(content))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	_, err = f.Fetch(t.Context(), "https://other.test/", 10)
	requireFault(t, err, sources.Unreachable, "not other.test")
	_, err = f.Fetch(t.Context(), "https://unlisted.test/", 10)
	requireFault(t, err, sources.Refused, "unlisted.test")
}
