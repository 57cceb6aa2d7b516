package channel

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// What bounds a frame that a script sends.
const (
	MaxRequest = 2<<20 - 64<<10 // bytes
	MaxDepth   = 10             // lists and maps in one another, in "with"
)

// Request is what a script asks for. All of it is hostile data.
type Request struct {
	ID        uint64         `json:"id"` // of the script's choice; its answer has the same
	Operation string         `json:"operation"`
	URI       string         `json:"uri"`
	With      map[string]any `json:"with"` // numbers are json.Number
}

// breach is a frame that is no request.
type breach struct{ why string }

func (b *breach) Error() string { return b.why }

// read reads one request. Its error is a *breach, or that of the connection.
func read(r io.Reader) (Request, error) {
	var request Request
	body, err := readBody(r)
	if err != nil {
		return request, err
	}
	if !utf8.Valid(body) {
		return request, &breach{"a request is not UTF-8"}
	}
	if depth(body) > MaxDepth+1 {
		return request, &breach{fmt.Sprintf("a request nests deeper than %d", MaxDepth)}
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&request); err != nil {
		return request, &breach{"a request is not the JSON that it should be"}
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return request, &breach{"something follows a request in its frame"}
	}
	return request, nil
}

// readBody takes memory for what has come, not for what is announced.
func readBody(r io.Reader) ([]byte, error) {
	var size [4]byte
	if _, err := io.ReadFull(r, size[:]); err != nil {
		return nil, err
	}
	n := int64(binary.BigEndian.Uint32(size[:]))
	if n > MaxRequest {
		return nil, &breach{fmt.Sprintf("a request of %d bytes, over the limit of %d", n, MaxRequest)}
	}
	var body bytes.Buffer
	if _, err := io.CopyN(&body, r, n); err != nil {
		return nil, err
	}
	return body.Bytes(), nil
}

// depth is how deep JSON nests. Of what is no JSON it says something.
func depth(body []byte) int {
	deepest, now, text := 0, 0, false
	for i := 0; i < len(body); i++ {
		switch c := body[i]; {
		case text && c == '\\':
			i++
		case c == '"':
			text = !text
		case text:
		case c == '{' || c == '[':
			now++
			deepest = max(deepest, now)
		case c == '}' || c == ']':
			now--
		}
	}
	return deepest
}

// answer is a frame to a script.
type answer struct {
	ID     uint64          `json:"id"`
	Result json.RawMessage `json:"result,omitempty"`
	Error  any             `json:"error,omitempty"`
	Fatal  string          `json:"fatal,omitempty"` // why the connection is over
}

func write(w io.Writer, a answer) error {
	body, err := json.Marshal(a)
	if err != nil {
		return err
	}
	_, err = w.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(body))), body...)) //nolint:gosec // results are bounded by the caller
	return err
}
