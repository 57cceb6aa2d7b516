package egress

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

// client is a connection from the sandbox, read through a buffer so that what
// was looked at can still be passed on.
type client struct {
	net.Conn
	in      *bufio.Reader
	started time.Time
	refuse  func(*client, error) // says why, before the connection ends; may be nil
}

func newClient(conn net.Conn) *client {
	return &client{Conn: conn, in: bufio.NewReaderSize(conn, 4<<10), started: time.Now()}
}

// Read reads what was buffered first.
func (c *client) Read(b []byte) (int, error) { return c.in.Read(b) }

// end closes the connection at once; safe to call more than once.
func (c *client) end() { _ = c.Close() }

// within bounds the time of what is read next; 0 means no bound.
func (c *client) within(d time.Duration) {
	deadline := time.Time{}
	if d > 0 {
		deadline = time.Now().Add(d)
	}
	_ = c.SetReadDeadline(deadline)
}

// late tells a deadline that passed from a connection that ended.
func late(err error, what string) error {
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return &Denial{OverLimit, what, "not complete in time"}
	}
	return err
}

// head reads up to the empty line that ends a request's head. It fails with a
// Denial when that does not come within max bytes.
func (c *client) head(max int) ([]byte, error) {
	var head []byte
	begin := 0 // of the line, which may come in parts
	for {
		part, err := c.in.ReadSlice('\n')
		head = append(head, part...)
		if len(head) > max {
			return nil, &Denial{OverLimit, "request", fmt.Sprintf("head of more than %d bytes", max)}
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF) && len(head) == 0:
			return nil, io.EOF
		case err != nil:
			return nil, late(err, "request")
		}
		if !bytes.HasSuffix(head, []byte("\r\n")) {
			return nil, malformed("request", errors.New("line without a carriage return"))
		}
		if len(head)-begin == len("\r\n") {
			return head, nil
		}
		begin = len(head)
	}
}

// discard ends the connection so that what was written still arrives: closing one
// with unread input resets it.
func (c *client) discard() {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok && half.CloseWrite() == nil {
		c.within(lingering)
		_, _ = io.CopyN(io.Discard, c, 64<<10)
	}
}

// lingering is how long a refused program may go on sending.
const lingering = 200 * time.Millisecond
