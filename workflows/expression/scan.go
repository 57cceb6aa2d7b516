package expression

import "strings"

// tokenKind is as much of jq's lexical grammar as this package needs.
type tokenKind int

const (
	nameToken     tokenKind = iota // map, or a keyword, or an object key
	variableToken                  // $item
	fieldToken                     // .name
)

// scanner walks over jq text: it knows strings with their interpolations,
// comments, and names, and calls visit with each name.
type scanner struct {
	src   string
	pos   int
	visit func(kind tokenKind, text string, offset int)
}

// until moves to the first stop byte that closes nothing opened on the way, and
// reports whether there is one. opens is the byte that stop closes.
func (s *scanner) until(opens, stop byte) bool {
	for depth := 0; s.pos < len(s.src); {
		switch c := s.src[s.pos]; {
		case c == stop && depth == 0:
			return true
		case c == '"':
			s.text()
		case c == '#':
			s.comment()
		case c == '.' || c == '$' || c == '@':
			s.prefixed(c)
		case isLetter(c):
			s.emit(nameToken, s.pos)
		case isDigit(c):
			s.number()
		default:
			switch c {
			case opens:
				depth++
			case stop:
				depth--
			}
			s.pos++
		}
	}
	return false
}

// text moves behind a string that starts here.
func (s *scanner) text() {
	for s.pos++; s.pos < len(s.src); s.pos++ {
		switch s.src[s.pos] {
		case '"':
			s.pos++
			return
		case '\\':
			if s.pos++; s.pos < len(s.src) && s.src[s.pos] == '(' {
				s.pos++
				s.until('(', ')')
			}
		}
	}
}

// comment moves to the line end that closes a comment; jq lets a backslash carry it on.
func (s *scanner) comment() {
	for ; s.pos < len(s.src); s.pos++ {
		switch s.src[s.pos] {
		case '\n', '\r':
			return
		case '\\':
			if rest := s.src[s.pos+1:]; strings.HasPrefix(rest, "\r\n") {
				s.pos += 2
			} else if rest != "" && strings.ContainsRune("\\\n\r", rune(rest[0])) {
				s.pos++
			}
		}
	}
	s.pos = min(s.pos, len(s.src))
}

func (s *scanner) prefixed(c byte) {
	if s.pos+1 == len(s.src) || !isLetter(s.src[s.pos+1]) {
		s.pos++
		return
	}
	start := s.pos
	s.pos++
	switch c {
	case '.':
		s.emit(fieldToken, start)
	case '$':
		s.emit(variableToken, start)
	default:
		s.emit(fieldToken, start)
	}
}

func (s *scanner) emit(kind tokenKind, start int) {
	for s.pos < len(s.src) && (isLetter(s.src[s.pos]) || isDigit(s.src[s.pos])) {
		s.pos++
	}
	if s.visit != nil {
		s.visit(kind, s.src[start:s.pos], start)
	}
}

func (s *scanner) number() {
	for s.pos < len(s.src) && (isDigit(s.src[s.pos]) || strings.IndexByte(".eE", s.src[s.pos]) >= 0) {
		s.pos++
	}
}

func isLetter(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_'
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// tokens calls visit with every name in jq text.
func tokens(src string, visit func(kind tokenKind, text string, offset int)) {
	for s := (&scanner{src: src, visit: visit}); s.pos < len(src); s.pos++ {
		s.until(0, 0)
	}
}

// find is the offset of the first such token, or 0: good enough for an error's
// place, as a name that is unknown here is rarely known elsewhere in the text.
func find(src string, kind tokenKind, text string) int {
	at := -1
	tokens(src, func(k tokenKind, t string, offset int) {
		if at < 0 && k == kind && t == text {
			at = offset
		}
	})
	return max(at, 0)
}
