package egress

import (
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const established = "HTTP/1.1 200 Connection established\r\n\r\n"

// tunnel opens a connection to the origin and speaks a protocol of neither TLS nor HTTP.
func (w *world) tunnel(tb testing.TB) net.Conn {
	tb.Helper()
	conn, err := net.Dial("tcp", w.proxy.String()) //nolint:noctx // on this machine
	require.NoError(tb, err)
	tb.Cleanup(func() { _ = conn.Close() })
	_, err = io.WriteString(conn, strings.ReplaceAll("CONNECT api.test:PORT HTTP/1.1\r\n\r\n", "PORT", w.port))
	require.NoError(tb, err)
	return conn
}

// newCrowd is newWorld with an origin that serves connections side by side.
func newCrowd(tb testing.TB, limits Limits, handle func(net.Conn)) *world {
	tb.Helper()
	var busy sync.WaitGroup
	tb.Cleanup(busy.Wait)
	return newWorld(tb, limits, func(conn net.Conn) {
		twin := dup(tb, conn)
		busy.Go(func() {
			defer func() { _ = twin.Close() }()
			handle(twin)
		})
	})
}

// dup is the connection again: newWorld closes its own.
func dup(tb testing.TB, conn net.Conn) net.Conn {
	tb.Helper()
	file, err := conn.(*net.TCPConn).File()
	if err != nil {
		tb.Error(err)
	}
	defer func() { _ = file.Close() }()
	twin, err := net.FileConn(file)
	if err != nil {
		tb.Error(err)
	}
	return twin
}

// TestTraffic_NeverMore: whatever is sent, in whatever parts, by whom, and over however
// many connections, no more bytes than the limit leave the proxy. That as many do is
// TestTraffic_Exact's.
func TestTraffic_NeverMore(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 9))
	for range 30 {
		most := 1 + random.Int64N(200_000)
		var carried atomic.Int64
		sizes := [4]int{} // of what each program sends, and is sent
		for i := range sizes {
			sizes[i] = random.IntN(150_000)
		}
		w := newCrowd(t, Limits{Bytes: most}, func(conn net.Conn) {
			var both sync.WaitGroup
			both.Go(func() { _, _ = conn.Write(make([]byte, sizes[0])) })
			n, _ := io.Copy(io.Discard, conn)
			carried.Add(n)
			both.Wait()
		})
		var programs sync.WaitGroup
		for _, size := range sizes {
			conn := w.tunnel(t)
			programs.Go(func() {
				sent := make([]byte, 1+size)
				sent[0] = '{'
				var both sync.WaitGroup
				both.Go(func() {
					_, _ = conn.Write(sent)
					_ = conn.(*net.TCPConn).CloseWrite()
				})
				b, _ := io.ReadAll(conn)
				both.Wait()
				if after, whole := strings.CutPrefix(string(b), established); whole {
					carried.Add(int64(len(after)))
				}
			})
		}
		programs.Wait()
		connections := w.server.Close()
		_ = w.origin.Close()
		counted := int64(0)
		for _, c := range connections {
			counted += c.BytesIn + c.BytesOut
		}
		assert.LessOrEqual(t, counted, most)
		assert.LessOrEqual(t, carried.Load(), most)
	}
}

// TestTraffic_Exact: one program that sends gets as far as the limit, to the byte.
func TestTraffic_Exact(t *testing.T) {
	for _, most := range []int64{1, 100, 32 << 10, 32<<10 + 1, 100_000} {
		got := make(chan int64, 1)
		w := newWorld(t, Limits{Bytes: most}, func(conn net.Conn) {
			n, _ := io.Copy(io.Discard, conn)
			got <- n
		})
		conn := w.tunnel(t)
		_, _ = conn.Write(append([]byte("{"), make([]byte, 200_000)...))
		assert.Equal(t, most, <-got)
		_, _ = io.ReadAll(conn)
		connections := w.server.Close()
		require.Len(t, connections, 1)
		assert.Equal(t, most, connections[0].BytesOut)
		require.Len(t, w.denials, 1)
		assert.Equal(t, Exhausted, w.denials[0].Kind)
	}
}

// TestTraffic_UsedUp: from then on nothing is connected to, nor looked up, which is
// told to the program each time, and to others once.
func TestTraffic_UsedUp(t *testing.T) {
	w := newWorld(t, Limits{Bytes: 1000}, func(conn net.Conn) {
		_, _ = io.ReadFull(conn, make([]byte, 10))
		_, _ = conn.Write(make([]byte, 5000))
	})
	assert.Less(t, len(w.say(t, "GET http://api.test:PORT/ HTTP/1.1\r\n\r\n")), 1000)
	want := "traffic: more than 1000 bytes in one run, at api.test:" + w.port
	assert.Equal(t, want, w.reasons())
	w.names = nil // who looks a name up now fails
	for range 3 {
		got := w.say(t, "CONNECT api.test:PORT HTTP/1.1\r\n\r\n")
		assert.Contains(t, got, "HTTP/1.1 403 Forbidden\r\n")
		assert.Contains(t, got, "egress: "+want+"\n")
	}
	assert.Equal(t, want, w.reasons())
	assert.Len(t, w.server.Close(), 1, "a connection was made")
}

