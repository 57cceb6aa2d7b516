package audit

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// raw is one line of a file, as bytes that are valid until the next is read.
type raw struct {
	file   string
	number int // in the file, from 1
	text   []byte
	whole  bool // ends with a newline
}

func (r raw) place() string { return fmt.Sprintf("%s:%d", r.file, r.number) }

// scanLines calls visit with each line of the text.
func scanLines(name string, text io.Reader, visit func(raw) error) error {
	reader := bufio.NewReaderSize(text, maxLine)
	for number := 1; ; number++ {
		line, err := reader.ReadSlice('\n')
		end := errors.Is(err, io.EOF)
		if errors.Is(err, bufio.ErrBufferFull) {
			return &Error{Reason: fmt.Sprintf("%s:%d: line longer than %d bytes", name, number, maxLine), Hint: "no writer of ours makes such a line"}
		}
		if err != nil && !end {
			return fmt.Errorf("%s:%d: %w", name, number, err)
		}
		if len(line) == 0 {
			return nil
		}
		r := raw{file: name, number: number, text: line, whole: !end}
		if r.whole {
			r.text = line[:len(line)-1]
		}
		if failure := visit(r); failure != nil {
			return failure
		}
		if end {
			return nil
		}
	}
}

// Read calls visit with every line of the folder's log, the oldest first, and
// with its text, which is valid only during the call. What is no line of ours is
// an error; Verify judges a log. Read returns visit's error at once.
func Read(dir string, visit func(Line, []byte) error) error {
	s, err := takeSnapshot(dir)
	if err != nil {
		return err
	}
	defer s.close()
	for i := range s.segments {
		err := s.scan(i, func(r raw) error {
			var line Line
			if err := json.Unmarshal(r.text, &line); err != nil {
				return &Error{Reason: r.place() + ": not a line of the audit log", Hint: "run: lazaret audit verify", Err: err}
			}
			return visit(line, r.text)
		})
		if err != nil {
			return err
		}
	}
	return nil
}
