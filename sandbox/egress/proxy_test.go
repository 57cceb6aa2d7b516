package egress

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a server for tests: a proxy on a loopback port, names, and one origin.
type world struct {
	server *Server
	proxy  net.Addr
	origin net.Listener
	port   string // of the origin

	mu      sync.Mutex
	denials []Denial
	names   map[string][]netip.Addr
}

func (w *world) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	if found, ok := w.names[host]; ok {
		return found, nil
	}
	return nil, errors.New("no such host")
}

var loopback = netip.MustParseAddr("127.0.0.1")

// newWorld serves one connection after the other with handle on the origin, which
// is api.test on some port.
func newWorld(tb testing.TB, limits Limits, handle func(net.Conn)) *world {
	tb.Helper()
	w := &world{names: map[string][]netip.Addr{"api.test": {loopback}}}
	w.origin = listen(tb)
	go func() {
		for {
			conn, err := w.origin.Accept()
			if err != nil {
				return
			}
			_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
			handle(conn)
			_ = conn.Close()
		}
	}()
	proxy := listen(tb)
	w.proxy = proxy.Addr()
	_, w.port, _ = net.SplitHostPort(w.origin.Addr().String())
	rules, err := ParseRules([]string{"api.test:" + w.port, "127.0.0.1:" + w.port})
	require.NoError(tb, err)
	w.server = Serve(Config{Rules: rules, Resolver: w, Limits: limits, Denied: w.denied}, Sockets{Proxy: proxy})
	tb.Cleanup(func() {
		w.server.Close()
		_ = w.origin.Close()
	})
	return w
}

func listen(tb testing.TB) net.Listener {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // it ends with the test
	require.NoError(tb, err)
	return l
}

func (w *world) denied(d Denial) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.denials = append(w.denials, d)
}

// reasons are those of the denials so far.
func (w *world) reasons() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []string
	for _, d := range w.denials {
		all = append(all, d.Error())
	}
	return strings.Join(all, "\n")
}

// say sends bytes to the proxy and returns all that comes back. PORT stands for
// the origin's.
func (w *world) say(tb testing.TB, text string) string {
	tb.Helper()
	conn, err := net.Dial("tcp", w.proxy.String()) //nolint:noctx // on this machine
	require.NoError(tb, err)
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
	_, err = io.WriteString(conn, strings.ReplaceAll(text, "PORT", w.port))
	require.NoError(tb, err)
	b, _ := io.ReadAll(conn)
	return string(b)
}

// echo answers with the request as it came, after reading what is there.
func echo(conn net.Conn) { echoAfter(100 * time.Millisecond)(conn) }

// echoAfter reads for longer.
func echoAfter(long time.Duration) func(net.Conn) {
	return func(conn net.Conn) {
		_ = conn.SetReadDeadline(time.Now().Add(long))
		b, _ := io.ReadAll(conn)
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"+string(b))
	}
}

func TestProxy_Rewrites(t *testing.T) {
	w := newWorld(t, Limits{}, echo)
	for request, want := range map[string]string{
		"GET http://api.test:PORT/a?b HTTP/1.1\r\nHost: evil.test\r\nProxy-Authorization: x\r\nX: 1\r\nConnection: keep-alive, X-Own\r\nX-Own: 2\r\n\r\nGET /second HTTP/1.1\r\n\r\n": "GET /a?b HTTP/1.1\r\nHost: api.test:PORT\r\nX: 1\r\nConnection: close\r\n\r\n",
		"get HTTP://API.Test.:PORT HTTP/1.0\r\n\r\n":                                                                                             "get / HTTP/1.0\r\nHost: api.test:PORT\r\nConnection: close\r\n\r\n",
		"POST http://api.test:PORT?q HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcdef":                                                                "POST /?q HTTP/1.1\r\nHost: api.test:PORT\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc",
		"POST http://api.test:PORT/ HTTP/1.1\r\nTransfer-Encoding: Chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\nTrailer: 1\r\n\r\nGET / HTTP/1.1\r\n\r\n": "POST / HTTP/1.1\r\nHost: api.test:PORT\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
	} {
		got := w.say(t, request)
		assert.Equal(t, strings.ReplaceAll("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"+want, "PORT", w.port), got)
	}
	assert.Empty(t, w.reasons())
}