// TestTraffic_Rate: all connections together are no faster than the rate, both
// directions counted, which is no violation, and everything arrives.
func TestTraffic_Rate(t *testing.T) {
	const each, programs, bytesASecond = 30_000, 4, 400_000
	w := newCrowd(t, Limits{Rate: bytesASecond}, func(conn net.Conn) {
		_, _ = io.CopyN(conn, conn, each)
	})
	began := time.Now()
	var all sync.WaitGroup
	for range programs {
		conn := w.tunnel(t)
		all.Go(func() {
			_, _ = conn.Write(append([]byte("{"), make([]byte, each-1)...))
			b, err := io.ReadAll(conn)
			assert.NoError(t, err) //nolint:testifylint // require must not be called from here
			assert.Len(t, b, len(established)+each)
		})
	}
	all.Wait()
	ahead := float64(bytesASecond / aheadParts)
	least := (2*each*programs - ahead) / bytesASecond
	assert.GreaterOrEqual(t, time.Since(began).Seconds(), least)
	assert.Empty(t, w.reasons())
	assert.Len(t, w.server.Close(), programs)
}

// owe has whatever is carried next wait for so many quarters of a second.
func (w *world) owe(quarters int) {
	for range quarters + 1 {
		w.server.traffic.pace.ReserveN(time.Now(), w.server.traffic.pace.Burst())
	}
}

// TestTraffic_SlowedIsNotIdle: who waits for the pace is not ended for it.
func TestTraffic_SlowedIsNotIdle(t *testing.T) {
	w := newWorld(t, Limits{Rate: 100_000, Idle: time.Second, HeadTime: time.Second}, func(conn net.Conn) {
		_, _ = io.CopyN(conn, conn, 6)
	})
	w.owe(10)
	conn := w.tunnel(t)
	_, _ = io.WriteString(conn, "{hello")
	b, err := io.ReadAll(conn)
	require.NoError(t, err)
	assert.Equal(t, established+"{hello", string(b))
	assert.Empty(t, w.reasons())
}

// TestTraffic_SlowedAnswer: a program that is asked for a second ClientHello is given
// the time that the question takes to reach it.
func TestTraffic_SlowedAnswer(t *testing.T) {
	retry := append([]byte{22, 3, 3, 0, 38 + 4, 2, 0, 0, 38, 3, 3}, retryRandom...)
	retry = append(retry, 0, 0, 0, 0)
	second := make(chan int, 1)
	var w *world
	w = newWorld(t, Limits{Rate: 100_000, HeadTime: time.Second}, func(conn net.Conn) {
		_, _, _ = readHello(conn, 1<<15)
		w.owe(10)
		_, _ = conn.Write(retry)
		_, _ = io.ReadFull(conn, make([]byte, changeCipherSize))
		raw, _, _ := readHello(conn, 1<<15)
		second <- len(raw)
	})
	conn := w.tunnel(t)
	_, _ = conn.Write(hello(t, "api.test"))
	_, err := io.ReadFull(conn, make([]byte, len(established)+len(retry)))
	require.NoError(t, err)
	_, _ = conn.Write(append([]byte{20, 3, 3, 0, 1, 1}, hello(t, "api.test")...))
	assert.Positive(t, <-second)
	assert.Empty(t, w.reasons())
}

// TestTraffic_EndsAtOnce: the end of a run, and of a connection, waits for no pace.
func TestTraffic_EndsAtOnce(t *testing.T) {
	for _, what := range []string{"run", "connection"} {
		t.Run(what, func(t *testing.T) {
			reset := make(chan struct{})
			w := newWorld(t, Limits{Rate: 1, Idle: time.Hour}, func(conn net.Conn) {
				<-reset
				_ = conn.(*net.TCPConn).SetLinger(0)
			})
			w.owe(3600)
			began := time.Now()
			owed := w.server.traffic.pace.TokensAt(began)
			conn := w.tunnel(t)
			_, _ = io.WriteString(conn, "{"+strings.Repeat("x", 1<<10))
			require.Eventually(t, func() bool { // it waits: it owes one more than time alone explains
				now := time.Now()
				return w.server.traffic.pace.TokensAt(now)-now.Sub(began).Seconds() < owed-0.5
			}, time.Minute, 10*time.Millisecond)
			if what == "run" {
				w.server.Close()
			}
			close(reset)
			_, _ = io.ReadAll(conn)
			assert.Eventually(t, w.recorded, time.Minute, 10*time.Millisecond)
			assert.Empty(t, w.reasons())
		})
	}
}

// recorded says whether a connection has ended.
func (w *world) recorded() bool {
	w.server.mu.Lock()
	defer w.server.mu.Unlock()
	return len(w.server.connections) > 0
}
