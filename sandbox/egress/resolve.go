package egress

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
)

// Resolver looks names up; *net.Resolver is one. It is asked for canonical names.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// systemResolver asks what this machine asks, without its search list: a name
// that a program gives is whole.
type systemResolver struct {
	// dial connects to the machine's name servers; nil: as usual.
	dial func(ctx context.Context, network, address string) (net.Conn, error)
}

func (r systemResolver) LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error) {
	found := hosted(ctx, network, host)
	var err error
	if len(found) == 0 {
		found, err = (&net.Resolver{PreferGo: true, Dial: r.dial}).LookupNetIP(ctx, network, host+".")
	}
	for i, a := range found {
		found[i] = a.Unmap() // net's own form of an IPv4 address
	}
	return found, err
}

// hosted looks in /etc/hosts for a name without a dot. package net knows such a one
// there only without the final dot that keeps the search list away from it. So no
// server is asked here: it would be asked for what the list makes of the name.
func hosted(ctx context.Context, network, host string) []netip.Addr {
	if strings.Contains(host, ".") {
		return nil
	}
	alone := net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		return nil, errors.New("no server is to be asked")
	}}
	found, err := alone.LookupNetIP(ctx, network, host)
	if err != nil {
		return nil // it is not there
	}
	return found
}

// maxAnswers is how many addresses of a name are tried.
const maxAnswers = 16

// addressesOf lists the addresses that a permitted target may be connected to. If
// one of a name's addresses is forbidden, so are all: whoever answers so for a
// public name means no good.
func (s *Server) addressesOf(ctx context.Context, t Target) ([]netip.Addr, error) {
	if t.Address.IsValid() {
		return []netip.Addr{t.Address}, nil
	}
	found, err := s.config.Resolver.LookupNetIP(ctx, "ip", t.Name)
	if err != nil {
		return nil, &unreachableError{t, "resolve", err}
	}
	for _, a := range found {
		if reason := s.rules.admits(a, t.Port); reason != "" {
			return nil, &Denial{ForbiddenAddress, t.String(), fmt.Sprintf("resolves to %s (%s)", a, reason)}
		}
	}
	if len(found) == 0 {
		return nil, &unreachableError{t, "resolve", errors.New("no address")}
	}
	return found[:min(len(found), maxAnswers)], nil
}

// dial connects to an address that was checked. The name is not looked up again.
func (s *Server) dial(ctx context.Context, t Target) (net.Conn, error) {
	if s.traffic.usedUp() { // each name is a message, too
		return nil, s.traffic.exhausted(t)
	}
	ctx, cancel := context.WithTimeout(ctx, s.config.Limits.Dial)
	defer cancel()
	candidates, err := s.addressesOf(ctx, t)
	if err != nil {
		return nil, err
	}
	for _, a := range candidates {
		var conn net.Conn
		if conn, err = s.dialer.DialContext(ctx, "tcp", netip.AddrPortFrom(a, t.Port).String()); err == nil {
			return conn, nil
		}
	}
	return nil, &unreachableError{t, "reach", err}
}

// unreachableError is a permitted host that could not be reached. Its cause names
// servers and addresses of the worker's, which the program is not told.
type unreachableError struct {
	target Target
	step   string
	err    error
}

func (e *unreachableError) Error() string { return fmt.Sprintf("%s: %s: %s", e.target, e.step, e.err) }

func (e *unreachableError) told() string {
	return fmt.Sprintf("%s: the worker could not %s it", e.target, e.step)
}

func (e *unreachableError) Unwrap() error { return e.err }
