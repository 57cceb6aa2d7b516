package egress

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Config says what a sandbox may reach, and how.
type Config struct {
	Rules    []Rule
	Resolver Resolver // this machine's, when nil
	Limits   Limits
	// Denied, if set, is told of each denial, by several goroutines at once and
	// before the program is: it should not take long.
	Denied func(Denial)
}

// Sockets are those on which a sandbox is served; nil ones are not served. They
// were made in the sandbox's network namespace and belong to the Server from Serve on.
type Sockets struct {
	Proxy  net.Listener
	Names  net.PacketConn // DNS
	Stream net.Listener   // DNS over TCP
	Direct []net.Listener // the permitted ports of the addresses that the stub gives
}

// Connection is one that was permitted, and has ended or could not be made.
type Connection struct {
	Host     string
	Port     uint16
	Address  string        // that it went to; empty if it could not be made
	Failure  string        // why it could not be made
	BytesIn  int64         // to the program
	BytesOut int64         // from the program
	Duration time.Duration // from the program's connection to the end
}

// Server serves one sandbox.
type Server struct {
	config  Config
	rules   rules
	sockets Sockets
	names   *synthetic
	dialer  net.Dialer

	ctx     context.Context //nolint:containedctx // it is the server's own life: it ends with Close
	cancel  context.CancelFunc
	tasks   sync.WaitGroup
	slots   chan struct{} // one for each connection at a time
	opened  atomic.Int64  // connections accepted in all
	traffic traffic

	mu          sync.Mutex
	connections []Connection
}

// Serve begins to answer on the sockets. The caller ends it with Close.
func Serve(c Config, s Sockets) *Server {
	if c.Resolver == nil {
		c.Resolver = systemResolver{}
	}
	c.Limits = c.Limits.orDefaults()
	v := &Server{
		config: c, rules: c.Rules, sockets: s,
		names: newSynthetic(c.Limits.Names),
		slots: make(chan struct{}, c.Limits.Connections),
	}
	v.traffic.limit(c.Limits)
	v.ctx, v.cancel = context.WithCancel(context.Background())
	v.listen(s.Proxy, v.serveProxy)
	v.listen(s.Stream, v.serveNameStream)
	for _, l := range s.Direct {
		v.listen(l, v.serveDirect)
	}
	if s.Names != nil {
		v.tasks.Go(v.serveNames)
	}
	return v
}

// Close ends all connections, waits for their ends and returns what they were.
// It may be called again, and then returns the same.
func (s *Server) Close() []Connection {
	s.cancel()
	for _, l := range append([]net.Listener{s.sockets.Proxy, s.sockets.Stream}, s.sockets.Direct...) {
		if l != nil {
			_ = l.Close()
		}
	}
	if s.sockets.Names != nil {
		_ = s.sockets.Names.Close()
	}
	s.tasks.Wait()
	return s.connections
}

// listen has each connection handled by a goroutine that owns it.
func (s *Server) listen(l net.Listener, handle func(*client) error) {
	if l == nil {
		return
	}
	s.tasks.Go(func() {
		for {
			conn, err := l.Accept()
			if err == nil {
				s.admit(conn, handle)
				continue
			}
			if s.ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
				return
			}
			if !s.pause() { // out of descriptors, for example
				return
			}
		}
	})
}

// pause waits a little; false if the server ends meanwhile.
func (s *Server) pause() bool {
	t := time.NewTimer(10 * time.Millisecond)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-s.ctx.Done():
		return false
	}
}

// admit takes a connection unless there are too many.
func (s *Server) admit(conn net.Conn, handle func(*client) error) {
	select {
	case s.slots <- struct{}{}:
	default:
		s.deny(&Denial{OverLimit, "connections", fmt.Sprintf("more than %d at a time", s.config.Limits.Connections)})
		_ = conn.Close()
		return
	}
	if s.opened.Add(1) > int64(s.config.Limits.PerRun) {
		s.deny(&Denial{OverLimit, "connections", fmt.Sprintf("more than %d in one run", s.config.Limits.PerRun)})
		_ = conn.Close()
		<-s.slots
		return
	}
	s.tasks.Go(func() {
		defer func() { <-s.slots }()
		s.serve(conn, handle)
	})
}

// serve handles one connection. A fault of ours denies and ends it, and no other.
func (s *Server) serve(conn net.Conn, handle func(*client) error) {
	c := newClient(conn)
	defer context.AfterFunc(s.ctx, c.end)()
	defer c.end()
	defer s.contain(c.end)
	if total := s.config.Limits.Total; total > 0 {
		defer time.AfterFunc(total, c.end).Stop()
	}
	err := handle(c)
	s.report(err)
	s.recordFailure(c, err)
	if err != nil && c.refuse != nil {
		c.refuse(c, err)
	}
}

// contain is deferred: it makes of a fault of ours a denial, and ends what it is in.
func (s *Server) contain(end func()) {
	if p := recover(); p != nil {
		s.deny(&Denial{Malformed, "connection", fmt.Sprintf("BUG: egress: %v", p)})
		end()
	}
}

// recordFailure keeps that a permitted host could not be reached.
func (s *Server) recordFailure(c *client, err error) {
	if failed, ok := errors.AsType[*unreachableError](err); ok {
		s.record(Connection{
			Host: failed.target.Host(), Port: failed.target.Port,
			Failure: failed.step + ": " + failed.err.Error(), Duration: time.Since(c.started),
		})
	}
}

// report tells of a denial, if the error is one.
func (s *Server) report(err error) {
	if denial, ok := errors.AsType[*Denial](err); ok {
		s.deny(denial)
	}
}

// deny tells of a denial. That all bytes are used up is told once: whatever the
// program still tries has the same end.
func (s *Server) deny(d *Denial) {
	if s.config.Denied == nil || d.Kind == Exhausted && s.traffic.told.Swap(true) {
		return
	}
	s.config.Denied(*d)
}

func (s *Server) record(c Connection) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.connections = append(s.connections, c)
}
