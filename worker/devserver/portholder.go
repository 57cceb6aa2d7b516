//go:build !nodevserver

package devserver

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// portHolder finds the process that listens on at. It sees the caller's own
// processes (root: all) and returns 0 for others.
func portHolder(at netip.AddrPort) (pid int, name string) {
	sockets := listeningSockets(at.Port())
	if len(sockets) == 0 {
		return 0, ""
	}
	links, _ := filepath.Glob("/proc/[0-9]*/fd/*")
	for _, link := range links {
		target, err := os.Readlink(link)
		if err != nil || !sockets[target] {
			continue
		}
		process := filepath.Dir(filepath.Dir(link))
		pid, _ = strconv.Atoi(filepath.Base(process))
		comm, _ := os.ReadFile(filepath.Join(process, "comm"))
		return pid, strings.TrimSpace(string(comm))
	}
	return 0, ""
}

// listeningSockets returns the sockets that listen on port, in the form that
// links in /proc/PID/fd have ("socket:[1234]").
func listeningSockets(port uint16) map[string]bool {
	const (
		listen                             = "0A"
		localField, stateField, inodeField = 1, 3, 9
	)
	sockets := map[string]bool{}
	suffix := fmt.Sprintf(":%04X", port)
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		text, _ := os.ReadFile(table)
		for line := range strings.Lines(string(text)) {
			f := strings.Fields(line)
			if len(f) > inodeField && f[stateField] == listen && strings.HasSuffix(f[localField], suffix) {
				sockets["socket:["+f[inodeField]+"]"] = true
			}
		}
	}
	return sockets
}
