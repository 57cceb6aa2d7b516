package egress

import (
	"bytes"
	"io"
	"sync"
)

// retryRandom is the random of a ServerHello that asks for another ClientHello:
// RFC 8446, 4.1.3.
var retryRandom = []byte{
	0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
	0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
}

// Where a ServerHello's random lies: after the headers and the version.
const (
	randomAt  = recordHeader + handshakeHeader + 2
	randomEnd = randomAt + 32
)

const (
	recordChangeCipher = 20
	recordAlert        = 21
	changeCipherSize   = recordHeader + 1
)

// opening keeps the first bytes of the target's answer, while they pass.
type opening struct {
	mu    sync.Mutex
	bytes []byte
	ended bool
	known chan struct{} // closed once bytes is complete
}

func newOpening() *opening { return &opening{known: make(chan struct{})} }

// Write never fails, and keeps what is of interest.
func (o *opening) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.ended {
		o.bytes = append(o.bytes, b[:min(len(b), randomEnd-len(o.bytes))]...)
		o.ended = len(o.bytes) == randomEnd
		if o.ended {
			close(o.known)
		}
	}
	return len(b), nil
}

// end says that there will be no more.
func (o *opening) end() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.ended {
		o.ended = true
		close(o.known)
	}
}

// asksAgain waits for the opening and says whether it asks for another ClientHello.
func (o *opening) asksAgain() bool {
	<-o.known
	return len(o.bytes) == randomEnd && bytes.Equal(o.bytes[randomAt:], retryRandom)
}

// repeatHello passes on the second ClientHello that a target may ask for. It must
// be for the same name as the first: some server might look at it alone.
func (f *flow) repeatHello() error {
	if !f.opening.asksAgain() {
		return nil
	}
	patience := f.server.config.Limits.HeadTime
	if f.server.traffic.pace != nil {
		patience = 0 // the answer may still be on its way; who is idle is ended all the same
	}
	f.client.within(patience)
	if first, err := f.client.in.Peek(1); err == nil && first[0] == recordChangeCipher {
		skipped := make([]byte, changeCipherSize)
		if _, err := io.ReadFull(f.client, skipped); err != nil {
			return err
		}
		if err := f.send(skipped); err != nil {
			return err
		}
	}
	return f.passHello(patience)
}
