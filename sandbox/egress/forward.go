package egress

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http/httputil"
)

// forward passes on one request and its answer.
func (f *flow) forward(r *request) {
	f.answer()
	f.finish(f.submit(r))
}

// submit writes the request anew. Whatever the program sends after it goes
// nowhere: the target was told to close the connection after its answer.
func (f *flow) submit(r *request) error {
	if r.awaitsContinue() { // before the target can answer
		if _, err := io.WriteString(f.client, "HTTP/1.1 100 Continue\r\n\r\n"); err != nil {
			return err
		}
	}
	if err := f.send(r.render(f.target)); err != nil {
		return err
	}
	if r.chunks {
		return f.sendChunks()
	}
	return f.sendBody(r.length)
}

func (f *flow) sendBody(length int64) error {
	if length == 0 {
		return nil
	}
	body := io.LimitReader(f.client, length)
	if err := f.pump(f.upstream, body, f.client.Conn, &f.out); err != nil {
		return err
	}
	if left := body.(*io.LimitedReader).N; left > 0 {
		return fmt.Errorf("body ends %d bytes early", left)
	}
	return nil
}

// sendChunks decodes the body and chunks it anew, without extensions and trailers.
func (f *flow) sendChunks() error {
	whole := bufio.NewWriterSize(sender{f}, 17<<10)
	out := httputil.NewChunkedWriter(whole)
	buffer := make([]byte, 16<<10)
	body := httputil.NewChunkedReader(f.client)
	for {
		f.client.within(f.server.config.Limits.Idle)
		n, err := body.Read(buffer)
		if n > 0 {
			_, _ = out.Write(buffer[:n])
			if err := whole.Flush(); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return f.send([]byte("0\r\n\r\n"))
		}
		if timedOut(err) || errors.Is(err, net.ErrClosed) || errors.Is(err, io.ErrUnexpectedEOF) {
			return err
		}
		if err != nil {
			return malformed(f.target.String(), fmt.Errorf("chunked body: %w", err))
		}
	}
}

// sender is the target as a writer.
type sender struct{ f *flow }

func (s sender) Write(b []byte) (int, error) { return len(b), s.f.send(b) }
