package egress

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParseRule(t *testing.T) {
	for text, want := range map[string]string{
		"api.example.com":       "api.example.com",
		"API.Example.COM.:8443": "api.example.com:8443",
		"*.example.com":         "*.example.com",
		"*.Example.com.:80":     "*.example.com:80",
		"*":                     "*",
		"*:8080":                "*:8080",
		"bücher.example":        "xn--bcher-kva.example",
		"XN--BCHER-KVA.example": "xn--bcher-kva.example",
		"my_bucket.example.com": "my_bucket.example.com",
		"localhost:80":          "localhost:80",
		"10.0.0.0/8:8080":       "10.0.0.0/8:8080",
		"127.0.0.1:3000":        "127.0.0.1:3000",
		"127.0.0.1":             "127.0.0.1",
		"[::1]:80":              "[::1]:80",
		"::1":                   "[::1]",
		"[fd00::/8]:80":         "[fd00::/8]:80",
		"fd00::/8":              "[fd00::/8]",
	} {
		r, err := ParseRule(text)
		require.NoError(t, err, text)
		assert.Equal(t, want, r.String(), text)
		again, err := ParseRule(r.String())
		require.NoError(t, err)
		assert.Equal(t, r, again)
	}
}

func TestParseRule_Refuses(t *testing.T) {
	for text, want := range map[string]string{
		"":                        "name of 0 bytes",
		"https://api.example.com": "it is a URL",
		"api.example.com/path":    "not an address",
		"api.example.com:0":       "port",
		"api.example.com:65536":   "port",
		"api.example.com:":        "port",
		"api.example.com:http":    "port",
		"api.*.com":               "character '*'",
		"*example.com":            "character '*'",
		"**":                      "character '*'",
		"*.*.com":                 "character '*'",
		"*.":                      "name of 0 bytes",
		"a..b":                    "label of 0 bytes",
		"-a.b":                    "hyphen",
		"a b":                     "character ' '",
		"user@host":               "character '@'",
		"127.1":                   "numeric address",
		"0x7f.1":                  "numeric address",
		"2130706433":              "numeric address",
		"10.0.0.1/8":              "the range is 10.0.0.0/8",
		"0.0.0.0/0":               "takes in the machine itself",
		"::/0":                    "takes in the machine itself",
		"10.0.0.0/33":             "range of",
		"::ffff:10.0.0.1":         "IPv4-mapped",
		"fe80::1%eth0":            "zone",
		"[::1]80":                 "bracket",
		"[::1":                    "bracket",
		"[10.0.0.0/8]:80":         "bracket",
		"[api.example.com]:80":    "bracket",
		"xn--a.example":           "internationalized",
	} {
		_, err := ParseRule(text)
		var rule *RuleError
		require.ErrorAs(t, err, &rule, text)
		require.ErrorContains(t, err, want, text)
		require.ErrorContains(t, err, "; write host, host:port")
	}
}

func parsed(tb testing.TB, texts ...string) rules {
	tb.Helper()
	rs, err := ParseRules(texts)
	require.NoError(tb, err)
	return rs
}

