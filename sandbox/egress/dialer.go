package egress

import (
	"context"
	"fmt"
	"net"
)

// Dialer connects the worker itself, where it does a program's errand, as a
// Server would connect the program: to permitted hosts, at addresses that it
// checked. The zero Dialer connects to nothing.
type Dialer struct {
	Rules    []Rule
	Resolver Resolver // this machine's, when nil
	Limits   Limits   // of which Dial counts
	// Overrides lead a permitted host:port, in its canonical form, to an address of
	// the operator's choice, which is not judged.
	Overrides map[string]string
}

// Permits says why no connection may go to host:port; nil, if its name and port
// may. Its addresses are judged by DialContext. The error is a *Denial.
func (d *Dialer) Permits(hostPort string) error {
	_, err := d.target(hostPort)
	return err
}

// DialContext connects over TCP to host:port. Its error is a *Denial where the
// rules are the reason.
func (d *Dialer) DialContext(ctx context.Context, _, hostPort string) (net.Conn, error) {
	target, err := d.target(hostPort)
	if err != nil {
		return nil, err
	}
	if to, overridden := d.Overrides[target.String()]; overridden {
		return (&net.Dialer{Timeout: d.Limits.orDefaults().Dial}).DialContext(ctx, "tcp", to)
	}
	s := &Server{config: Config{Resolver: d.Resolver, Limits: d.Limits.orDefaults()}, rules: d.Rules}
	if s.config.Resolver == nil {
		s.config.Resolver = systemResolver{}
	}
	return s.dial(ctx, target)
}

func (d *Dialer) target(hostPort string) (Target, error) {
	target, err := parseAuthority(hostPort, 0)
	if err != nil {
		return target, malformed(fmt.Sprintf("%.200q", hostPort), err)
	}
	return target, rules(d.Rules).permit(target)
}
