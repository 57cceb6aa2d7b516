package egress

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

const (
	maxQuery     = 512 // bytes of a question; there is no reason for a longer one
	maxQueries   = 100 // on one TCP connection
	nameLifetime = 60  // seconds
)

// serveNames answers questions one after the other: no answer waits for anything.
func (s *Server) serveNames() {
	buffer := make([]byte, maxQuery+1)
	for {
		n, from, err := s.sockets.Names.ReadFrom(buffer)
		if errors.Is(err, net.ErrClosed) || err != nil && s.ctx.Err() != nil {
			return
		}
		if err != nil {
			if !s.pause() {
				return
			}
			continue
		}
		if answer := s.nameAnswer(buffer[:n]); answer != nil {
			_, _ = s.sockets.Names.WriteTo(answer, from)
		}
	}
}

// serveNameStream answers questions over TCP, each with its length before it.
func (s *Server) serveNameStream(c *client) error {
	for range maxQueries {
		c.within(s.config.Limits.HeadTime)
		var size [2]byte
		switch n, err := io.ReadFull(c, size[:]); {
		case err != nil && n == 0:
			return nil // it asks nothing more
		case err != nil:
			return late(err, "DNS")
		}
		query := make([]byte, min(binary.BigEndian.Uint16(size[:]), maxQuery+1))
		if _, err := io.ReadFull(c, query); err != nil {
			return late(err, "DNS")
		}
		answer := s.nameAnswer(query)
		if answer == nil {
			return nil
		}
		_ = c.SetWriteDeadline(time.Now().Add(s.config.Limits.HeadTime))
		if _, err := c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(answer))), answer...)); err != nil {
			return err
		}
	}
	return nil
}

// nameAnswer answers one question; nil when it deserves none. A fault of ours
// gives none.
func (s *Server) nameAnswer(query []byte) (answer []byte) {
	defer func() {
		if p := recover(); p != nil {
			s.deny(&Denial{Malformed, "DNS", fmt.Sprintf("BUG: egress: %v", p)})
			answer = nil
		}
	}()
	if len(query) > maxQuery {
		s.deny(&Denial{OverLimit, "DNS", fmt.Sprintf("question of more than %d bytes", maxQuery)})
		return nil
	}
	header, question, err := parseQuestion(query)
	if err != nil {
		s.deny(malformed("DNS", err))
		return nil
	}
	code, address := s.lookUp(question)
	return render(header, question, code, address)
}

func parseQuestion(query []byte) (dnsmessage.Header, dnsmessage.Question, error) {
	var p dnsmessage.Parser
	header, err := p.Start(query)
	if err != nil {
		return header, dnsmessage.Question{}, err
	}
	if header.Response || header.OpCode != 0 {
		return header, dnsmessage.Question{}, errors.New("not a question")
	}
	questions, err := p.AllQuestions()
	if err == nil && len(questions) != 1 {
		err = fmt.Errorf("%d questions", len(questions))
	}
	if err != nil {
		return header, dnsmessage.Question{}, err
	}
	return header, questions[0], nil
}

// lookUp answers from the rules: whether a name exists at all is found out when a
// connection to it is made, so that no question leaves this machine.
func (s *Server) lookUp(q dnsmessage.Question) (dnsmessage.RCode, [4]byte) {
	name, err := canonicalName(q.Name.String())
	switch {
	case reverse(q.Name.String()):
		return dnsmessage.RCodeNameError, [4]byte{}
	case err != nil:
		s.deny(malformed(fmt.Sprintf("%.200q", q.Name.String()), fmt.Errorf("DNS: %w", err)))
		return dnsmessage.RCodeNameError, [4]byte{}
	case !s.rules.knows(name):
		s.deny(&Denial{NotListed, name, "host is not permitted (DNS)"})
		return dnsmessage.RCodeNameError, [4]byte{}
	case q.Class != dnsmessage.ClassINET || q.Type != dnsmessage.TypeA:
		return dnsmessage.RCodeSuccess, [4]byte{}
	}
	address, ok := s.names.addressOf(name)
	if !ok {
		s.deny(&Denial{OverLimit, name, fmt.Sprintf("more than %d names in one run", s.config.Limits.Names)})
		return dnsmessage.RCodeServerFailure, [4]byte{}
	}
	return dnsmessage.RCodeSuccess, address.As4()
}

// reverse says whether a question asks for an address's name, as libraries do to
// fill their logs.
func reverse(name string) bool {
	name = strings.ToLower(name)
	return strings.HasSuffix(name, ".in-addr.arpa.") || strings.HasSuffix(name, ".ip6.arpa.")
}

func render(h dnsmessage.Header, q dnsmessage.Question, code dnsmessage.RCode, address [4]byte) []byte {
	m := dnsmessage.Message{
		Header: dnsmessage.Header{
			ID: h.ID, Response: true, Authoritative: true,
			RecursionDesired: h.RecursionDesired, RecursionAvailable: true, RCode: code,
		},
		Questions: []dnsmessage.Question{q},
	}
	if address != [4]byte{} {
		m.Answers = []dnsmessage.Resource{{
			Header: dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class, TTL: nameLifetime},
			Body:   &dnsmessage.AResource{A: address},
		}}
	}
	b, err := m.Pack()
	if err != nil {
		return nil
	}
	return b
}
