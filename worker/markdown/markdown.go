// Package markdown writes what others said into reports, as text.
package markdown

import "strings"

var markup = strings.NewReplacer(
	"\\", "\\\\", "|", "\\|", "`", "\\`", "<", "&lt;", ">", "&gt;", "*", "\\*", "_", "\\_", "[", "\\[", "]", "\\]", "&", "&amp;",
	"\n", " ", "\r", " ",
)

// Text is s on one line, and no markup: also in a cell of a table.
func Text(s string) string { return markup.Replace(visible(s)) }

// Code is for what stands between backquotes.
func Code(s string) string { return strings.ReplaceAll(visible(s), "`", "'") }

// visible has no control characters: what a terminal would obey.
func visible(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' || r == 0x7f || r >= 0x80 && r < 0xa0 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
}
