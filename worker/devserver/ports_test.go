//go:build !nodevserver

package devserver_test

import (
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
)

// ownListeners returns the TCP addresses that this process listens on.
func ownListeners() []string {
	own := map[string]bool{}
	links, _ := filepath.Glob("/proc/self/fd/*")
	for _, link := range links {
		target, _ := os.Readlink(link)
		own[target] = true
	}
	table, _ := os.ReadFile("/proc/self/net/tcp")
	var addresses []string
	for line := range strings.Lines(string(table)) {
		f := strings.Fields(line)
		if len(f) > 9 && f[3] == "0A" && own["socket:["+f[9]+"]"] {
			addresses = append(addresses, parseAddress(f[1]))
		}
	}
	return addresses
}

// parseAddress reads "0100007F:1C41" as 127.0.0.1:7233.
func parseAddress(text string) string {
	host, port, _ := strings.Cut(text, ":")
	h, _ := hex.DecodeString(host)
	p, _ := hex.DecodeString(port)
	ip := netip.AddrFrom4([4]byte{h[3], h[2], h[1], h[0]})
	return netip.AddrPortFrom(ip, binary.BigEndian.Uint16(p)).String()
}
