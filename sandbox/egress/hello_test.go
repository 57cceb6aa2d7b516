package egress

import (
	"bytes"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// fragmented cuts a ClientHello's one record into records of n bytes.
func fragmented(raw []byte, n int) []byte {
	var out []byte
	for body := raw[recordHeader:]; len(body) > 0; body = body[min(n, len(body)):] {
		part := body[:min(n, len(body))]
		out = append(append(out, recordHandshake, 3, 1, byte(len(part)>>8), byte(len(part))), part...)
	}
	return out
}

func TestReadHello(t *testing.T) {
	whole := hello(t, "api.example.com")
	for _, raw := range [][]byte{whole, fragmented(whole, 100), fragmented(whole, len(whole)/60)} {
		got, name, err := readHello(bytes.NewReader(append(slices.Clip(raw), "more"...)), 32<<10)
		require.NoError(t, err)
		assert.Equal(t, "api.example.com", name)
		assert.Equal(t, raw, got, "it is passed on as it came")
	}
	_, name, err := readHello(bytes.NewReader(hello(t, "127.0.0.1")), 32<<10)
	require.NoError(t, err)
	assert.Empty(t, name)
}

func TestReadHello_Refuses(t *testing.T) {
	whole := hello(t, "api.example.com")
	twice := bytes.Clone(whole)
	for name, raw := range map[string][]byte{
		"empty":         {},
		"http":          []byte("GET / HTTP/1.1\r\n\r\n"),
		"alert":         {21, 3, 1, 0, 2, 1, 0},
		"empty record":  {22, 3, 1, 0, 0},
		"long record":   {22, 3, 1, 0xff, 0xff},
		"server hello":  {22, 3, 1, 0, 4, 2, 0, 0, 0},
		"long message":  {22, 3, 1, 0, 4, 1, 0xff, 0xff, 0xff},
		"short message": {22, 3, 1, 0, 5, 1, 0, 0, 1, 0},
		"two messages":  fragmented(append(append([]byte{22, 3, 1, 0, 0}, twice[5:]...), twice[5:]...), 1<<14),
		"tiny records":  fragmented(whole, 1),
		"cut":           whole[:len(whole)-1],
	} {
		_, _, err := readHello(bytes.NewReader(raw), 32<<10)
		require.Error(t, err, name)
	}
	_, _, err := readHello(bytes.NewReader(whole), 100)
	assert.ErrorContains(t, err, "more than 100 bytes")
}

// withExtensions is a ClientHello's body that has only these.
func withExtensions(extensions []byte) []byte {
	b := append(make([]byte, 34), 0, 0, 2, 0x13, 1, 1, 0)
	return append(append(b, byte(len(extensions)>>8), byte(len(extensions))), extensions...)
}

func TestServerName_OnlyOne(t *testing.T) {
	entry := func(name string) []byte { return append([]byte{0, 0, byte(len(name))}, name...) }
	list := func(entries ...[]byte) []byte {
		all := bytes.Join(entries, nil)
		return append([]byte{0, 0, 0, byte(len(all) + 2), 0, byte(len(all))}, all...)
	}
	name, err := serverName(withExtensions(list(entry("a.test"))))
	require.NoError(t, err)
	assert.Equal(t, "a.test", name)
	for what, extensions := range map[string][]byte{
		"two extensions": append(list(entry("a.test")), list(entry("b.test"))...),
		"two names":      list(entry("a.test"), entry("b.test")),
		"empty name":     list(entry("")),
		"no name":        list(),
		"other type":     list([]byte{1, 0, 1, 'a'}),
		"cut":            list(entry("a.test"))[:9],
	} {
		_, err := serverName(withExtensions(extensions))
		require.Error(t, err, what)
	}
}