func TestRules_Judge(t *testing.T) {
	for _, c := range []struct {
		rule, target string
		permitted    bool
	}{
		{"api.example.com", "api.example.com:443", true},
		{"api.example.com", "api.example.com:80", true},
		{"api.example.com", "API.example.com.:80", true},
		{"api.example.com", "api.example.com:8080", false},
		{"api.example.com:8080", "api.example.com:8080", true},
		{"api.example.com:8080", "api.example.com:443", false},
		{"api.example.com", "b.api.example.com:443", false},
		{"*.example.com", "a.example.com:443", true},
		{"*.example.com", "a.b.example.com:443", true},
		{"*.example.com", "example.com:443", false},
		{"*.example.com", "evilexample.com:443", false},
		{"*.example.com", "a.example.com.evil:443", false},
		{"*", "anything.test:443", true},
		{"*", "anything.test:22", false},
		{"*", "93.184.216.34:443", false},
		{"*", "[2001:4860::1]:443", false},
		{"10.0.0.0/8:8080", "10.1.2.3:8080", true},
		{"10.0.0.0/8:8080", "11.1.2.3:8080", false},
		{"[fd00::/8]:80", "[fd00::1]:80", true},
		{"xn--bcher-kva.example", "bücher.example:443", true},
		{"xn--bcher-kva.example", "BÜCHER。example:443", true},
	} {
		target, err := parseAuthority(c.target, 0)
		require.NoError(t, err, c.target)
		assert.Equal(t, c.permitted, parsed(t, c.rule).judge(target) == "", "%s, %s", c.rule, c.target)
	}
	assert.NotEmpty(t, rules{Rule{}}.judge(Target{Name: "a", Port: 443}), "the zero Rule permits nothing")
}

func TestRules_Admits(t *testing.T) {
	rs := parsed(t, "*", "10.1.0.0/16:443")
	assert.Empty(t, rs.admits(netip.MustParseAddr("10.1.2.3"), 443))
	assert.Equal(t, "private address", rs.admits(netip.MustParseAddr("10.1.2.3"), 80))
	assert.Equal(t, "private address", rs.admits(netip.MustParseAddr("10.2.2.3"), 443))
	assert.Empty(t, rs.admits(netip.MustParseAddr("8.8.8.8"), 80))
}

func TestForbidden(t *testing.T) {
	for text, want := range map[string]string{
		"8.8.8.8": "", "93.184.216.34": "", "172.32.0.1": "", "2606:2800:220:1::1": "", "2a00:1450::1": "",
		"0.0.0.0": "unspecified address", "0.1.2.3": "unspecified address", "::": "unspecified address",
		"127.0.0.1": "loopback address", "127.255.255.254": "loopback address", "::1": "loopback address",
		"10.0.0.1": "private address", "172.16.0.1": "private address", "172.31.255.255": "private address", "192.168.0.1": "private address", "fc00::1": "private address",
		"169.254.1.1": "link-local address", "fe80::1": "link-local address",
		"169.254.169.254": "metadata address", "fd00:ec2::254": "metadata address", "100.100.100.200": "metadata address", "168.63.129.16": "metadata address",
		"100.64.0.1": "carrier's private address", "198.18.0.1": "benchmarking address", "198.19.255.255": "benchmarking address",
		"224.0.0.1": "multicast address", "ff02::1": "multicast address", "255.255.255.255": "reserved address", "240.0.0.1": "reserved address",
		"192.0.2.1": "documentation address", "2001:db8::1": "documentation address",
		"::ffff:8.8.8.8": "address that wraps an IPv4 one", "::8.8.8.8": "address that wraps an IPv4 one", "64:ff9b::808:808": "address that wraps an IPv4 one",
		"2002:808:808::1": "address that wraps an IPv4 one", "2001::1": "address that wraps an IPv4 one",
		"4000::1": "reserved address", "100::1": "reserved address", "fec0::1": "private address",
		"2606::1%eth0": "invalid address",
	} {
		assert.Equal(t, want, Forbidden(netip.MustParseAddr(text)), text)
	}
	assert.Equal(t, "invalid address", Forbidden(netip.Addr{}))
}

func TestIsOwn(t *testing.T) {
	assert.True(t, isOwn(loopback))
	assert.False(t, isOwn(netip.MustParseAddr("93.184.216.34")))
}

func BenchmarkAdmits(b *testing.B) {
	rs, a := parsed(b, "*"), netip.MustParseAddr("93.184.216.34")
	for b.Loop() {
		_ = rs.admits(a, 443)
	}
}

func TestPorts(t *testing.T) {
	assert.Equal(t, []uint16{80, 443, 8443}, Ports(parsed(t, "a.test", "b.test:8443", "*.test")))
}
