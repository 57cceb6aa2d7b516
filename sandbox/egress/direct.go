package egress

import (
	"net"
	"net/netip"
)

// serveDirect carries a connection that was made to an address of the DNS stub's.
func (s *Server) serveDirect(c *client) error {
	local, ok := c.LocalAddr().(*net.TCPAddr)
	if !ok {
		return nil
	}
	at := local.AddrPort()
	name, ok := s.names.nameOf(at.Addr().Unmap())
	if !ok {
		return &Denial{NotListed, unmapped(at).String(), "address that no name was resolved to"}
	}
	t := Target{Name: name, Port: at.Port()}
	if reason := s.rules.judge(t); reason != "" {
		return &Denial{NotListed, t.String(), reason}
	}
	conn, err := s.dial(s.ctx, t)
	if err != nil {
		return err
	}
	f := s.newFlow(c, t, conn)
	defer f.end()
	f.carry()
	return nil
}

func unmapped(a netip.AddrPort) netip.AddrPort { return netip.AddrPortFrom(a.Addr().Unmap(), a.Port()) }