// TestProxy_Refuses: requests that two readers could understand differently.
func TestProxy_Refuses(t *testing.T) {
	w := newWorld(t, Limits{}, func(net.Conn) { t.Error("something got through") })
	post := "POST http://api.test:PORT/ HTTP/1.1\r\n"
	for _, request := range []string{
		post + "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
		post + "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
		post + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
		post + "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
		post + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
		post + "Content-Length: +3\r\n\r\nabc",
		post + "Content-Length: 03\r\n\r\nabc",
		post + "Content-Length: 3,3\r\n\r\nabc",
		post + "Content-Length: -1\r\n\r\n",
		post + "X: 1\r\n folded\r\n\r\n",
		post + "X: a\x00b\r\n\r\n",
		post + "X: a\rb\r\n\r\n",
		post + "X: a\nY: b\r\n\r\n",
		post + ": empty\r\n\r\n",
		post + "no colon\r\n\r\n",
		post + "Host: a\r\nHost: b\r\n\r\n",
		"POST http://api.test:PORT/ HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"GET http://api.test:PORT/ HTTP/1.1\n\n",
		"GET http://api.test:PORT/ HTTP/2.0\r\n\r\n",
		"GET  http://api.test:PORT/ HTTP/1.1\r\n\r\n",
		"GET http://api.test:PORT/ HTTP/1.1 \r\n\r\n",
		"GET\thttp://api.test:PORT/\tHTTP/1.1\r\n\r\n",
		"\r\nGET http://api.test:PORT/ HTTP/1.1\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: api.test:PORT\r\n\r\n",
		"GET https://api.test:PORT/ HTTP/1.1\r\n\r\n",
		"GET ftp://api.test:PORT/ HTTP/1.1\r\n\r\n",
		"GET //api.test:PORT/ HTTP/1.1\r\n\r\n",
		"GET http:api.test:PORT/ HTTP/1.1\r\n\r\n",
		"GET http:///api.test:PORT/ HTTP/1.1\r\n\r\n",
		"GET http://api.test:PORT@evil.test/ HTTP/1.1\r\n\r\n",
		"GET http://evil.test@api.test:PORT/ HTTP/1.1\r\n\r\n",
		"GET http://evil.test\\@api.test:PORT/ HTTP/1.1\r\n\r\n",
		"GET http://api.test%00.evil.test:PORT/ HTTP/1.1\r\n\r\n",
		"GET http://api%2etest:PORT/ HTTP/1.1\r\n\r\n",
		"GET http://api.test\x00.evil.test:PORT/ HTTP/1.1\r\n\r\n",
		"GET http://api.test:PORT#@evil.test/ HTTP/1.1\r\n\r\n",
		"GET http://api.test:0PORT/ HTTP/1.1\r\n\r\n",
		"GET http://api.test:+PORT/ HTTP/1.1\r\n\r\n",
		"GET http://api.test:/ HTTP/1.1\r\n\r\n",
		"GET http://api.test:99999/ HTTP/1.1\r\n\r\n",
		"GET http://[127.0.0.1]:PORT/ HTTP/1.1\r\n\r\n",
		"GET http://[::ffff:127.0.0.1]:PORT/ HTTP/1.1\r\n\r\n",
		"GET http://[::ffff:7f00:1]:PORT/ HTTP/1.1\r\n\r\n",
		"GET http://[fe80::1%25lo]:PORT/ HTTP/1.1\r\n\r\n",
		"GET http://[::1]x:PORT/ HTTP/1.1\r\n\r\n",
		"GET http://127.1:PORT/ HTTP/1.1\r\n\r\n",
		"GET http://0x7f.1:PORT/ HTTP/1.1\r\n\r\n",
		"GET http://0x7f000001:PORT/ HTTP/1.1\r\n\r\n",
		"GET http://2130706433:PORT/ HTTP/1.1\r\n\r\n",
		"GET http://0177.0.0.1:PORT/ HTTP/1.1\r\n\r\n",
		"GET http://127.0.0.1.:PORT/ HTTP/1.1\r\n\r\n",
		"GET http://１２７.0.0.1:PORT/ HTTP/1.1\r\n\r\n",
		"GET http://api.test..:PORT/ HTTP/1.1\r\n\r\n",
		"GET http://.api.test:PORT/ HTTP/1.1\r\n\r\n",
		"CONNECT api.test HTTP/1.1\r\n\r\n",
		"CONNECT http://api.test:PORT HTTP/1.1\r\n\r\n",
		"CONNECT api.test:PORT/ HTTP/1.1\r\n\r\n",
		"CONNECT user@api.test:PORT HTTP/1.1\r\n\r\n",
		"CONNECT api.test:PORT:PORT HTTP/1.1\r\n\r\n",
		"CONNECT api.test:PORT HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello",
		"CONNECT  api.test:PORT HTTP/1.1\r\n\r\n",
		"CONNECT api.test :PORT HTTP/1.1\r\n\r\n",
		"CONNECT evil.test:PORT HTTP/1.1\r\n\r\n",
		"CONNECT api.test.evil.test:PORT HTTP/1.1\r\n\r\n",
		"CONNECT api.test:22 HTTP/1.1\r\n\r\n",
		"CONNECT 169.254.169.254:80 HTTP/1.1\r\n\r\n",
		"CONNECT 127.0.0.2:PORT HTTP/1.1\r\n\r\n",
	} {
		w.denials = nil
		got := w.say(t, request)
		assert.Regexp(t, `^HTTP/1\.1 4\d\d `, got, "%q", request)
		assert.Len(t, w.denials, 1, "%q", request)
	}
}

