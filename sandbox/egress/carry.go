package egress

import (
	"errors"
	"fmt"
	"io"
	"time"
)

// Ports whose protocol is known.
const (
	portHTTP  = 80
	portHTTPS = 443
)

// carry passes on a connection whose bytes are the target's protocol, once it is
// known that they are meant for the target. The answers flow from the beginning:
// in some protocols the server speaks first.
func (f *flow) carry() {
	f.answer()
	f.finish(f.begin())
}

func (f *flow) begin() error {
	switch f.target.Port {
	case portHTTPS:
		return f.carryTLS()
	case portHTTP:
		return f.carryHTTP()
	}
	return f.carryUnknown()
}

// carryTLS asks that the ClientHello names the target, and for an address nothing.
func (f *flow) carryTLS() error {
	if err := f.passHello(f.server.config.Limits.HeadTime); err != nil {
		return err
	}
	if err := f.repeatHello(); err != nil {
		return err
	}
	return f.relay()
}

func (f *flow) passHello(patience time.Duration) error {
	f.client.within(patience)
	raw, name, err := readHello(f.client, f.server.config.Limits.Head)
	if err != nil {
		return f.explainHello(err)
	}
	if err := f.sameName(name); err != nil {
		return err
	}
	return f.send(raw)
}

// explainHello lets a connection that ends without a word go without one.
func (f *flow) explainHello(err error) error {
	what := f.target.String()
	switch {
	case errors.Is(err, io.EOF):
		return err
	case timedOut(err):
		return late(err, what)
	case errors.Is(err, errNotTLS) && f.target.Port != portHTTPS:
		return malformed(what, errors.New("TLS that does not begin with a ClientHello of its own form"))
	case errors.Is(err, errNotTLS):
		return malformed(what, fmt.Errorf("%w, which is all that port %d is for", err, f.target.Port))
	}
	return malformed(what, err)
}

func (f *flow) sameName(name string) error {
	if f.target.Name == "" && name == "" {
		return nil
	}
	canonical, err := canonicalName(name)
	switch {
	case name == "":
		return &Denial{OtherName, f.target.String(), "TLS without a server name"}
	case !ascii(name): // servers need not map it as we do
		return malformed(f.target.String(), fmt.Errorf("server name %.80q is not ASCII", name))
	case err != nil:
		return malformed(f.target.String(), fmt.Errorf("server name %.80q: %w", name, err))
	case canonical != f.target.Name:
		return &Denial{OtherName, f.target.String(), fmt.Sprintf("TLS for server name %q", canonical)}
	}
	return nil
}

// carryHTTP passes on one request, which must be for the target.
func (f *flow) carryHTTP() error {
	limits := f.server.config.Limits
	f.client.within(limits.HeadTime)
	head, err := f.client.head(limits.Head)
	if err != nil {
		return err
	}
	r, err := parseRequest(head)
	if err != nil {
		return malformed(f.target.String(), err)
	}
	if err := r.origin(f.target); err != nil {
		return err
	}
	return f.submit(r)
}
