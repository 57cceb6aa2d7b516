package egress

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"time"
)

// flow is one permitted connection: the program's, and the one to its target.
type flow struct {
	server   *Server
	client   *client
	target   Target
	upstream net.Conn
	in, out  atomic.Int64
	active   atomic.Int64 // when a byte last moved, as time.Time.UnixNano
	stop     func() bool  // forgets the end of the run
	opening  *opening
	answers  chan struct{}
}

func (s *Server) newFlow(c *client, t Target, upstream net.Conn) *flow {
	f := &flow{server: s, client: c, target: t, upstream: upstream, opening: newOpening(), answers: make(chan struct{})}
	f.touch()
	f.stop = context.AfterFunc(s.ctx, func() { _ = upstream.Close() })
	return f
}

// end closes both connections and records what they carried.
func (f *flow) end() {
	f.stop()
	_ = f.upstream.Close()
	f.client.end()
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
func (f *flow) send(b []byte) error {
	if err := f.spend(int64(len(b)), &f.out); err != nil {
		return err
	}
	_ = f.upstream.SetWriteDeadline(time.Now().Add(f.server.config.Limits.Idle))
	_, err := f.upstream.Write(b)
	return err
}

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
	_ = f.upstream.Close()
	f.client.end()
}

// pump copies until the source ends, a limit is reached, or nothing has moved in
// either direction for too long. source is the connection that from reads.
func (f *flow) pump(to net.Conn, from io.Reader, source net.Conn, count *atomic.Int64) error {
	idle := f.server.config.Limits.Idle
	buffer := make([]byte, 32<<10)
	for {
		_ = source.SetReadDeadline(f.lastMove().Add(idle))
		n, err := from.Read(buffer)
		if n > 0 {
			if err := f.spend(int64(n), count); err != nil {
				return err
			}
			_ = to.SetWriteDeadline(time.Now().Add(idle))
			if _, err := to.Write(buffer[:n]); err != nil {
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

func (f *flow) lastMove() time.Time { return time.Unix(0, f.active.Load()) }

// spend counts bytes, of which the run may have a limit.
func (f *flow) spend(n int64, count *atomic.Int64) error {
	f.touch()
	count.Add(n)
	if limit := f.server.config.Limits.Bytes; f.server.bytes.Add(n) > limit && limit > 0 {
		return &Denial{OverLimit, f.target.String(), fmt.Sprintf("more than %d bytes in one run", limit)}
	}
	return nil
}

func closeWrite(conn net.Conn) {
	if half, ok := conn.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
}
