package egress

import (
	"encoding/binary"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/dns/dnsmessage"
)

func question(tb testing.TB, name string, kind dnsmessage.Type) []byte {
	tb.Helper()
	m := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: 7, RecursionDesired: true},
		Questions: []dnsmessage.Question{{Name: dnsmessage.MustNewName(name), Type: kind, Class: dnsmessage.ClassINET}},
	}
	b, err := m.Pack()
	require.NoError(tb, err)
	return b
}

// stub is a server of names alone, without sockets.
func stub(tb testing.TB, names int) (*Server, *[]string) {
	tb.Helper()
	denials := &[]string{}
	s := Serve(Config{
		Rules: parsed(tb, "api.example.com", "*.wild.test"), Limits: Limits{Names: names},
		Denied: func(d Denial) { *denials = append(*denials, d.Error()) },
	}, Sockets{})
	tb.Cleanup(func() { s.Close() })
	return s, denials
}

func TestNames(t *testing.T) {
	s, denials := stub(t, 2)
	for _, c := range []struct {
		name   string
		kind   dnsmessage.Type
		code   dnsmessage.RCode
		answer string
	}{
		{"api.example.com.", dnsmessage.TypeA, 0, "198.18.1.0"},
		{"aPi.ExAmPlE.com.", dnsmessage.TypeA, 0, "198.18.1.0"},
		{"api.example.com.", dnsmessage.TypeAAAA, 0, ""},
		{"api.example.com.", dnsmessage.TypeTXT, 0, ""},
		{"b.a.wild.test.", dnsmessage.TypeA, 0, "198.18.1.1"},
		{"1.0.18.198.in-addr.arpa.", dnsmessage.TypePTR, dnsmessage.RCodeNameError, ""},
	} {
		var m dnsmessage.Message
		require.NoError(t, m.Unpack(s.nameAnswer(question(t, c.name, c.kind))))
		assert.Equal(t, c.code, m.RCode, c.name)
		assert.EqualValues(t, 7, m.ID)
		assert.Equal(t, c.name, m.Questions[0].Name.String(), "the question comes back in its own letters")
		if c.answer == "" {
			assert.Empty(t, m.Answers)
			continue
		}
		require.Len(t, m.Answers, 1)
		a := m.Answers[0].Body.(*dnsmessage.AResource).A
		assert.Equal(t, c.answer, net.IP(a[:]).String())
	}
	assert.Empty(t, *denials)
}

func TestNames_Refuses(t *testing.T) {
	s, denials := stub(t, 1)
	assert.NotNil(t, s.nameAnswer(question(t, "a.wild.test.", dnsmessage.TypeA)))
	for _, c := range []struct {
		query []byte
		want  string
	}{
		{question(t, "evil.test.", dnsmessage.TypeA), "evil.test: host is not permitted (DNS)"},
		{question(t, "wild.test.", dnsmessage.TypeTXT), "wild.test: host is not permitted (DNS)"},
		{question(t, "b.wild.test.", dnsmessage.TypeA), "b.wild.test: more than 1 names in one run"},
		{question(t, "a b.wild.test.", dnsmessage.TypeA), "character ' '"},
		{question(t, "127.1.", dnsmessage.TypeA), "numeric address"},
		{make([]byte, 513), "question of more than 512 bytes"},
		{make([]byte, 12), "0 questions"},
		{[]byte("x"), "DNS: "},
		{append([]byte{0, 1, 0x80, 0, 0, 1, 0, 0, 0, 0, 0, 0}, 0), "not a question"},
	} {
		*denials = nil
		s.nameAnswer(c.query)
		assert.Contains(t, strings.Join(*denials, "\n"), c.want)
	}
}

func TestNames_Stream(t *testing.T) {
	l := listen(t)
	s := Serve(Config{Rules: parsed(t, "api.example.com")}, Sockets{Stream: l})
	defer s.Close()
	conn, err := net.Dial("tcp", l.Addr().String()) //nolint:noctx // on this machine
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	for range 3 {
		q := question(t, "api.example.com.", dnsmessage.TypeA)
		_, err = conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(q))), q...))
		require.NoError(t, err)
		size := make([]byte, 2)
		_, err = io.ReadFull(conn, size)
		require.NoError(t, err)
		answer := make([]byte, binary.BigEndian.Uint16(size))
		_, err = io.ReadFull(conn, answer)
		require.NoError(t, err)
		var m dnsmessage.Message
		require.NoError(t, m.Unpack(answer))
		assert.Len(t, m.Answers, 1)
	}
}
