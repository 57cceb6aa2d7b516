package channel

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func framed(body string) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(body))), body...)
}

// script is the other end, as a hostile program holds it.
type script struct {
	net.Conn
	t        *testing.T
	breaches chan string
	done     chan struct{}
	end      context.CancelFunc // what the sandbox does when the program is gone
}

func serve(t *testing.T, call func(context.Context, Request) (json.RawMessage, any)) *script {
	t.Helper()
	ours, theirs := net.Pipe()
	ctx, cancel := context.WithCancel(t.Context())
	s := &script{theirs, t, make(chan string, 8), make(chan struct{}), cancel}
	go func() {
		defer close(s.done)
		Server{Call: call, Breach: func(why string) { s.breaches <- why }}.Serve(ctx, ours)
		_ = ours.Close()
	}()
	t.Cleanup(func() { cancel(); <-s.done; _ = theirs.Close() })
	return s
}

func (s *script) answer() (a answer) {
	s.t.Helper()
	var size [4]byte
	_, err := io.ReadFull(s, size[:])
	require.NoError(s.t, err)
	body := make([]byte, binary.BigEndian.Uint32(size[:]))
	_, err = io.ReadFull(s, body)
	require.NoError(s.t, err)
	require.NoError(s.t, json.Unmarshal(body, &a))
	return a
}

func echo(_ context.Context, r Request) (json.RawMessage, any) {
	if r.Operation == "fail" {
		return nil, map[string]any{"status": 404}
	}
	text, _ := json.Marshal(r.With)
	return text, nil
}

func TestServe(t *testing.T) {
	s := serve(t, echo)
	_, err := s.Write(framed(`{"id": 7, "operation": "domain.info", "uri": "test:///default", "with": {"n": 12345678901234567890, "s": "[[[["}}`))
	require.NoError(t, err)
	a := s.answer()
	require.Equal(t, uint64(7), a.ID)
	require.JSONEq(t, `{"n": 12345678901234567890, "s": "[[[["}`, string(a.Result))
	_, err = s.Write(framed(`{"id": 8, "operation": "fail"}`))
	require.NoError(t, err)
	a = s.answer()
	require.Equal(t, map[string]any{"status": 404.0}, a.Error)
	require.Empty(t, s.breaches)
}

// hostile are frames that are no request, with why.
var hostile = map[string]struct{ bytes, why string }{
	"oversized":     {"\xff\xff\xff\xff", "a request of 4294967295 bytes, over the limit of 2031616"},
	"just over":     {"\x00\x1f\x00\x01", "a request of 2031617 bytes"},
	"empty":         {string(framed("")), "not the JSON"},
	"deep list":     {string(framed(`{"with": {"a": ` + strings.Repeat("[", 200_000) + strings.Repeat("]", 200_000) + `}}`)), "nests deeper than 10"},
	"one too deep":  {string(framed(`{"with": {"a": ` + strings.Repeat("[", 10) + strings.Repeat("]", 10) + `}}`)), "nests deeper than 10"},
	"deep, broken":  {string(framed(strings.Repeat(`{"a":`, 100_000))), "nests deeper than 10"},
	"no JSON":       {string(framed("domain.start web-1")), "not the JSON"},
	"no object":     {string(framed(`["domain.start"]`)), "not the JSON"},
	"half":          {string(framed(`{"id": 1, "operation": "dom`)), "not the JSON"},
	"two in one":    {string(framed(`{"id": 1} {"id": 2}`)), "something follows"},
	"unknown":       {string(framed(`{"id": 1, "approved": true}`)), "not the JSON"},
	"identity":      {string(framed(`{"id": 1, "identity": {"caller": "cli"}}`)), "not the JSON"},
	"negative id":   {string(framed(`{"id": -1}`)), "not the JSON"},
	"large id":      {string(framed(`{"id": 1e99}`)), "not the JSON"},
	"text id":       {string(framed(`{"id": "1"}`)), "not the JSON"},
	"with a list":   {string(framed(`{"with": [1]}`)), "not the JSON"},
	"operation 5":   {string(framed(`{"operation": 5}`)), "not the JSON"},
	"not UTF-8":     {string(framed("{\"operation\": \"\xff\xfe\"}")), "not UTF-8"},
	"NUL":           {string(framed("{\"id\": 1\x00}")), "not the JSON"},
	"a text editor": {"GET / HTTP/1.1\r\n\r\n", "over the limit"},
}

