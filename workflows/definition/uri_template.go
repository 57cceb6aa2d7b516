package definition

import (
	"fmt"
	"strings"

	"lazaret.dev/lazaret/workflows/expression"
)

// URITemplate is a URI with variables in braces, which stand for properties of
// the task's input (RFC 6570, simple expansion: all that the DSL has). It is
// immutable.
type URITemplate struct {
	parts []string // literals and names by turns, a literal first
}

// parseURITemplate reads a URI template, or says where and why it cannot.
func parseURITemplate(text string) (t *URITemplate, offset int, reason string) {
	t = &URITemplate{}
	for at := 0; ; {
		literal, rest, found := strings.Cut(text[at:], "{")
		if i := strings.IndexByte(literal, '}'); i >= 0 {
			return nil, at + i, "a closing brace without an opening one"
		}
		t.parts = append(t.parts, literal)
		if !found {
			return t, 0, ""
		}
		at += len(literal)
		name, _, closed := strings.Cut(rest, "}")
		if reason := badVariable(name, closed); reason != "" {
			return nil, at, reason
		}
		t.parts = append(t.parts, name)
		at += len(name) + len("{}")
	}
}

// Written is the part of the URI before its first variable, and whether that is all.
func (t *URITemplate) Written() (prefix string, whole bool) { return t.parts[0], len(t.parts) == 1 }

// badVariable says what is wrong with what stands in braces.
func badVariable(name string, closed bool) string {
	switch {
	case !closed:
		return "an opening brace without a closing one"
	case name == "":
		return "braces without a name"
	case strings.ContainsAny(name[:1], "+#./;?&=,!@|"):
		return fmt.Sprintf("{%s}: a name alone stands in braces; the DSL has no operators of RFC 6570", preview(name))
	}
	for _, c := range name {
		if !isLetterOrDigit(c) && !strings.ContainsRune("_.-", c) {
			return fmt.Sprintf("{%s}: a name alone stands in braces, of letters, digits, \"_\", \"-\" and \".\"", preview(name))
		}
	}
	return ""
}

// Expand is the URI for an input. A name is a property of the input itself, dots
// and all; one that is not there, or null, stands for nothing. Its error names a
// property that is an object or an array.
func (t *URITemplate) Expand(input any) (string, error) {
	object, _ := input.(map[string]any)
	var b strings.Builder
	for i, part := range t.parts {
		if i%2 == 0 {
			b.WriteString(part)
			continue
		}
		text, err := uriText(object[part])
		if err != nil {
			return "", fmt.Errorf("URI template: {%s} %w", part, err)
		}
		escapeURI(&b, text)
	}
	return b.String(), nil
}

func uriText(value any) (string, error) {
	switch value := value.(type) {
	case nil:
		return "", nil
	case string:
		return value, nil
	case []any:
		return "", fmt.Errorf("is an array; it must be a string, a number or a boolean")
	case map[string]any:
		return "", fmt.Errorf("is an object; it must be a string, a number or a boolean")
	}
	text, err := expression.Encode(value)
	return string(text), err
}

// escapeURI writes text with everything but RFC 3986's unreserved characters
// percent-encoded.
func escapeURI(b *strings.Builder, text string) {
	for i := range len(text) {
		c := text[i]
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-._~", c) >= 0 {
			b.WriteByte(c)
			continue
		}
		fmt.Fprintf(b, "%%%02X", c)
	}
}
