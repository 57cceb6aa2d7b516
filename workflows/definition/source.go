package definition

import (
	"fmt"
	"sort"
	"strings"
	"unicode/utf8"
)

// source is a document's text with what finds a place in it quickly, also where
// the whole document is one long line.
type source struct {
	text   string
	starts []int // byte offset of each line
	runes  []int // characters before each block of the text
}

// blockSize is the bytes of a block whose characters are counted one by one.
const blockSize = 512

func newSource(text string) *source {
	s := &source{text: text, starts: []int{0}}
	count := 0
	for i := range len(text) {
		if i%blockSize == 0 {
			s.runes = append(s.runes, count)
		}
		if utf8.RuneStart(text[i]) {
			count++
		}
		if text[i] == '\n' {
			s.starts = append(s.starts, i+1)
		}
	}
	s.runes = append(s.runes, count)
	return s
}

// runesBefore is the number of characters before the byte at offset.
func (s *source) runesBefore(offset int) int {
	block := offset / blockSize
	count := s.runes[min(block, len(s.runes)-1)]
	for i := block * blockSize; i < offset; i++ {
		if utf8.RuneStart(s.text[i]) {
			count++
		}
	}
	return count
}

// position is the place of the byte at offset.
func (s *source) position(offset int) Position {
	line := s.lineOf(offset)
	return Position{line + 1, s.runesBefore(offset) - s.runesBefore(s.starts[line]) + 1}
}

// offset is the byte offset of a position.
func (s *source) offset(p Position) int {
	if p.Line < 1 || p.Line > len(s.starts) {
		return len(s.text)
	}
	start := s.starts[p.Line-1]
	want := s.runesBefore(start) + p.Column - 1
	block := sort.Search(len(s.runes), func(i int) bool { return s.runes[i] > want }) - 1
	at := max(start, block*blockSize)
	for count := s.runesBefore(at); at < len(s.text) && (count < want || !utf8.RuneStart(s.text[at])); at++ {
		if utf8.RuneStart(s.text[at]) {
			count++
		}
	}
	return at
}

// lineOf is the index of the line that holds the byte at offset.
func (s *source) lineOf(offset int) int {
	return sort.SearchInts(s.starts, offset+1) - 1
}

// line is the text of the line at index, without its end; "" beyond the last.
func (s *source) line(index int) string {
	if index < 0 || index >= len(s.starts) {
		return ""
	}
	end := len(s.text)
	if index+1 < len(s.starts) {
		end = s.starts[index+1]
	}
	return strings.TrimRight(s.text[s.starts[index]:end], "\r\n")
}

// problem is what makes a text unreadable, before there is a tree.
type problem struct {
	at                  Position
	rule, message, hint string
}

func (p *problem) Error() string { return p.message }

// read turns a document's bytes into a tree.
func read(text []byte) (*source, *node, *problem) {
	if len(text) > maxSource {
		return nil, nil, &problem{
			at: Position{1, 1}, rule: "syntax.size",
			message: fmt.Sprintf("the document has %d bytes; at most %d are read", len(text), maxSource),
		}
	}
	s := newSource(strings.TrimPrefix(string(text), "\ufeff"))
	if p := s.refuseBinary(); p != nil {
		return s, nil, p
	}
	if looksLikeJSON(s.text) {
		if root, p, isJSON := readJSON(s); isJSON {
			return s, root, p
		}
	}
	root, p := readYAML(s.text)
	return s, root, p
}

// refuseBinary finds the first byte that is not UTF-8 text.
func (s *source) refuseBinary() *problem {
	if utf8.ValidString(s.text) {
		return nil
	}
	offset := 0
	for offset < len(s.text) {
		r, size := utf8.DecodeRuneInString(s.text[offset:])
		if r == utf8.RuneError && size == 1 {
			break
		}
		offset += size
	}
	return &problem{at: s.position(offset), rule: "syntax.encoding", message: "a byte that is not UTF-8", hint: "save the file in UTF-8"}
}

// previewLength bounds how much of a document's text a message quotes.
const previewLength = 60

// preview is s, cut for a message.
func preview(s string) string { return cut(s, previewLength) }

// cut is the first length characters of s, and a sign where there are more.
func cut(s string, length int) string {
	if utf8.RuneCountInString(s) <= length {
		return s
	}
	return string([]rune(s)[:length]) + "…"
}