// Every hostile frame ends the connection, is told of once, and its sender hears why.
func TestServe_Hostile(t *testing.T) {
	for name, test := range hostile {
		t.Run(name, func(t *testing.T) {
			s := serve(t, func(context.Context, Request) (json.RawMessage, any) {
				t.Error("it was carried out")
				return nil, nil
			})
			go func() { _, _ = s.Write([]byte(test.bytes + string(framed(`{"id": 9, "operation": "after"}`)))) }()
			require.Contains(t, s.answer().Fatal, test.why)
			require.Contains(t, <-s.breaches, test.why)
			<-s.done
			require.Empty(t, s.breaches)
		})
	}
}

// A program that sends half a frame and falls silent, or goes away in the middle of
// one, holds nothing up but itself.
func TestServe_Half(t *testing.T) {
	for _, sent := range []string{"", "\x00", "\x00\x00\x01\x00", "\x00\x00\x01\x00{\"id\":"} {
		s := serve(t, echo)
		_, err := s.Write([]byte(sent))
		require.NoError(t, err)
		require.NoError(t, s.Close())
		<-s.done
		require.Empty(t, s.breaches)
	}
}

// A flood is read no faster than its requests may begin, and no more of them go on
// at a time than may.
func TestServe_Flood(t *testing.T) {
	var now, most atomic.Int64
	begun := make(chan struct{}, 1000)
	s := serve(t, func(ctx context.Context, _ Request) (json.RawMessage, any) {
		most.Store(max(most.Load(), now.Add(1)))
		defer now.Add(-1)
		begun <- struct{}{}
		<-ctx.Done()
		return nil, nil
	})
	sent := make(chan int)
	go func() {
		n := 0
		for ; n < 1000; n++ {
			if _, err := s.Write(framed(fmt.Sprintf(`{"id": %d, "operation": "wait"}`, n))); err != nil {
				break
			}
		}
		sent <- n
	}()
	for range AtOnce {
		<-begun
	}
	s.end()
	require.Less(t, <-sent, 2*AtOnce+burst, "the connection was read on")
	<-s.done
	require.Equal(t, int64(AtOnce), most.Load())
}

// A program that asks and does not read is held up; its end ends all.
func TestServe_DoesNotRead(t *testing.T) {
	s := serve(t, echo)
	for range AtOnce {
		_, err := s.Write(framed(`{"id": 1, "operation": "x"}`))
		require.NoError(t, err)
	}
	require.NoError(t, s.Close())
	<-s.done
}

// The end of the context gives up what is under way.
func TestServe_Ends(t *testing.T) {
	ours, theirs := net.Pipe()
	ctx, cancel := context.WithCancel(t.Context())
	done, begun := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		Server{Call: func(ctx context.Context, _ Request) (json.RawMessage, any) {
			close(begun)
			<-ctx.Done()
			return nil, "over"
		}}.Serve(ctx, ours)
	}()
	_, err := theirs.Write(framed(`{"id": 1, "operation": "wait"}`))
	require.NoError(t, err)
	<-begun
	cancel()
	<-done
	_, err = theirs.Read(make([]byte, 1))
	require.ErrorIs(t, err, io.EOF)
}

// Frames from several threads get answers of their own, whole.
func TestServe_Concurrent(t *testing.T) {
	s := serve(t, func(_ context.Context, r Request) (json.RawMessage, any) {
		time.Sleep(time.Duration(r.ID%3) * time.Millisecond)
		return json.RawMessage(fmt.Sprintf(`{"was": %d}`, r.ID)), nil
	})
	var writers sync.WaitGroup
	for n := range 20 {
		writers.Go(func() { _, _ = s.Write(framed(fmt.Sprintf(`{"id": %d, "operation": "x"}`, n))) })
	}
	var ids []int
	for range 20 {
		a := s.answer()
		require.JSONEq(t, fmt.Sprintf(`{"was": %d}`, a.ID), string(a.Result))
		ids = append(ids, int(a.ID))
	}
	writers.Wait()
	slices.Sort(ids)
	require.Len(t, slices.Compact(ids), 20)
}

// FuzzRead: whatever comes, it is a request within the bounds, a breach, or the
// end of the connection.
func FuzzRead(f *testing.F) {
	for _, test := range hostile {
		if len(test.bytes) < 10_000 {
			f.Add([]byte(test.bytes))
		}
	}
	f.Add(framed(`{"id": 7, "operation": "domain.info", "uri": "test:///default", "with": {"a": [{"b": "\"]"}, 1e5, null]}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		reader := bytes.NewReader(data)
		request, err := read(reader)
		if err != nil {
			return
		}
		text, err := json.Marshal(request)
		require.NoError(t, err)
		require.LessOrEqual(t, depth(text), MaxDepth+1)
		again, err := read(bytes.NewReader(framed(string(text))))
		if len(text) <= MaxRequest {
			require.NoError(t, err)
			require.Equal(t, request, again)
		}
	})
}
