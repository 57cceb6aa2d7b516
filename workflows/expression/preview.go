package expression

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

const previewBytes = 60

// preview quotes at most previewBytes of s, cut between characters.
func preview(s string) string {
	s = strings.TrimSpace(s)
	if len(s) <= previewBytes {
		return strconv.Quote(s)
	}
	cut := previewBytes
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return strconv.Quote(s[:cut]) + "…"
}
