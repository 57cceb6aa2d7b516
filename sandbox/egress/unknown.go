package egress

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"
	"time"
)

// carryUnknown finds out whether a connection is TLS or HTTP, which must name
// their target, or something else, which cannot.
func (f *flow) carryUnknown() error {
	switch err := f.await(); {
	case errors.Is(err, io.EOF):
		return f.relay() // it only listens
	case err != nil:
		return err
	}
	f.client.within(f.server.config.Limits.HeadTime)
	if tls, err := f.beginsTLS(); err != nil {
		return late(err, f.target.String())
	} else if tls {
		return f.carryTLS()
	}
	switch line, err := f.firstLine(); {
	case err != nil:
		return late(err, f.target.String())
	case strings.HasSuffix(line, "HTTP/2.0"):
		return malformed(f.target.String(), errors.New("HTTP/2 without TLS"))
	case strings.Contains(line, anyVersion):
		return f.carryHTTP()
	}
	return f.relayFrom(&notHTTP{from: f.client, target: f.target, between: true})
}

// await waits for the program's first byte, as long as the target goes on speaking.
func (f *flow) await() error {
	idle := f.server.config.Limits.Idle
	for {
		_ = f.client.SetReadDeadline(f.lastMove().Add(idle))
		if _, err := f.client.in.Peek(1); !timedOut(err) || time.Since(f.lastMove()) >= idle {
			return err
		}
	}
}

// beginsTLS says whether a TLS server would read what the connection begins with:
// a ClientHello, or what some servers skip before it. The packets of other protocols
// begin with the same bytes: their length, for example.
func (f *flow) beginsTLS() (bool, error) {
	first, err := f.client.in.Peek(1)
	if err != nil {
		return false, err
	}
	looks, size := beginnings(first[0])
	if looks == nil {
		return false, nil
	}
	b, err := f.client.in.Peek(size)
	if errors.Is(err, io.EOF) {
		return false, nil // too short to mean anything
	}
	return err == nil && looks(b), err
}

// beginnings says how TLS looks that begins with a byte, in how many bytes.
func beginnings(first byte) (func([]byte) bool, int) {
	switch {
	case first == recordHandshake: // some servers take any version here, or skip empty records
		return func(b []byte) bool { return b[1] == 3 || b[recordHeader] == messageHello || b[3] == 0 && b[4] == 0 }, recordHeader + 1
	case first == recordAlert || first == recordChangeCipher:
		return func(b []byte) bool { return b[3] == 0 && b[4] <= 2 }, recordHeader
	case first >= 0x80 && first < 0xc0: // a ClientHello in the form of SSL 2: RFC 5246, E.2
		return func(b []byte) bool { return b[2] == messageHello && b[3] == 3 }, 4
	}
	return nil, 0
}

// firstLine looks at the first line without taking it, if the connection begins
// as a request could to some server: with white space or a word in capitals.
// Otherwise it is empty.
func (f *flow) firstLine() (string, error) {
	for n := 1; ; n++ {
		n = max(n, f.client.in.Buffered())
		b, err := f.client.in.Peek(n)
		if errors.Is(err, bufio.ErrBufferFull) {
			err = &Denial{OverLimit, f.target.String(), "first line without an end"}
		}
		if err != nil {
			return "", err
		}
		text := bytes.TrimLeft(b, "\r\n")
		word := text
		if end := bytes.IndexAny(text, " \t\v\f\r\n"); end >= 0 {
			word = text[:end]
		}
		if bytes.ContainsFunc(word, notCapital) {
			return "", nil
		}
		if line, _, whole := bytes.Cut(text, []byte("\n")); whole {
			return strings.TrimRight(string(line), "\r "), nil
		}
	}
}

func notCapital(r rune) bool { return (r < 'A' || r > 'Z') && r != '-' && r != '_' }

// notHTTP reads a connection that begins with no request in the usual letters,
// and fails where its first line is one all the same: some servers take methods
// and versions in any. That line's end, which they wait for, is not passed on.
type notHTTP struct {
	from    io.Reader
	target  Target
	words   int    // of the first line so far
	between bool   // words
	last    []byte // word's beginning
	over    bool   // there is no more to look for
}

const anyVersion = "HTTP/"

func (h *notHTTP) Read(b []byte) (int, error) {
	n, err := h.from.Read(b)
	for _, c := range b[:n] {
		if h.over {
			break
		}
		if h.see(c) {
			return 0, malformed(h.target.String(), errors.New("HTTP whose method or version is not in capitals"))
		}
	}
	return n, err
}

// see looks at the next byte and says whether it ends a request's first line.
func (h *notHTTP) see(c byte) bool {
	switch {
	case c == '\n':
		return h.endOfLine()
	case strings.IndexByte(" \t\v\f\r", c) >= 0:
		h.between = true
	default:
		h.letter(c)
	}
	return false
}

// endOfLine says whether the line is a request's: a method, and a version last.
// Empty lines before it are passed over, as servers do.
func (h *notHTTP) endOfLine() bool {
	h.over = h.words > 0
	return h.words > 1 && strings.EqualFold(string(h.last), anyVersion)
}

// letter takes a byte of a word. A first word that is no method to any server ends
// the looking.
func (h *notHTTP) letter(c byte) {
	if h.between {
		h.words, h.between, h.last = h.words+1, false, h.last[:0]
	}
	if len(h.last) < len(anyVersion) {
		h.last = append(h.last, c)
	}
	h.over = h.words == 1 && !token(string(rune(c)))
}
