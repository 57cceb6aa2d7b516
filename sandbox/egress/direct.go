package egress

import "net"

// serveDirect carries a connection that was made to an address of the DNS stub's,
// or to one of loopback that a rule lists: then it is the worker's that is meant.
func (s *Server) serveDirect(c *client) error {
	local, ok := c.LocalAddr().(*net.TCPAddr)
	if !ok {
		return nil
	}
	at := local.AddrPort()
	t := Target{Port: at.Port()}
	if t.Name, ok = s.names.nameOf(at.Addr().Unmap()); !ok {
		t.Address = at.Addr().Unmap()
	}
	if err := s.rules.permit(t); err != nil {
		return err
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
