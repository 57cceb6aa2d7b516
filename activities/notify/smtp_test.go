package notify

import (
	"bufio"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// mailServer is a mail server on a loopback address that speaks as much SMTP as a
// client that submits a letter needs.
type mailServer struct {
	listener net.Listener
	tls      *tls.Config // nil: no STARTTLS
	password string      // of the login that it asks for; empty: none
	rude     bool        // it hangs up when it has a letter

	mu      sync.Mutex
	refuse  []string // answers to RCPT, one each, before it accepts
	busy    int      // so often it has no TLS now
	letters []letter
}

type letter struct {
	from, text string
	to         []string
	secured    bool
	login      string
}

func startMailServer(t *testing.T, s *mailServer) *mailServer {
	t.Helper()
	var err error
	s.listener, err = (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.listener.Close() })
	go s.accept()
	return s
}

func (s *mailServer) accept() {
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			return
		}
		go s.serve(conn)
	}
}

func (s *mailServer) url() string { return "smtp://" + s.listener.Addr().String() }

func (s *mailServer) received() []letter {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]letter(nil), s.letters...)
}

func (s *mailServer) serve(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	in := bufio.NewReader(conn)
	say := func(text string) { fmt.Fprintf(conn, "%s\r\n", text) }
	var l letter
	say("220 test ESMTP")
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimRight(line, "\r\n")
		verb, rest, _ := strings.Cut(line, " ")
		switch strings.ToUpper(verb) {
		case "EHLO":
			say("250-test")
			if s.tls != nil && !l.secured {
				say("250-STARTTLS")
			}
			say("250 AUTH PLAIN")
		case "STARTTLS":
			s.mu.Lock()
			busy := s.busy > 0
			s.busy--
			s.mu.Unlock()
			if busy {
				say("454 not now")
				continue
			}
			say("220 go on")
			secured := tls.Server(conn, s.tls)
			conn, in, l.secured = secured, bufio.NewReader(secured), true
		case "AUTH":
			text, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(rest, "PLAIN "))
			if s.password == "" || !strings.HasSuffix(string(text), "\x00"+s.password) {
				say("535 no")
				continue
			}
			l.login = strings.Split(string(text), "\x00")[1]
			say("235 yes")
		case "MAIL":
			l.from = rest
			say("250 ok")
		case "RCPT":
			s.mu.Lock()
			answer := "250 ok"
			if len(s.refuse) > 0 {
				answer, s.refuse = s.refuse[0], s.refuse[1:]
			}
			s.mu.Unlock()
			if strings.HasPrefix(answer, "250") {
				l.to = append(l.to, rest)
			}
			say(answer)
		case "DATA":
			say("354 go on")
			var text strings.Builder
			for {
				line, err := in.ReadString('\n')
				if err != nil || line == ".\r\n" {
					break
				}
				text.WriteString(line)
			}
			l.text = text.String()
			s.mu.Lock()
			s.letters = append(s.letters, l)
			s.mu.Unlock()
			say("250 taken")
			if s.rude {
				return
			}
		case "QUIT":
			say("221 bye")
			return
		default:
			say("502 what")
		}
	}
}
