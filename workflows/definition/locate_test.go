package definition

import (
	"strings"
	"testing"
)

// TestLocate finds the mark § of every string in the source, in all styles.
func TestLocate(t *testing.T) {
	for name, text := range map[string]string{
		"plain":            "a: some § text\n",
		"plain-wide":       "ä: žluťoučký § kůň\n",
		"plain-continued":  "a: some\n  more\n\n  and § text\n",
		"single":           "a: 'it''s § text'\n",
		"single-continued": "a: 'it''s\n\n  more § text'\n",
		"double":           "a: \"tab\\t quote\\\" § text\"\n",
		"double-continued": "a: \"some\\\n   more § text\"\n",
		"literal":          "a: |\n   one\n\n     two § three\n",
		"literal-indented": "a:\n  - b: |2\n        deep § text\n      less\n",
		"literal-strip":    "a: |-\n  § text\n",
		"literal-blank":    "a: |\n\n\n  one § two\n",
		"literal-anchor":   "a: &x |\n  one § two\n",
		"literal-tag":      "a: !!str |\n  one § two\n",
		"literal-comment":  "a: | # comment\n  one § two\n",
		"folded":           "a: >\n  one\n  two\n\n  three § four\n",
		"folded-deeper":    "a: >\n  one\n    two § three\n  four\n",
		"windows":          "a: |\r\n  one\r\n  two § three\r\n",
		"json":             "{\"a\": \"quote\\\" § text\"}",
		"flow":             "{a: {b: [x, some § text]}}\n",
	} {
		s, root, p := read([]byte(text))
		if p != nil {
			t.Fatalf("%s: %s", name, p.message)
		}
		found := false
		eachString(cursor{node: root, raw: root.value()}, func(c cursor) {
			offset := strings.Index(c.str(), "§")
			if offset < 0 {
				return
			}
			found = true
			want := s.position(strings.Index(text, "§"))
			if got := s.locate(c.node, offset); got != want {
				t.Errorf("%s: %v, expected %v", name, got, want)
			}
		})
		if !found {
			t.Errorf("%s: no mark in %v", name, root.value())
		}
	}
}

// TestSource_PlacesRoundTrip goes from offset to place and back, over wide
// characters on the edges of blocks.
func TestSource_PlacesRoundTrip(t *testing.T) {
	text := strings.Repeat("aé€😀\n", 300) + strings.Repeat("é€😀", 700) + "\n\nend"
	s := newSource(text)
	line, column := 1, 1
	for offset, r := range text {
		p := s.position(offset)
		if want := (Position{line, column}); p != want || s.offset(p) != offset {
			t.Fatalf("offset %d is at %v and back at %d; expected %v", offset, p, s.offset(p), want)
		}
		column++
		if r == '\n' {
			line, column = line+1, 1
		}
	}
}
