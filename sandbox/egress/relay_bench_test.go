package egress

import (
	"io"
	"net"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// BenchmarkRelay is what the proxy carries of a connection that is already there,
// to the program and from it.
func BenchmarkRelay(b *testing.B) {
	const size = 8 << 20
	block := make([]byte, 64<<10)
	pour := func(tb testing.TB, to io.Writer) {
		tb.Helper()
		for left := size; left > 0; left -= len(block) {
			if _, err := to.Write(block); err != nil {
				tb.Error(err)
				return
			}
		}
	}
	for name, from := range map[string]string{"in": "origin", "out": "program"} {
		b.Run(name, func(b *testing.B) {
			w := newWorld(b, Limits{}, func(conn net.Conn) {
				_, _ = io.ReadFull(conn, make([]byte, 1))
				for range b.N {
					if from == "origin" {
						pour(b, conn)
						continue
					}
					_, _ = io.CopyN(io.Discard, conn, size)
					_, _ = conn.Write(block[:1])
				}
			})
			conn, err := net.Dial("tcp", w.proxy.String()) //nolint:noctx // on this machine
			require.NoError(b, err)
			defer func() { _ = conn.Close() }()
			greeting := "HTTP/1.1 200 Connection established\r\n\r\n"
			_, _ = io.WriteString(conn, strings.ReplaceAll("CONNECT api.test:PORT HTTP/1.1\r\n\r\n{", "PORT", w.port))
			_, err = io.ReadFull(conn, make([]byte, len(greeting)))
			require.NoError(b, err)
			b.SetBytes(size)
			b.ResetTimer()
			for range b.N {
				if from == "origin" {
					_, err = io.CopyN(io.Discard, conn, size)
				} else {
					pour(b, conn)
					_, err = io.ReadFull(conn, make([]byte, 1))
				}
				require.NoError(b, err)
			}
			b.StopTimer()
		})
	}
}
