package expression

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

const previewBytes = 60

// preview quotes at most previewBytes of s.
func preview(s string) string {
	s = strings.TrimSpace(s)
	if short := clip(s); len(short) < len(s) {
		return strconv.Quote(short) + "…"
	}
	return strconv.Quote(s)
}

// clip is at most previewBytes of s, cut between characters.
func clip(s string) string {
	if len(s) <= previewBytes {
		return s
	}
	cut := previewBytes
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut]
}
