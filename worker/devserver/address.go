//go:build !nodevserver

package devserver

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
)

// listenLoopback listens on address, which must be a loopback address; what
// names the listener in errors ("Temporal", "the Web UI").
func listenLoopback(what, address string) (net.Listener, error) {
	at, err := loopback(what, address)
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", at.String())
	if err != nil {
		return nil, portBusy(what, at, err)
	}
	return l, nil
}

// loopback parses address and refuses one that other machines could reach.
func loopback(what, address string) (netip.AddrPort, error) {
	host, port, err := net.SplitHostPort(address)
	if host == "localhost" {
		host = "127.0.0.1"
	}
	number, portErr := strconv.ParseUint(port, 10, 16)
	ip, ipErr := netip.ParseAddr(host)
	if err != nil || portErr != nil || ipErr != nil || !ip.IsLoopback() {
		return netip.AddrPort{}, &StartError{
			Code:   BadOptions,
			Reason: fmt.Sprintf("address %q of %s is not a loopback address with a port", address, what),
			Hint:   "use 127.0.0.1:PORT; to serve other machines, run Temporal itself and set TEMPORAL_ADDRESS",
		}
	}
	return netip.AddrPortFrom(ip, uint16(number)), nil
}

// portBusy explains why at could not be listened on.
func portBusy(what string, at netip.AddrPort, err error) error {
	holder := "another process"
	if pid, name := portHolder(at); pid != 0 {
		holder = fmt.Sprintf("process %d (%s)", pid, name)
	}
	return &StartError{
		Code:   PortBusy,
		Reason: fmt.Sprintf("%s cannot listen on %s, which %s holds", what, at, holder),
		Hint:   "stop it, choose another port, or set TEMPORAL_ADDRESS to the Temporal that runs there",
		Err:    err,
	}
}

// freePorts returns n ports that were free on 127.0.0.1 a moment ago.
func freePorts(n int) ([]int, error) {
	ports := make([]int, 0, n)
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, fmt.Errorf("free port: %w", err)
		}
		// Held until all are chosen: no port is drawn twice.
		defer func() { _ = l.Close() }()
		ports = append(ports, portOf(l))
	}
	return ports, nil
}

func portOf(l net.Listener) int { return l.Addr().(*net.TCPAddr).Port }
