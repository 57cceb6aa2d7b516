package sandbox

import (
	"cmp"
	"fmt"
	"net"
	"os"
	"sync"

	"lazaret.dev/lazaret/sandbox/egress"
	"lazaret.dev/lazaret/sandbox/initproc"
)

// service is what a run's network is served by, and what it refused. The nil
// service is that of a run without a network.
type service struct {
	server *egress.Server
	spec   *Spec
	end    func(Outcome)

	mu      sync.Mutex // guards refused, which the server's goroutines add to
	refused *ledger
}

// serveNetwork receives the sockets that pid 1 made and begins to answer on them.
func (x *run) serveNetwork() error {
	n := x.spec.Network
	if n.Mode == NoNetwork {
		return nil
	}
	m, fds, err := x.receive()
	if err != nil {
		return unavailable("build the sandbox", err)
	}
	files := make([]*os.File, len(fds))
	for i, fd := range fds {
		files[i] = os.NewFile(uintptr(fd), "network socket")
	}
	defer func() { _ = closeAll(files) }()
	if m.Kind != initproc.Sockets || len(fds) != len(n.sockets()) {
		return x.explain(m)
	}
	sockets, err := takeSockets(n, files)
	if err != nil {
		return unavailable("take over the network's sockets", err)
	}
	s := &service{spec: x.spec, end: x.end, refused: newLedger(x.spec)}
	s.server = egress.Serve(egress.Config{Rules: n.Rules, Resolver: n.Resolver, Limits: n.Limits, Denied: s.refuse}, sockets)
	x.network = s
	return nil
}

// takeSockets makes sockets of files, in the order of Network.sockets. On an
// error it leaves none open.
func takeSockets(n Network, files []*os.File) (s egress.Sockets, err error) {
	var open []interface{ Close() error }
	defer func() {
		if err != nil {
			for _, o := range open {
				_ = o.Close()
			}
			s = egress.Sockets{}
		}
	}()
	for i, want := range n.sockets() {
		if i == 1 {
			if s.Names, err = net.FilePacketConn(files[i]); err != nil {
				return s, err
			}
			open = append(open, s.Names)
			continue
		}
		l, err := net.FileListener(files[i])
		if err != nil {
			return s, fmt.Errorf("%s: %w", want.at, err)
		}
		open = append(open, l)
		switch i {
		case 0:
			s.Proxy = l
		case 2:
			s.Stream = l
		default:
			s.Direct = append(s.Direct, l)
		}
	}
	return s, nil
}

// severities say what a denial tells about a program.
var severities = map[egress.Kind]Severity{
	egress.NotListed:        Medium,
	egress.Malformed:        Medium,
	egress.ForbiddenAddress: High,
	egress.OtherName:        High,
	egress.OverLimit:        Low,
	egress.Exhausted:        Medium, // as any limit of a run
}

// actionRefuse is what the proxy does about a violation.
const actionRefuse = "refused"

// refuse records a denial.
func (s *service) refuse(d egress.Denial) {
	v := Violation{Type: UnauthorizedNetworkAccess, Severity: severities[d.Kind], Detail: d.Error(), Action: actionRefuse}
	if d.Kind == egress.OverLimit || d.Kind == egress.Exhausted {
		v.Type = ResourceLimitExceeded
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.spec.endsAt(v, s.refused) {
		v.Action = actionKill
		s.end(Denied)
	}
	if s.refused.add(v) {
		s.refused.alert()
	}
}

// adopt makes the service that of a run whose program has waited for it. It may
// be called on a nil service.
func (s *service) adopt(spec *Spec) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.spec, s.refused = spec, newLedger(spec)
}

// stop ends the service, and returns what it carried and refused. It may be
// called again, and on a nil service.
func (s *service) stop() ([]egress.Connection, []Violation) {
	if s == nil {
		return nil, nil
	}
	connections := s.server.Close()
	return connections, s.refused.list()
}

// endsAt says whether a violation ends the run, by the rule that the supervisor
// has for its own. Each counts apart from the other.
func (s *Spec) endsAt(v Violation, l *ledger) bool {
	return v.Severity >= cmp.Or(s.KillAt, Critical) || l.total >= maxDenials ||
		v.Severity > Low && s.MaxViolations > 0 && l.counting+1 > s.MaxViolations
}
