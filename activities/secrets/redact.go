package secrets

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode/utf16"
	"unicode/utf8"

	"lazaret.dev/lazaret/workflows/expression"
)

// MinRedacted is the length, in bytes, from which a value is looked for: shorter
// ones stand in too much that is none.
const MinRedacted = 4

// Mask stands where a secret stood.
const Mask = "*****"

// Redactor replaces values by Mask. The zero Redactor replaces nothing. It is
// safe for concurrent use.
type Redactor struct {
	mu       sync.Mutex
	forms    []string
	replacer *strings.Replacer
}

// Add makes every text in a value one that is replaced from now on: a text
// itself, those in an object or an array, and numbers.
func (r *Redactor) Add(values ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, value := range values {
		r.add(value)
	}
	// The longest first, so that no part of it is left.
	slices.SortFunc(r.forms, func(a, b string) int {
		if d := len(b) - len(a); d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	r.forms = slices.Compact(r.forms)
	pairs := make([]string, 0, 2*len(r.forms))
	for _, form := range r.forms {
		pairs = append(pairs, form, Mask)
	}
	r.replacer = strings.NewReplacer(pairs...)
}

func (r *Redactor) add(value any) {
	switch value := value.(type) {
	case string:
		r.forms = append(r.forms, forms(value)...)
	case []any:
		for _, item := range value {
			r.add(item)
		}
	case map[string]any:
		for _, member := range value {
			r.add(member)
		}
	case nil, bool:
	default:
		if text, err := expression.Encode(value); err == nil {
			r.forms = append(r.forms, forms(string(text))...)
		}
	}
}

// triplet is a percent-encoded byte, whose digits have no case.
var triplet = regexp.MustCompile(`%[0-9A-F]{2}`)

// forms are the ways in which a value shows.
func forms(value string) []string {
	if len(value) < MinRedacted {
		return nil
	}
	all := []string{value, hex.EncodeToString([]byte(value)), strings.ToUpper(hex.EncodeToString([]byte(value)))}
	for _, escaped := range []string{url.QueryEscape(value), url.PathEscape(value), percentAll(value)} {
		all = append(all, escaped, triplet.ReplaceAllStringFunc(escaped, strings.ToLower))
	}
	all = append(all, jsonTexts(value)...)
	all = append(all, html.EscapeString(value), strings.NewReplacer("&#34;", "&quot;", "&#39;", "'").Replace(html.EscapeString(value)))
	if trimmed := strings.TrimSpace(value); len(trimmed) >= MinRedacted && trimmed != value {
		all = append(all, trimmed)
	}
	for _, encoding := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding} {
		for shift := range 3 {
			all = append(all, base64Forms(encoding, value, shift)...)
		}
	}
	return slices.DeleteFunc(all, func(form string) bool { return len(form) < MinRedacted })
}

// base64Forms are what base64 shows of a value that begins shift bytes into a
// group of three: the characters that depend on it alone, and those up to the end
// where it is the last, with and without padding.
func base64Forms(encoding *base64.Encoding, value string, shift int) []string {
	padded := encoding.EncodeToString(append(make([]byte, shift), value...))
	plain := strings.TrimRight(padded, "=")
	first, last := (shift*8+5)/6, (shift+len(value))*8/6
	return []string{padded[first:], plain[first:], plain[first:last]}
}

// percentAll is the value as RFC 3986 encodes it, with everything but unreserved
// characters encoded.
func percentAll(value string) string {
	return strings.ReplaceAll(url.QueryEscape(value), "+", "%20")
}

// jsonTexts are the value inside a JSON string, as libraries write it: as it is, without
// what HTML would read, in ASCII alone, with slashes escaped.
func jsonTexts(value string) []string {
	var b strings.Builder
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if encoder.Encode(value) != nil {
		return nil
	}
	plain := strings.TrimSpace(b.String())
	plain = plain[1 : len(plain)-1]
	ascii := inASCII(plain)
	return []string{
		plain, strings.NewReplacer("<", `\u003c`, ">", `\u003e`, "&", `\u0026`).Replace(plain),
		ascii, strings.ReplaceAll(plain, "/", `\/`), strings.ReplaceAll(ascii, "/", `\/`),
	}
}

// inASCII writes what is no ASCII as JSON's escapes.
func inASCII(text string) string {
	var b strings.Builder
	for _, c := range text {
		if c < utf8.RuneSelf {
			b.WriteRune(c)
			continue
		}
		for _, unit := range utf16.Encode([]rune{c}) {
			fmt.Fprintf(&b, `\u%04x`, unit)
		}
	}
	return b.String()
}

// Text is the text with every value replaced.
func (r *Redactor) Text(text string) string {
	if r == nil {
		return text
	}
	r.mu.Lock()
	replacer := r.replacer
	r.mu.Unlock()
	if replacer == nil {
		return text
	}
	return replacer.Replace(text)
}

// Excerpt is Text of a short text whose parts may have been cut off, which an ellipsis
// shows: the beginning of a value before one is replaced too.
func (r *Redactor) Excerpt(text string) string {
	text = r.Text(text)
	if r == nil || !strings.Contains(text, "…") {
		return text
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	parts := strings.SplitAfter(text, "…")
	for i, part := range parts {
		if before, cut := strings.CutSuffix(part, "…"); cut {
			parts[i] = r.withoutBeginning(before) + "…"
		}
	}
	return strings.Join(parts, "")
}

// withoutBeginning replaces the longest beginning of a value that the text ends with.
func (r *Redactor) withoutBeginning(text string) string {
	longest := 0
	for _, form := range r.forms {
		for n := min(len(form), len(text)); n > max(longest, MinRedacted-1); n-- {
			if strings.HasSuffix(text, form[:n]) {
				longest = n
			}
		}
	}
	if longest == 0 {
		return text
	}
	return text[:len(text)-longest] + Mask
}

// Bytes is Text of bytes.
func (r *Redactor) Bytes(text []byte) []byte { return []byte(r.Text(string(text))) }

// Value is a value of expressions with every text in it replaced, keys too, and
// every number that is one of the values. It changes nothing in value.
func (r *Redactor) Value(value any) any {
	switch value := value.(type) {
	case string:
		return r.Text(value)
	case []any:
		items := make([]any, len(value))
		for i, item := range value {
			items[i] = r.Value(item)
		}
		return items
	case map[string]any:
		members := make(map[string]any, len(value))
		for key, member := range value {
			members[r.Text(key)] = r.Value(member)
		}
		return members
	case nil, bool:
		return value
	}
	text, err := expression.Encode(value)
	if err != nil || r.Text(string(text)) == string(text) {
		return value
	}
	return r.Text(string(text))
}
