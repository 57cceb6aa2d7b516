package egress

import (
	"context"
	"errors"
	"io"
	"net"
	"sync/atomic"
	"time"
)

// bufferSize is how many bytes of a connection are read at a time.
const bufferSize = 32 << 10

// flow is one permitted connection: the program's, and the one to its target.
type flow struct {
	server   *Server
	client   *client
	target   Target
	upstream net.Conn
	in, out  atomic.Int64
	active   atomic.Int64    // when a byte last moved, as time.Time.UnixNano
	held     atomic.Int32    // directions that wait for the run's pace
	ctx      context.Context //nolint:containedctx // it is the flow's own life
	cancel   context.CancelFunc
	opening  *opening
	answers  chan struct{}
}

func (s *Server) newFlow(c *client, t Target, upstream net.Conn) *flow {
	f := &flow{server: s, client: c, target: t, upstream: upstream, opening: newOpening(), answers: make(chan struct{})}
	f.touch()
	f.ctx, f.cancel = context.WithCancel(s.ctx)
	context.AfterFunc(f.ctx, func() { _ = upstream.Close() })
	return f
}

// end closes both connections and records what they carried.
func (f *flow) end() {
	f.abort()
	f.server.record(Connection{
		Host: f.target.Host(), Port: f.target.Port, Address: f.upstream.RemoteAddr().String(),
		BytesIn: f.in.Load(), BytesOut: f.out.Load(), Duration: time.Since(f.client.started),
	})
}

// answer begins to pass on what the target says; finish waits for its end.
func (f *flow) answer() {
	f.server.tasks.Go(func() {
		defer close(f.answers)
		defer f.opening.end()
		defer f.server.contain(f.abort)
		if err := f.pump(f.client.Conn, io.TeeReader(f.upstream, f.opening), f.upstream, &f.in); err != nil {
			f.server.report(err)
			f.abort()
			return
		}
		closeWrite(f.client.Conn)
	})
}

// send passes bytes on to the target.
func (f *flow) send(b []byte) error { return f.pass(f.upstream, b, &f.out) }

// relay passes on all that the program still sends.
func (f *flow) relay() error { return f.relayFrom(f.client) }

// relayFrom is relay with a reader of the program's connection in between.
func (f *flow) relayFrom(program io.Reader) error {
	err := f.pump(f.upstream, program, f.client.Conn, &f.out)
	if err == nil {
		closeWrite(f.upstream)
	}
	return err
}

// finish waits until the target has nothing more to say, if the program's side
// went well, and otherwise ends both.
func (f *flow) finish(err error) {
	if err != nil {
		f.server.report(err)
		f.abort()
	}
	<-f.answers
}

// abort ends both directions at once.
func (f *flow) abort() {
	f.cancel()
	_ = f.upstream.Close()
	f.client.end()
}

// pump copies until the source ends, a limit is reached, or nothing has moved in
// either direction for too long. source is the connection that from reads.
func (f *flow) pump(to net.Conn, from io.Reader, source net.Conn, count *atomic.Int64) error {
	idle := f.server.config.Limits.Idle
	buffer := make([]byte, bufferSize)
	for {
		_ = source.SetReadDeadline(f.lastMove().Add(idle))
		n, err := from.Read(buffer)
		if n > 0 {
			if err := f.pass(to, buffer[:n], count); err != nil {
				return err
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case timedOut(err) && time.Since(f.lastMove()) < idle: // the other direction was busy
		case err != nil:
			return err
		}
	}
}

func timedOut(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}

func (f *flow) touch() { f.active.Store(time.Now().UnixNano()) }

// lastMove is now while bytes wait for the run's pace: who is slowed is not idle.
func (f *flow) lastMove() time.Time {
	if f.held.Load() > 0 {
		return time.Now()
	}
	return time.Unix(0, f.active.Load())
}

// pass writes bytes and counts them, as many and as fast as the run's limits let it.
func (f *flow) pass(to net.Conn, b []byte, count *atomic.Int64) error {
	for len(b) > 0 {
		n, err := f.take(len(b))
		if err != nil {
			return err
		}
		count.Add(int64(n))
		_ = to.SetWriteDeadline(time.Now().Add(f.server.config.Limits.Idle))
		if _, err := to.Write(b[:n]); err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

// take is the run's take, for this connection.
func (f *flow) take(n int) (int, error) {
	f.held.Add(1)
	n, err := f.server.traffic.take(f.ctx, n)
	f.touch()
	f.held.Add(-1)
	if err == nil && n == 0 {
		return 0, f.server.traffic.exhausted(f.target)
	}
	return n, err
}

func closeWrite(conn net.Conn) {
	if half, ok := conn.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
}
