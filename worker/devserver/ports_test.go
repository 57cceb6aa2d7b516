//go:build !nodevserver

package devserver_test

import (
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// ownListeners returns the TCP addresses that this process listens on.
func ownListeners(t *testing.T) []string {
	t.Helper()
	own := map[string]bool{}
	links, err := filepath.Glob("/proc/self/fd/*")
	require.NoError(t, err)
	for _, link := range links {
		target, _ := os.Readlink(link)
		own[target] = true
	}
	table, err := os.ReadFile("/proc/self/net/tcp")
	require.NoError(t, err)
	var addresses []string
	for line := range strings.Lines(string(table)) {
		f := strings.Fields(line)
		if len(f) > 9 && f[3] == "0A" && own["socket:["+f[9]+"]"] {
			addresses = append(addresses, parseAddress(t, f[1]))
		}
	}
	return addresses
}

// parseAddress reads "0100007F:1C41" as 127.0.0.1:7233.
func parseAddress(t *testing.T, text string) string {
	t.Helper()
	host, port, _ := strings.Cut(text, ":")
	h, err := hex.DecodeString(host)
	require.NoError(t, err)
	p, err := hex.DecodeString(port)
	require.NoError(t, err)
	ip := netip.AddrFrom4([4]byte{h[3], h[2], h[1], h[0]})
	return netip.AddrPortFrom(ip, binary.BigEndian.Uint16(p)).String()
}
