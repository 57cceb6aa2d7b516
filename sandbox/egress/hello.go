package egress

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// The TLS constants that a ClientHello is found by: RFC 8446, 4 and 5; RFC 6066, 3.
const (
	recordHandshake   = 22
	messageHello      = 1
	extensionName     = 0
	nameOfHost        = 0
	maxFragment       = 1 << 14
	recordHeader      = 5
	handshakeHeader   = 4
	maxHelloFragments = 64
)

// errNotTLS is a connection that does not begin as TLS does.
var errNotTLS = errors.New("not TLS")

// readHello reads a whole ClientHello, of at most max bytes and in any number of
// records, and returns it as it came together with the server name in it, which
// is empty when there is none.
func readHello(r io.Reader, max int) (raw []byte, name string, err error) {
	var message []byte
	for range maxHelloFragments {
		record, err := readRecord(r)
		if err != nil {
			return nil, "", err
		}
		raw = append(raw, record...)
		message = append(message, record[recordHeader:]...)
		if len(raw) > max {
			return nil, "", fmt.Errorf("ClientHello of more than %d bytes", max)
		}
		if len(message) < handshakeHeader {
			continue
		}
		if message[0] != messageHello {
			return nil, "", errors.New("handshake does not begin with a ClientHello")
		}
		size := int(message[1])<<16 | int(message[2])<<8 | int(message[3])
		switch have := len(message) - handshakeHeader; {
		case size > max:
			return nil, "", fmt.Errorf("ClientHello of more than %d bytes", max)
		case have > size:
			return nil, "", errors.New("more than a ClientHello")
		case have == size:
			name, err = serverName(message[handshakeHeader:])
			return raw, name, err
		}
	}
	return nil, "", fmt.Errorf("ClientHello in more than %d records", maxHelloFragments)
}

func readRecord(r io.Reader) ([]byte, error) {
	header := make([]byte, recordHeader)
	if _, err := io.ReadFull(r, header); err != nil {
		return nil, err
	}
	size := int(binary.BigEndian.Uint16(header[3:]))
	if header[0] != recordHandshake || header[1] != 3 || size == 0 || size > maxFragment {
		return nil, errNotTLS
	}
	record := make([]byte, recordHeader+size)
	copy(record, header)
	_, err := io.ReadFull(r, record[recordHeader:])
	return record, err
}

var errHello = errors.New("malformed ClientHello")

// serverName finds the one server name in a ClientHello's body.
func serverName(hello []byte) (string, error) {
	b := cursor{rest: hello}
	b.skip(2 + 32) // version, random
	b.vector(1)    // session
	b.vector(2)    // cipher suites
	b.vector(1)    // compression methods
	if b.broken {
		return "", errHello
	}
	if len(b.rest) == 0 {
		return "", nil // before extensions
	}
	extensions := cursor{rest: b.vector(2)}
	if b.broken || len(b.rest) != 0 {
		return "", errHello
	}
	return nameAmong(extensions)
}

func nameAmong(extensions cursor) (string, error) {
	name, found := "", false
	for len(extensions.rest) > 0 {
		kind := extensions.number(2)
		body := extensions.vector(2)
		if extensions.broken {
			return "", errHello
		}
		if kind != extensionName {
			continue
		}
		if found {
			return "", errors.New("two server names in a ClientHello")
		}
		found = true
		var err error
		if name, err = onlyName(body); err != nil {
			return "", err
		}
	}
	return name, nil
}

// onlyName reads a ServerNameList that has one entry.
func onlyName(body []byte) (string, error) {
	b := cursor{rest: body}
	list := cursor{rest: b.vector(2)}
	kind := list.number(1)
	name := list.vector(2)
	if b.broken || list.broken || len(b.rest)+len(list.rest) > 0 || kind != nameOfHost || len(name) == 0 {
		return "", errors.New("malformed server name in a ClientHello")
	}
	return string(name), nil
}

// cursor reads big-endian structures; broken once something was missing.
type cursor struct {
	rest   []byte
	broken bool
}

func (c *cursor) skip(n int) []byte {
	if n > len(c.rest) {
		c.rest, c.broken = nil, true
		return nil
	}
	taken := c.rest[:n]
	c.rest = c.rest[n:]
	return taken
}

func (c *cursor) number(bytes int) int {
	n := 0
	for _, b := range c.skip(bytes) {
		n = n<<8 | int(b)
	}
	return n
}

// vector takes what comes after a length of the given size.
func (c *cursor) vector(bytes int) []byte { return c.skip(c.number(bytes)) }