// TestProxy_BadChunks: the head is fine, and the body begins to flow.
func TestProxy_BadChunks(t *testing.T) {
	var got []byte
	done := make(chan struct{}, 1)
	w := newWorld(t, Limits{}, func(conn net.Conn) {
		got, _ = io.ReadAll(conn)
		done <- struct{}{}
	})
	for _, body := range []string{"x\r\n", "3\nabc\r\n0\r\n\r\n", "3\r\nabcd\r\n0\r\n\r\n", "-3\r\nabc\r\n", "ffffffffffffffffff\r\n", "3\r\nabcX\n0\r\n\r\n"} {
		w.denials = nil
		w.say(t, "POST http://api.test:PORT/ HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"+body+strings.Repeat(" ", 100))
		<-done
		assert.NotContains(t, string(got), "0\r\n\r\n", "a bad body was ended as if it were whole: %q", body)
		assert.Contains(t, w.reasons(), "chunked body", "%q", body)
	}
}

func TestProxy_Limits(t *testing.T) {
	w := newWorld(t, Limits{Head: 8 << 10, HeadTime: 150 * time.Millisecond, Bytes: 20_000, Idle: 300 * time.Millisecond}, func(conn net.Conn) {
		_, _ = io.ReadFull(conn, make([]byte, 10))
		_, _ = conn.Write(make([]byte, 50_000))
		time.Sleep(50 * time.Millisecond)
	})
	w.say(t, "GET http://api.test:PORT/ HTTP/1.1\r\nX: "+strings.Repeat("x", 9000)+"\r\n\r\n")
	assert.Contains(t, w.reasons(), "head of more than 8192 bytes")
	w.say(t, "GET http://api.test:PORT/ HTTP/1.1\r\n"+strings.Repeat("X: 1\r\n", 200)+"\r\n")
	assert.Contains(t, w.reasons(), "more than 128 header fields")
	w.say(t, "GET http://api.test:PO")
	assert.Contains(t, w.reasons(), "not complete in time")
	w.denials = nil
	got := w.say(t, "GET http://api.test:PORT/ HTTP/1.1\r\n\r\n")
	assert.Less(t, len(got), 21_000)
	assert.Contains(t, w.reasons(), "more than 20000 bytes in one run")
}

func TestProxy_Idle(t *testing.T) {
	ended := make(chan error, 1)
	w := newWorld(t, Limits{Idle: 100 * time.Millisecond}, func(conn net.Conn) {
		_, err := io.ReadAll(conn)
		ended <- err
	})
	assert.Contains(t, w.say(t, "CONNECT api.test:PORT HTTP/1.1\r\n\r\n{"), "200 Connection established")
	require.NoError(t, <-ended)
	require.Len(t, w.server.Close(), 1)
}

func TestProxy_TooMany(t *testing.T) {
	w := newWorld(t, Limits{PerRun: 2}, echo)
	for range 3 {
		w.say(t, "GET http://api.test:PORT/ HTTP/1.1\r\n\r\n")
	}
	assert.Equal(t, "connections: more than 2 in one run", w.reasons())
	assert.Len(t, w.server.Close(), 2)
}

// TestProxy_OtherPorts: what is said on a port of no known protocol.
func TestProxy_OtherPorts(t *testing.T) {
	w := newWorld(t, Limits{HeadTime: 250 * time.Millisecond}, echoAfter(2*time.Second)) // its end comes after the head's
	begin := "CONNECT api.test:PORT HTTP/1.1\r\n\r\n"
	for said, passes := range map[string]bool{
		"hello": true, "EHLO api.test\r\n": true, "*1\r\n$4\r\nPING\r\n": true, "\x00\x01": true, "": true, "PING\r\n": true,
		"GET / HTTP/1.1\r\nHost: api.test:PORT\r\n\r\n":                 true,
		"GET / HTTP/1.1\r\nHost: evil.test\r\n\r\n":                     false,
		"\r\nGET / HTTP/1.1\r\nHost: evil.test\r\n\r\n":                 false,
		" GET / HTTP/1.1\r\nHost: evil.test\r\n\r\n":                    false,
		"GET\t/ HTTP/1.1\r\nHost: evil.test\r\n\r\n":                    false,
		"GET / HTTP/1.1\nHost: evil.test\n\n":                           false,
		"GET http://evil.test/ HTTP/1.1\r\nHost: api.test:PORT\r\n\r\n": false,
		"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n":                              false,
		"GET / HT":                                                      false,
		"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00":                      false,
		"GET /" + strings.Repeat("x", 5000) + " HTTP/1.1\r\n":           false,
	} {
		w.denials = nil
		got := w.say(t, begin+said)
		assert.Equal(t, passes, w.reasons() == "", "%q: %s", said, w.reasons())
		if !passes {
			assert.NotContains(t, got, "evil", "%q", said)
		}
	}
}

