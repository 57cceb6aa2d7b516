//go:build !nodevserver

package devserver

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
)

// listenLoopback listens on address, which must be a loopback address; what
// names the listener in errors ("Temporal", "the Web UI").
func listenLoopback(ctx context.Context, what, address string) (net.Listener, error) {
	at, err := loopback(what, address)
	if err != nil {
		return nil, err
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", at.String())
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
	at, parseErr := netip.ParseAddrPort(net.JoinHostPort(host, port))
	if err != nil || parseErr != nil || !at.Addr().IsLoopback() {
		return netip.AddrPort{}, &StartError{
			Code:   BadOptions,
			Reason: fmt.Sprintf("address %q of %s is not a loopback address with a port", address, what),
			Hint:   "use 127.0.0.1:PORT; to serve other machines, run Temporal itself and set TEMPORAL_ADDRESS",
		}
	}
	return at, nil
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

// Ports that Linux gives to nobody who asks for any: those begin at 32768
// (ip_local_port_range in ip(7)). One of those, chosen now and listened on a moment
// later, can be an outgoing connection's by then.
const (
	firstPort = 20_000
	endPort   = 32_768
	portTries = 100 // before any port is good enough
)

// freePorts returns n addresses on 127.0.0.1 that were free a moment ago.
func freePorts(ctx context.Context, n int) ([]netip.AddrPort, error) {
	free := make([]netip.AddrPort, 0, n)
	for range n {
		l, err := listenSomewhere(ctx)
		if err != nil {
			return nil, fmt.Errorf("free port: %w", err)
		}
		// Held until all are chosen: no port is drawn twice.
		defer func() { _ = l.Close() }()
		free = append(free, addressOf(l))
	}
	return free, nil
}

func listenSomewhere(ctx context.Context) (net.Listener, error) {
	for range portTries {
		port := firstPort + rand.IntN(endPort-firstPort) //nolint:gosec // a port is no secret
		if l, err := new(net.ListenConfig).Listen(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			return l, nil
		}
	}
	return new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
}

// addressOf returns where l listens.
func addressOf(l net.Listener) netip.AddrPort {
	return netip.MustParseAddrPort(l.Addr().String())
}
