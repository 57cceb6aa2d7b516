package egress

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/dns/dnsmessage"
)

// FuzzRequest: whatever is accepted and written anew is accepted again, as the
// same request for the same target.
func FuzzRequest(f *testing.F) {
	f.Add([]byte("GET http://api.test/a?b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"))
	f.Add([]byte("CONNECT [::1]:443 HTTP/1.0\r\n\r\n"))
	f.Add([]byte("POST http://api.test:81 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"))
	f.Add([]byte("POST http://a@api.test:81 HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\n"))
	f.Fuzz(func(t *testing.T, head []byte) {
		r, err := parseRequest(head)
		if err != nil {
			return
		}
		target, err := r.destination()
		if err != nil || r.method == "CONNECT" {
			return
		}
		out := r.render(target)
		again, err := parseRequest(out)
		require.NoError(t, err, "%q", out)
		require.NoError(t, again.origin(target), "%q", out)
		require.Equal(t, r.chunks, again.chunks)
		require.Equal(t, r.length, again.length)
		require.Equal(t, 1, bytes.Count(out, []byte("\r\n\r\n")))
	})
}

// FuzzAuthority: a target has one form, and reads as itself.
func FuzzAuthority(f *testing.F) {
	for _, seed := range []string{"api.test:443", "[::1]:80", "127.0.0.1:1", "bücher.example:80", "0x7f.1:80", "a@b:1", "xn--a:1", "a%00:1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		target, err := parseAuthority(text, 0)
		if err != nil {
			return
		}
		again, err := parseAuthority(target.String(), 0)
		require.NoError(t, err, "%q %q", text, target)
		require.Equal(t, target, again)
		require.Equal(t, target.Name == "", target.Address.IsValid())
		require.Equal(t, strings.ToLower(target.Name), target.Name)
	})
}

func FuzzRule(f *testing.F) {
	for _, seed := range []string{"api.test:443", "*.api.test", "*", "10.0.0.0/8:1", "[fd00::/8]:80", "*.bücher.example"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, err := ParseRule(text)
		if err != nil {
			return
		}
		again, err := ParseRule(r.String())
		require.NoError(t, err, "%q %q", text, r)
		require.Equal(t, r, again)
	})
}

// FuzzHello: bounded, and all that is taken is what is passed on.
func FuzzHello(f *testing.F) {
	f.Add(hello(f, "api.test"))
	f.Add(fragmented(hello(f, "api.test"), 50))
	f.Add(withExtensions([]byte{0, 0, 0, 6, 0, 4, 0, 0, 1, 'a'}))
	f.Fuzz(func(t *testing.T, b []byte) {
		raw, name, err := readHello(bytes.NewReader(b), 4<<10)
		if err == nil {
			require.True(t, bytes.HasPrefix(b, raw))
			require.LessOrEqual(t, len(raw), 4<<10)
			require.LessOrEqual(t, len(name), len(raw))
		}
		_, _ = serverName(b)
	})
}

func FuzzNames(f *testing.F) {
	f.Add(question(f, "api.example.com.", dnsmessage.TypeA))
	f.Add(question(f, "evil.test.", dnsmessage.TypeAAAA))
	f.Fuzz(func(t *testing.T, query []byte) {
		s, denials := stub(t, 10)
		answer := s.nameAnswer(query)
		require.LessOrEqual(t, len(answer), 1<<10)
		for _, d := range *denials {
			require.NotContains(t, d, "BUG")
			require.LessOrEqual(t, len(d), 1<<10)
		}
		s.Close()
	})
}
