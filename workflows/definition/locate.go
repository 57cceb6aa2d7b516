package definition

import (
	"strings"
	"unicode/utf8"
)

// locate is the place in the source of the byte at offset of a string's value.
// It is exact for plain, quoted and block scalars; where a quoted scalar holds
// a numeric escape before offset, it is the scalar's start.
func (s *source) locate(n *node, offset int) Position {
	if n.at.Line == 0 {
		return n.at
	}
	if n.style == literalBlock || n.style == foldedBlock {
		return s.locateBlock(n, offset)
	}
	w := walker{source: s, value: n.text, at: s.skipProperties(s.offset(n.at)), style: n.style}
	if n.style != plainStyle {
		w.at++ // the opening quote
	}
	if !w.walk(offset) {
		return n.at
	}
	return s.position(w.at)
}

// skipProperties passes a tag or an anchor before a scalar.
func (s *source) skipProperties(at int) int {
	for at < len(s.text) && (s.text[at] == '&' || s.text[at] == '!') {
		rest := s.text[at:]
		gap := strings.IndexAny(rest, " \t\r\n")
		if gap < 0 {
			return at
		}
		at += gap + len(rest[gap:]) - len(strings.TrimLeft(rest[gap:], " \t\r\n"))
	}
	return at
}

// locateBlock finds a place in a literal or folded block, whose text begins on
// the line below its indicator.
func (s *source) locateBlock(n *node, offset int) Position {
	first := s.lineOf(s.skipProperties(s.offset(n.at))) + 1
	indent := s.blockIndent(first, n.text)
	if n.style == literalBlock {
		before := n.text[:min(offset, len(n.text))]
		line := first + strings.Count(before, "\n")
		column := before[strings.LastIndexByte(before, '\n')+1:]
		return Position{line + 1, indent + utf8.RuneCountInString(column) + 1}
	}
	if first >= len(s.starts) {
		return n.at
	}
	w := walker{source: s, value: n.text, at: min(s.starts[first]+indent, len(s.text))}
	if !w.walk(offset) {
		return n.at
	}
	return s.position(w.at)
}

// blockIndent is how far a block's text is indented: what its first line with
// text has before the value's own first text.
func (s *source) blockIndent(first int, value string) int {
	text := strings.TrimLeft(value, "\n")
	own := len(text) - len(strings.TrimLeft(text, " "))
	for line := first; line < len(s.starts); line++ {
		content := s.line(line)
		if trimmed := strings.TrimLeft(content, " "); trimmed != "" {
			return max(len(content)-len(trimmed)-own, 0)
		}
	}
	return 0
}

// walker goes through a scalar's value and its source side by side.
type walker struct {
	source *source
	value  string
	pos    int // in value
	at     int // in source
	style  style
}

// walk goes to offset of the value; false means that it lost the way.
func (w *walker) walk(offset int) bool {
	for w.pos < min(offset, len(w.value)) {
		switch {
		case w.atLineEnd():
			w.skipFold()
		case w.escaped():
			if !w.skipEscape() {
				return false
			}
		case w.at < len(w.source.text) && w.source.text[w.at] == w.value[w.pos]:
			w.at++
			w.pos++
		default:
			return false
		}
	}
	return true
}

// atLineEnd reports whether only blanks are left on this line of the source.
func (w *walker) atLineEnd() bool {
	rest := strings.TrimLeft(w.source.text[w.at:], " \t\r")
	return rest != "" && rest[0] == '\n'
}

// skipFold passes a line break and its indentation, and the blanks that it became.
func (w *walker) skipFold() {
	rest := w.source.text[w.at:]
	w.at += len(rest) - len(strings.TrimLeft(rest, " \t\r\n"))
	tail := w.value[w.pos:]
	w.pos += len(tail) - len(strings.TrimLeft(tail, " \t\n"))
}

func (w *walker) escaped() bool {
	rest := w.source.text[w.at:]
	return w.style == singleQuoted && strings.HasPrefix(rest, "''") ||
		w.style == doubleQuoted && strings.HasPrefix(rest, `\`)
}

// skipEscape passes an escape that stands for one byte, or for a line break
// that is none.
func (w *walker) skipEscape() bool {
	if rest := w.source.text[w.at+1:]; w.style == doubleQuoted && strings.HasPrefix(strings.TrimPrefix(rest, "\r"), "\n") {
		w.at += 1 + len(rest) - len(strings.TrimLeft(rest, " \t\r\n"))
		return true
	}
	if w.at+1 >= len(w.source.text) || strings.IndexByte(`'"\/ntr0abevf `, w.source.text[w.at+1]) < 0 {
		return false
	}
	w.at += 2
	w.pos++
	return true
}
