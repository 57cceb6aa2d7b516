package egress

import (
	"errors"
	"fmt"
	"io"
	"time"
)

// serveProxy answers one request to the HTTP proxy.
func (s *Server) serveProxy(c *client) error {
	c.refuse = answerRefusal
	r, t, err := s.readRequest(c)
	if err != nil {
		return err
	}
	conn, err := s.dial(s.ctx, t)
	if err != nil {
		return err
	}
	c.refuse = nil
	f := s.newFlow(c, t, conn)
	defer f.end()
	if r.method != "CONNECT" {
		f.forward(r)
		return nil
	}
	if _, err := io.WriteString(c, "HTTP/1.1 200 Connection established\r\n\r\n"); err != nil {
		return err
	}
	f.carry()
	return nil
}

// readRequest reads a request and judges its target.
func (s *Server) readRequest(c *client) (*request, Target, error) {
	c.within(s.config.Limits.HeadTime)
	head, err := c.head(s.config.Limits.Head)
	if err != nil {
		return nil, Target{}, err
	}
	r, err := parseRequest(head)
	if err != nil {
		return nil, Target{}, malformed("request", err)
	}
	t, err := r.destination()
	if err != nil {
		return nil, t, malformed(fmt.Sprintf("%.200q", r.target), err)
	}
	if r.method == "CONNECT" && (r.chunks || r.length > 0) {
		return nil, t, malformed(t.String(), errors.New("CONNECT with a body"))
	}
	return r, t, s.rules.permit(t)
}

var statuses = map[Kind]string{
	NotListed:        "403 Forbidden",
	ForbiddenAddress: "403 Forbidden",
	OtherName:        "403 Forbidden",
	Malformed:        "400 Bad Request",
	OverLimit:        "431 Request Header Fields Too Large",
	Exhausted:        "403 Forbidden",
}

// answerRefusal tells the program why, in the words of the denial.
func answerRefusal(c *client, err error) {
	status, told := "502 Bad Gateway", ""
	if denial, ok := errors.AsType[*Denial](err); ok {
		status, told = statuses[denial.Kind], denial.told()
	} else if unreachable, ok := errors.AsType[*unreachableError](err); ok {
		told = unreachable.told()
	} else {
		return // nobody is there any more
	}
	body := "egress: " + told + "\n"
	_ = c.SetWriteDeadline(time.Now().Add(time.Second))
	fmt.Fprintf(c, "HTTP/1.1 %s\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", status, len(body), body)
	c.discard()
}
