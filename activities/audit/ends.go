package audit

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// ends returns the first and the last whole line of an uncompressed file, nil
// when it has none, and what follows the last newline.
func ends(file *os.File) (first, last, torn []byte, err error) {
	info, err := file.Stat()
	if err != nil {
		return nil, nil, nil, err
	}
	start := max(0, info.Size()-2*maxLine) // holds at least one whole line, if there is one
	tail := make([]byte, info.Size()-start)
	if _, err := file.ReadAt(tail, start); err != nil && !errors.Is(err, io.EOF) {
		return nil, nil, nil, err
	}
	end := bytes.LastIndexByte(tail, '\n')
	if end < 0 {
		return nil, nil, tail, nil
	}
	last, torn = tail[:end], tail[end+1:]
	last = last[bytes.LastIndexByte(last, '\n')+1:]
	first, err = bufio.NewReaderSize(io.NewSectionReader(file, 0, maxLine), maxLine).ReadBytes('\n')
	return bytes.TrimSuffix(first, []byte("\n")), last, torn, err
}

// lastLine returns number and hash of a closed file's last line.
func lastLine(dir string, s segment) (seq uint64, hash Hash, err error) {
	file, err := os.Open(filepath.Join(dir, s.name))
	if errors.Is(err, fs.ErrNotExist) && !s.compressed() { // compressed since
		s.name += ".zst"
		file, err = os.Open(filepath.Join(dir, s.name))
	}
	if err != nil {
		return 0, hash, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	info, err := file.Stat()
	if err != nil {
		return 0, hash, err
	}
	var last []byte
	one := &snapshot{segments: []segment{s}, files: []*os.File{file}, sizes: []int64{info.Size()}}
	if s.compressed() {
		err = one.scan(0, func(r raw) error { last = append(last[:0], r.text...); return nil })
	} else {
		_, last, _, err = ends(file)
	}
	if err != nil {
		return 0, hash, err
	}
	var line Line
	if err := json.Unmarshal(last, &line); err != nil {
		return 0, hash, &Error{Reason: fmt.Sprintf("%q ends in what is no line of ours", filepath.Join(dir, s.name)), Hint: "run: lazaret audit verify", Err: err}
	}
	return line.Seq, hashOf(last), nil
}
