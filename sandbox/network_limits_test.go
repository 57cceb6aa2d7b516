package sandbox_test

import (
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/sandbox"
)

func TestNetwork_HalfOpen(t *testing.T) {
	r, n := newRunner(t), newInternet(t)
	s := n.spec(t, policies.Standard, withProxy+tries+`
import time
many = []
for i in range(300):
    s = socket.create_connection(("127.0.0.1", 3128)); s.sendall(b"GET http://api.exam"); many.append(s)
time.sleep(0.2)
ended = 0
for s in many:
    s.setblocking(False)
    try:
        ended += s.recv(1) == b""
    except BlockingIOError: pass
    except ConnectionResetError: ended += 1
print(ended >= 236, flush=True)
time.sleep(1)
print(get("http://api.example.com/"))
`, "api.example.com")
	s.Limits.OpenFiles = 1024
	s.Network.Limits.HeadTime = 700 * time.Millisecond
	result, err := r.Run(t.Context(), s)
	require.NoError(t, err)
	assert.Equal(t, "True\nGET api.example.com / 0\n", string(result.Stdout), "%s %s", result.Stderr, details(result))
	assert.Contains(t, details(result), "Low ResourceLimitExceeded : connections: more than 64 at a time")
	assert.Contains(t, details(result), "Low ResourceLimitExceeded : request: not complete in time (64)")
}

// TestNetwork_Flood: a program that only wants to be refused is ended.
func TestNetwork_Flood(t *testing.T) {
	r, n := newRunner(t), newInternet(t)
	result, err := r.Run(t.Context(), n.spec(t, policies.Standard, noProxy+`
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for i in range(100000):
    s.sendto(b"\x00\x01\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x06x%05d\x04evil\x00\x00\x01\x00\x01" % i, ("127.0.0.53", 53))
    s.recv(512)
`, "api.example.com"))
	require.NoError(t, err)
	assert.Equal(t, sandbox.Denied, result.Outcome)
}

// TestNetwork_Separate: two live sandboxes have the same addresses and nothing in common.
func TestNetwork_Separate(t *testing.T) {
	r, n := newRunner(t), newInternet(t)
	script := noProxy + tries + `
print(socket.gethostbyname(own))
import time; time.sleep(0.3)
print(get("http://a.example.com/")[:3], get("http://api.example.com/")[:3])
`
	var outs [2]string
	var both sync.WaitGroup
	for i, own := range []string{"a.example.com", "api.example.com"} {
		both.Go(func() {
			result, err := r.Run(t.Context(), n.spec(t, policies.Standard, "own = '"+own+"'\n"+script, own))
			assert.NoError(t, err) //nolint:testifylint // require must not be called from here
			outs[i] = string(result.Stdout)
			assert.Len(t, result.Connections, 1)
		})
	}
	both.Wait()
	assert.Equal(t, "198.18.1.0\nGET URL\n", outs[0])
	assert.Equal(t, "198.18.1.0\nURL GET\n", outs[1])
}

// TestNetwork_NothingLeaks runs many programs that end in the middle of something.
func TestNetwork_NothingLeaks(t *testing.T) {
	r, n := newRunner(t), newInternet(t)
	one := func(script string) {
		s := n.spec(t, policies.Standard, script, "api.example.com")
		s.Limits.Wall = 2 * time.Second
		_, err := r.Run(t.Context(), s)
		require.NoError(t, err)
	}
	one("pass")
	before := openFiles(t)
	for i := range 50 {
		switch i % 3 {
		case 0:
			one(withProxy + tries + `get("http://api.example.com/")`)
		case 1:
			one(noProxy + `s = socket.create_connection(("api.example.com", 443)); os._exit(0)`)
		case 2:
			one(withProxy + `s = socket.create_connection(("127.0.0.1", 3128)); s.sendall(b"CONNECT api.example.com:443 HTTP/1.1\r\n\r\n"); s.recv(10); os.kill(os.getpid(), 9)`)
		}
	}
	assert.Eventually(t, func() bool { return openFiles(t) <= before+2 }, 5*time.Second, 50*time.Millisecond, "%d, before %d", openFiles(t), before)
}

// everyWay are the levels that open hosts, with each way in which a script reaches them.
var everyWay = []struct {
	name  string
	level policies.Level
	begin string
}{
	{"strict by proxy", policies.Strict, withProxy},
	{"standard by proxy", policies.Standard, withProxy},
	{"standard", policies.Standard, noProxy},
	{"minimal by proxy", policies.Minimal, withProxy},
	{"minimal", policies.Minimal, noProxy},
}

// TestNetwork_Traffic: of 3 MiB each way, a run has what its limit lets it, in either
// direction, by HTTP and by TLS; then nothing goes anywhere, which is one violation.
func TestNetwork_Traffic(t *testing.T) {
	r, n := newRunner(t), newInternet(t)
	for _, way := range everyWay {
		for name, script := range map[string]string{
			"in":  `r = urllib.request.urlopen(scheme + "://big.example.com/big")` + "\n" + `while r.read(1 << 16): pass`,
			"out": `urllib.request.urlopen(scheme + "://big.example.com/", data=bytes(3 << 20)).read()`,
		} {
			for _, scheme := range []string{"http", "https"} {
				t.Run(way.name+" "+name+" "+scheme, func(t *testing.T) {
					s := n.spec(t, way.level, way.begin+tries+`
import http.client
scheme = "`+scheme+`"
try:
    `+strings.ReplaceAll(script, "\n", "\n    ")+`
    print("whole")
except (OSError, http.client.HTTPException): print("ended")
try: print(get("http://big.example.com/"))
except http.client.HTTPException: print("RemoteDisconnected")
`, "big.example.com")
					s.Network.Limits.Bytes = 1 << 20
					result, err := r.Run(t.Context(), s)
					require.NoError(t, err)
					assert.Regexp(t, "^ended\n(HTTP 403 egress: traffic: more than 1048576 bytes in one run.*|.*RemoteDisconnected.*|.*reset.*)\n+$", string(result.Stdout), "%s", result.Stderr)
					port := map[string]string{"http": "80", "https": "443"}[scheme]
					assert.Equal(t, "Medium ResourceLimitExceeded : traffic: more than 1048576 bytes in one run, at big.example.com:"+port+" (1)\n", details(result))
					require.Len(t, result.Connections, 1)
					c := result.Connections[0]
					assert.LessOrEqual(t, c.BytesIn+c.BytesOut, int64(1<<20))
					assert.Greater(t, c.BytesIn+c.BytesOut, int64(1<<20)-2000, "all but what a handshake or a head took")
				})
			}
		}
	}
}

// TestNetwork_Bandwidth: being slowed takes time and is no violation.
func TestNetwork_Bandwidth(t *testing.T) {
	r, n := newRunner(t), newInternet(t)
	for _, way := range everyWay {
		t.Run(way.name, func(t *testing.T) {
			s := n.spec(t, way.level, way.begin+tries+`
print(len(get("https://big.example.com/big")), get("http://big.example.com/", data=bytes(1 << 20)))
`, "big.example.com")
			s.Network.Limits.Rate = 4 << 20
			result, err := r.Run(t.Context(), s)
			require.NoError(t, err)
			assert.Equal(t, "3145728 POST big.example.com / 1048576\n", string(result.Stdout), "%s", result.Stderr)
			assert.Empty(t, details(result))
			assert.GreaterOrEqual(t, result.Usage.Wall, 3*time.Second/4, "4 MiB, of which the first may come at once")
		})
	}
}

func openFiles(t *testing.T) int {
	t.Helper()
	files, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	return len(files)
}
