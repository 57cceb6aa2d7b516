package egress

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestProxy_FieldsOfAnyLength: a field may end wherever the reader's buffer does.
func TestProxy_FieldsOfAnyLength(t *testing.T) {
	w := newWorld(t, Limits{}, echo)
	for _, length := range []int{4095, 4096, 4097, 8192} {
		line := "X: " + strings.Repeat("x", length-len("X: "))
		assert.Contains(t, w.say(t, "GET http://api.test:PORT/ HTTP/1.1\r\n"+line+"\r\n\r\n"), line, "%d bytes", length)
	}
	assert.Empty(t, w.reasons())
}

// TestProxy_Continues before anything of the target's answer, and says nothing of
// it to a program that does not know it.
func TestProxy_Continues(t *testing.T) {
	w := newWorld(t, Limits{}, func(conn net.Conn) {
		_, _ = conn.Read(make([]byte, 1<<10))
		_, _ = io.WriteString(conn, "HTTP/1.1 413 Content Too Large\r\nConnection: close\r\n\r\n")
	})
	for range 20 {
		got := w.say(t, "POST http://api.test:PORT/ HTTP/1.1\r\nContent-Length: 1\r\nExpect: 100-Continue\r\n\r\nx")
		assert.Equal(t, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 413 Content Too Large\r\nConnection: close\r\n\r\n", got)
	}
	for _, head := range []string{"HTTP/1.0\r\nExpect: 100-continue", "HTTP/1.1\r\nExpect: wonders"} {
		got := w.say(t, "POST http://api.test:PORT/ "+head+"\r\nContent-Length: 1\r\n\r\nx")
		assert.Equal(t, "HTTP/1.1 413 Content Too Large\r\nConnection: close\r\n\r\n", got)
	}
}

// TestProxy_LateWord: a program that first listens for long is looked at no less.
func TestProxy_LateWord(t *testing.T) {
	heard := make(chan string, 1)
	w := newWorld(t, Limits{Idle: 300 * time.Millisecond}, func(conn net.Conn) {
		for range 10 {
			_, _ = conn.Write([]byte("."))
			time.Sleep(100 * time.Millisecond)
		}
		b, _ := io.ReadAll(conn)
		heard <- string(b)
	})
	conn, err := net.Dial("tcp", w.proxy.String()) //nolint:noctx // on this machine
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	_, _ = io.WriteString(conn, "CONNECT api.test:"+w.port+" HTTP/1.1\r\n\r\n")
	time.Sleep(600 * time.Millisecond)
	_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: evil.test\r\n\r\n")
	assert.NotContains(t, <-heard, "evil.test")
	assert.Contains(t, w.reasons(), `request for Host "evil.test:`+w.port)
}

// TestProxy_OddMethods: some servers take a method in any letters, others only
// those in capitals.
func TestProxy_OddMethods(t *testing.T) {
	w := newWorld(t, Limits{}, echo)
	begin := "CONNECT api.test:PORT HTTP/1.1\r\n\r\n"
	evil := " / HTTP/1.1\r\nHost: evil.test\r\n\r\n"
	for said, passes := range map[string]bool{
		"get" + evil: false, "\r\nG3t" + evil: false, "g!t" + strings.ReplaceAll(evil, " ", "\t"): false,
		"get / http/1.1\nHost: evil.test\n\n":                    false,
		"get /" + strings.Repeat("x", 9000) + evil:               false,
		"42 <1>1 log - \"GET / HTTP/1.1\" 200\nget / HTTP/1.1\n": true,
		"{\"request\": \"GET / HTTP/1.1\n":                       true,
		"\x80" + evil:                                            true, // no method to any server
		"\x82\xa1\x01\x04xyz":                                    true,
		"\xff\xfd\x01":                                           true, // Telnet
		"\x16\x01\x00\x01\x85\xa6\xff\x01":                       true, // a login of MySQL, of 278 bytes
	} {
		w.denials = nil
		got := w.say(t, begin+said)
		assert.Equal(t, passes, w.reasons() == "", "%.40q: %s", said, w.reasons())
		assert.Equal(t, passes, strings.HasSuffix(got, said), "%.40q: %q", said, got)
		assert.Equal(t, passes && strings.Contains(said, "evil"), strings.Contains(got, "evil"), "%.40q: %q", said, got)
	}
}

// ahead sends some bytes before all others.
type ahead struct {
	net.Conn
	bytes []byte
}

func (a *ahead) Write(b []byte) (int, error) {
	_, err := a.Conn.Write(append(a.bytes, b...))
	a.bytes = nil
	return len(b), err
}

// TestProxy_AlertFirst: servers skip a warning before the ClientHello, and so must not we.
func TestProxy_AlertFirst(t *testing.T) {
	w := newWorld(t, Limits{}, func(conn net.Conn) {
		_ = tls.Server(conn, &tls.Config{GetCertificate: func(h *tls.ClientHelloInfo) (*tls.Certificate, error) {
			t.Errorf("the server is asked for %q", h.ServerName)
			return nil, errors.New("none")
		}}).Handshake() //nolint:noctx // the connection has a deadline
	})
	for _, first := range [][]byte{{21, 3, 1, 0, 2, 1, 90}, {21, 2, 0, 0, 2, 1, 100}, {20, 3, 3, 0, 1, 1}, {22, 3, 1, 0, 0}, {22, 2, 0, 0, 0}, {0x80, 30, 1, 3, 3}} {
		w.denials = nil
		conn, err := net.Dial("tcp", w.proxy.String()) //nolint:noctx // on this machine
		require.NoError(t, err)
		_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
		_, _ = io.WriteString(conn, "CONNECT api.test:"+w.port+" HTTP/1.1\r\n\r\n")
		_, _ = io.ReadFull(conn, make([]byte, len("HTTP/1.1 200 Connection established\r\n\r\n")))
		c := tls.Client(&ahead{conn, first}, &tls.Config{ServerName: "evil.test"})
		require.Error(t, c.Handshake()) //nolint:noctx // the connection has a deadline
		_ = conn.Close()
		assert.Contains(t, w.reasons(), "TLS that does not begin with a ClientHello", "%v", first)
	}
}

// TestServerName_ASCII: RFC 6066, 3. What a server makes of other letters is its affair.
func TestServerName_ASCII(t *testing.T) {
	f := &flow{target: Target{Name: "api.test", Port: 443}}
	for name, same := range map[string]bool{
		"api.test": true, "API.Test": true, "api.test.": true,
		"ａpi.test": false, "api\u00ad.test": false, "api。test": false, "api.test\x00": false, "127.0.0.1": false, "": false,
	} {
		assert.Equal(t, same, f.sameName(name) == nil, "%q", name)
	}
}

// TestFlow_Panics: a fault on the way back ends one connection, not the worker.
func TestFlow_Panics(t *testing.T) {
	w := newWorld(t, Limits{}, echo)
	ours, theirs := net.Pipe()
	defer func() { _ = ours.Close() }()
	c, target := newClient(theirs), Target{Name: "api.test", Port: 1}
	f := w.server.newFlow(c, target, faulty{theirs})
	defer f.end()
	f.answer()
	<-f.answers
	assert.Contains(t, w.reasons(), "BUG: egress: of the test")
	_, err := ours.Read(make([]byte, 1))
	assert.Error(t, err, "both ends are closed")
}

type faulty struct{ net.Conn }

func (faulty) Read([]byte) (int, error) { panic("of the test") }

// TestNames_StreamWaits: a program may keep its connection for a question that
// it then does not ask; it may not stop in the middle of one.
func TestNames_StreamWaits(t *testing.T) {
	for said, want := range map[string]bool{"": false, "\x00": true, "\x00\x20abc": true} {
		w := &world{}
		l := listen(t)
		s := Serve(Config{Rules: parsed(t, "api.test"), Limits: Limits{HeadTime: 50 * time.Millisecond}, Denied: w.denied}, Sockets{Stream: l})
		conn, err := net.Dial("tcp", l.Addr().String()) //nolint:noctx // on this machine
		require.NoError(t, err)
		_, _ = io.WriteString(conn, said)
		_, err = io.ReadAll(conn)
		require.NoError(t, err)
		s.Close()
		_ = conn.Close()
		assert.Equal(t, want, strings.Contains(w.reasons(), "not complete in time"), "%q: %s", said, w.reasons())
	}
}

// TestRules_Metadata: a range takes in no address by which a cloud serves its machines.
func TestRules_Metadata(t *testing.T) {
	for _, c := range []struct{ address, ranged string }{
		{"169.254.169.254", "169.254.0.0/16:80"},
		{"169.254.169.254", "169.0.0.0/8:80"},
		{"100.100.100.200", "100.64.0.0/10:80"},
		{"192.0.0.192", "192.0.0.0/8:80"},
		{"192.0.0.192", "192.0.0.192/26:80"},
		{"168.63.129.16", "168.0.0.0/8:80"},
		{"fd00:ec2::254", "[fd00::/8]:80"},
	} {
		a := netip.MustParseAddr(c.address)
		target := Target{Address: a, Port: 80}
		for _, admitted := range []bool{false, true} {
			rs := parsed(t, "*:80", c.ranged)
			if admitted {
				rs = append(rs, parsed(t, target.String())...)
			}
			assert.Equal(t, admitted, rs.judge(target) == "", "%s by %s", target, rs)
			assert.Equal(t, admitted, rs.admits(a, 80) == "", "%s by %s", target, rs)
		}
		assert.False(t, parsed(t, c.ranged)[0].Covers(parsed(t, target.String())[0]))
		assert.True(t, parsed(t, c.ranged)[0].Covers(parsed(t, c.ranged)[0]))
	}
}

// TestDialer_Overrides: whatever way the host is written.
func TestDialer_Overrides(t *testing.T) {
	l := listen(t)
	defer func() { _ = l.Close() }()
	d := Dialer{Rules: parsed(t, "api.test"), Overrides: map[string]string{"api.test:443": l.Addr().String()}}
	for _, host := range []string{"api.test:443", "API.Test:443", "api.test.:443"} {
		conn, err := d.DialContext(t.Context(), "tcp", host)
		require.NoError(t, err, host)
		_ = conn.Close()
	}
}

// TestDialer_Denies as the proxy does.
func TestDialer_Denies(t *testing.T) {
	d := Dialer{Rules: parsed(t, "*")}
	for host, kind := range map[string]Kind{
		"169.254.169.254:80": ForbiddenAddress, "[::1]:80": ForbiddenAddress, "93.184.216.34:80": NotListed, "a.test:22": NotListed,
		"0x7f.1:80": Malformed, strings.Repeat("x\n", 9000) + ":80": Malformed,
	} {
		var denial *Denial
		require.ErrorAs(t, d.Permits(host), &denial, "%.40q", host)
		assert.Equal(t, kind, denial.Kind, "%.40q", host)
		assert.LessOrEqual(t, len(denial.Error()), 1000)
		assert.NotContains(t, denial.Error(), "\n")
	}
}

func BenchmarkFirstLine(b *testing.B) {
	text := []byte(strings.Repeat("A", 4<<10))
	for b.Loop() {
		ours, theirs := net.Pipe()
		go func() { _, _ = theirs.Write(text) }()
		f := &flow{client: newClient(ours), target: Target{Name: "a", Port: 1}}
		_, err := f.firstLine()
		if err == nil {
			b.Fatal("a line without an end")
		}
		_, _ = ours.Close(), theirs.Close()
	}
}