// TestProxy_TellsLittle: the worker's networks are none of the program's business.
func TestProxy_TellsLittle(t *testing.T) {
	w := newWorld(t, Limits{}, echo)
	w.server.rules = parsed(t, "*", "127.0.0.1:1")
	w.names["inside.test"] = []netip.Addr{netip.MustParseAddr("10.1.2.3")}
	w.names["closed.test"] = []netip.Addr{loopback}
	for name, want := range map[string]string{
		"inside.test:80":  "egress: inside.test:80: forbidden address\n",
		"nowhere.test:80": "egress: nowhere.test:80: the worker could not resolve it\n",
		"closed.test:443": "egress: closed.test:443: forbidden address\n",
	} {
		got := w.say(t, "CONNECT "+name+" HTTP/1.1\r\n\r\n")
		assert.Equal(t, want, got[strings.Index(got, "egress:"):])
	}
	w.server.rules = parsed(t, "closed.test:1", "127.0.0.1:1")
	assert.Contains(t, w.say(t, "CONNECT closed.test:1 HTTP/1.1\r\n\r\n"), "502 Bad Gateway")
	made := w.server.Close()
	require.Len(t, made, 2)
	assert.Contains(t, made[0].Failure+made[1].Failure, "connection refused")
	assert.Contains(t, made[0].Failure+made[1].Failure, "resolve: no such host")
}

func TestProxy_Panics(t *testing.T) {
	w := newWorld(t, Limits{}, echo)
	w.server.rules = nil
	w.server.config.Resolver = nil // whoever asks it panics
	w.server.rules = rules{{name: "api.test", scope: oneName, port: 1}}
	assert.Empty(t, w.say(t, "CONNECT api.test:1 HTTP/1.1\r\n\r\n"))
	assert.Contains(t, w.reasons(), "BUG: egress")
	assert.Contains(t, w.say(t, "CONNECT evil.test:1 HTTP/1.1\r\n\r\n"), "403", "one panic ends one connection")
}

// TestProxy_HelloRetry: a server that asks for a second ClientHello gets one for the same name.
func TestProxy_HelloRetry(t *testing.T) {
	for name, want := range map[string]string{"api.test": "", "evil.test": "TLS for server name"} {
		retry := append([]byte{22, 3, 3, 0, 38 + 4, 2, 0, 0, 38, 3, 3}, retryRandom...)
		retry = append(retry, 0, 0, 0, 0)
		second := make(chan int, 1)
		w := newWorld(t, Limits{}, func(conn net.Conn) {
			_, _, _ = readHello(conn, 1<<15)
			_, _ = conn.Write(retry)
			_, _ = io.ReadFull(conn, make([]byte, changeCipherSize))
			raw, _, _ := readHello(conn, 1<<15)
			second <- len(raw)
		})
		conn, err := net.Dial("tcp", w.proxy.String()) //nolint:noctx // on this machine
		require.NoError(t, err)
		_, _ = io.WriteString(conn, "CONNECT api.test:"+w.port+" HTTP/1.1\r\n\r\n"+string(hello(t, "api.test")))
		_, _ = io.ReadFull(conn, make([]byte, len("HTTP/1.1 200 Connection established\r\n\r\n")+len(retry)))
		_, _ = conn.Write(append([]byte{20, 3, 3, 0, 1, 1}, hello(t, name)...))
		assert.Equal(t, want == "", <-second > 0)
		assert.Contains(t, w.reasons(), want)
		_ = conn.Close()
	}
}

// hello is a ClientHello as Go's TLS makes it.
func hello(tb testing.TB, name string) []byte {
	tb.Helper()
	ours, theirs := net.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		c := tls.Client(theirs, &tls.Config{ServerName: name, InsecureSkipVerify: true})
		_ = c.Handshake() //nolint:noctx // it ends with the pipe
	}()
	raw, _, err := readHello(ours, 1<<15)
	require.NoError(tb, err)
	_ = ours.Close()
	<-done
	return raw
}
