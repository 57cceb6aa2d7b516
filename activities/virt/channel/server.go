package channel

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"net"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// What bounds the requests of one script.
const (
	AtOnce    = 8  // carried out at the same time
	PerSecond = 20 // begun
	burst     = 40
)

// Server answers one program.
type Server struct {
	// Call carries a request out. A failure is what the program gets instead of a
	// result, as JSON. It is called concurrently, and returns soon after its context
	// has ended.
	Call func(ctx context.Context, request Request) (result json.RawMessage, failure any)
	// Breach is told, once, why bytes are no request.
	Breach func(why string)
}

// Serve answers requests until the connection or the context ends, and returns
// when nothing of it goes on: requests that are under way then are given up.
func (s Server) Serve(ctx context.Context, conn net.Conn) {
	var calls sync.WaitGroup
	defer calls.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() }) // ends reads and writes
	defer stop()
	var writing sync.Mutex
	places := make(chan struct{}, AtOnce)
	limiter := rate.NewLimiter(PerSecond, burst)
	reader := bufio.NewReader(conn)
	for limiter.Wait(ctx) == nil {
		request, err := read(reader)
		if b := (*breach)(nil); errors.As(err, &b) {
			s.Breach(b.why)
			s.sayFatal(conn, &writing, b.why)
			return
		}
		if err != nil {
			return
		}
		select {
		case places <- struct{}{}:
		case <-ctx.Done():
			return
		}
		calls.Go(func() {
			defer func() { <-places }()
			result, failure := s.Call(ctx, request)
			writing.Lock()
			defer writing.Unlock()
			_ = write(conn, answer{ID: request.ID, Result: result, Error: failure}) // whoever asked may be gone
		})
	}
}

// sayFatal does not wait for a program that does not read.
func (s Server) sayFatal(conn net.Conn, writing *sync.Mutex, why string) {
	_ = conn.SetWriteDeadline(time.Now().Add(time.Second))
	writing.Lock()
	defer writing.Unlock()
	_ = write(conn, answer{Fatal: why})
}
