package calls

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strconv"
	"time"
)

// eventStream is the media type of server-sent events.
const eventStream = "text/event-stream"

// eventReader reads the data of server-sent events (WHATWG HTML, 9.2.6).
type eventReader struct {
	from  io.Reader
	limit int           // bytes of one event
	id    string        // of the last event that had one
	retry time.Duration // how long after its end the server wants to be asked again; 0: not said

	lines *bufio.Scanner
}

var errLongEvent = errors.New("an event is too long")

// next is the data of the next event that has any; nil at the end.
func (e *eventReader) next() ([]byte, error) {
	if e.lines == nil {
		e.lines = bufio.NewScanner(e.from)
		e.lines.Buffer(make([]byte, 0, 4096), e.limit)
		e.lines.Split(eventLines)
	}
	var data []byte
	id := e.id
	for e.lines.Scan() {
		line := e.lines.Bytes()
		if len(line) == 0 {
			e.id = id
			if data != nil {
				return data, nil
			}
			continue
		}
		field, value, _ := bytes.Cut(line, []byte(":"))
		if string(field) == "id" && !bytes.ContainsRune(value, 0) {
			id = string(bytes.TrimPrefix(value, []byte(" ")))
		}
		if string(field) == "retry" {
			e.again(string(bytes.TrimPrefix(value, []byte(" "))))
		}
		if string(field) != "data" {
			continue
		}
		if data != nil {
			data = append(data, '\n')
		}
		data = append(data, bytes.TrimPrefix(value, []byte(" "))...)
		if data == nil {
			data = []byte{}
		}
		if len(data) > e.limit {
			return nil, errLongEvent
		}
	}
	if err := e.lines.Err(); errors.Is(err, bufio.ErrTooLong) {
		return nil, errLongEvent
	} else if err != nil {
		return nil, err
	}
	return nil, nil // an event without its empty line is none
}

// again reads a field retry: milliseconds, in digits alone.
func (e *eventReader) again(value string) {
	if milliseconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		e.retry = time.Duration(milliseconds) * time.Millisecond
	}
}

// eventLines splits at \n, \r\n and \r.
func eventLines(data []byte, atEnd bool) (advance int, token []byte, err error) {
	i := bytes.IndexAny(data, "\r\n")
	switch {
	case i < 0 && !atEnd:
		return 0, nil, nil
	case i < 0:
		return len(data), nil, nil // the last line was cut off
	case data[i] == '\n':
		return i + 1, data[:i], nil
	case i+1 < len(data) && data[i+1] == '\n':
		return i + 2, data[:i], nil
	case i+1 < len(data) || atEnd:
		return i + 1, data[:i], nil
	}
	return 0, nil, nil // a \n may follow
}

// limitedReader breaks off where there is more than may be read.
type limitedReader struct {
	from io.Reader
	left int // bytes
}

var errTooMuch = errors.New("it is longer than the limit")

func (l *limitedReader) Read(p []byte) (int, error) {
	n, err := l.from.Read(p)
	if l.left -= n; l.left < 0 {
		return 0, errTooMuch
	}
	return n, err
}
