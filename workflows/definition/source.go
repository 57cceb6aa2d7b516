package definition

import (
	"fmt"
	"sort"
	"strings"
	"unicode/utf8"
)

// source is a document's text and where its lines begin.
type source struct {
	text   string
	starts []int // byte offset of each line
}

func newSource(text string) *source {
	s := &source{text: text, starts: []int{0}}
	for i := range len(text) {
		if text[i] == '\n' {
			s.starts = append(s.starts, i+1)
		}
	}
	return s
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

// offset is the byte offset of a position.
func (s *source) offset(p Position) int {
	if p.Line < 1 || p.Line > len(s.starts) {
		return len(s.text)
	}
	at := s.starts[p.Line-1]
	for range p.Column - 1 {
		_, size := utf8.DecodeRuneInString(s.text[at:])
		at += size
	}
	return at
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
	return &problem{at: s.position(offset), rule: "syntax.encoding", message: "a byte that is not UTF-8"}
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
