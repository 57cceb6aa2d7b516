package driver

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"

	"lazaret.dev/lazaret/activities/virt"
)

// maxFrame bounds one frame, in both directions.
const maxFrame = 4 << 20

// down is a frame to a process.
type down struct {
	ID     uint64     `json:"id"`
	Call   *virt.Call `json:"call,omitempty"`
	Cancel bool       `json:"cancel,omitempty"`
	Watch  bool       `json:"watch,omitempty"` // tell what happens to guests, until it is cancelled
}

// up is a frame from a process.
type up struct {
	ID       uint64          `json:"id"`
	Ready    bool            `json:"ready,omitempty"` // the first: it is confined and waits for calls
	Fatal    string          `json:"fatal,omitempty"` // it cannot be confined
	Progress *virt.Progress  `json:"progress,omitempty"`
	Happened *virt.Happening `json:"happened,omitempty"`
	Result   json.RawMessage `json:"result,omitempty"`
	Error    *virt.Error     `json:"error,omitempty"`
}

var errFrame = errors.New("frame of a libvirt process")

// writer writes frames, each in one piece.
type writer struct {
	mu sync.Mutex
	w  io.Writer
}

func (w *writer) write(frame any) error {
	body, err := json.Marshal(frame)
	if err != nil {
		return err
	}
	if len(body) > maxFrame {
		return fmt.Errorf("%w: %d bytes, over the limit of %d", errFrame, len(body), maxFrame)
	}
	message := append(binary.BigEndian.AppendUint32(nil, uint32(len(body))), body...) //nolint:gosec // bounded above
	w.mu.Lock()
	defer w.mu.Unlock()
	_, err = w.w.Write(message)
	return err
}

// readFrame reads one frame into the value; numbers stay as they were written.
func readFrame(r *bufio.Reader, into any) error {
	var size [4]byte
	if _, err := io.ReadFull(r, size[:]); err != nil {
		return err
	}
	n := binary.BigEndian.Uint32(size[:])
	if n > maxFrame {
		return fmt.Errorf("%w: %d bytes, over the limit of %d", errFrame, n, maxFrame)
	}
	body := make([]byte, n)
	if _, err := io.ReadFull(r, body); err != nil {
		return err
	}
	if err := json.Unmarshal(body, into); err != nil {
		return fmt.Errorf("%w: %w", errFrame, err)
	}
	return nil
}
