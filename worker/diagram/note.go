package diagram

import (
	"encoding/json"
	"strings"
	"unicode"
	"unicode/utf8"

	"lazaret.dev/lazaret/workflows/definition"
)

// maxText bounds a name or a note, in characters.
const maxText = 48

// note is what a task is about, in a line.
func note(t *definition.Task) string {
	var parts []string
	if t.If != nil {
		parts = append(parts, "if "+written(t.Raw, "if"))
	}
	switch body := t.Body.(type) {
	case *definition.For:
		parts = append(parts, body.Each+" in "+written(t.Raw, "for", "in"))
	case *definition.Wait:
		parts = append(parts, written(t.Raw, "wait"))
	case *definition.RunScript:
		parts = append(parts, body.Language)
	case *definition.RunWorkflow:
		parts = append(parts, body.Namespace+"/"+body.Name+":"+body.Version)
	case *definition.Raise:
		parts = append(parts, written(t.Raw, "raise", "error", "type"))
	case *definition.Fork:
		if body.Compete {
			parts = append(parts, "the first to complete wins")
		}
	case *definition.Try:
		if body.Catch.Retry != nil {
			parts = append(parts, "with retries")
		}
	default:
	}
	return short(strings.TrimSpace(strings.Join(parts, " · ")))
}

// written is a part of a task as it stands in the document.
func written(raw map[string]any, path ...string) string {
	var v any = raw
	for _, key := range path {
		object, _ := v.(map[string]any)
		if v = object[key]; object == nil {
			return ""
		}
	}
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	}
	text, _ := json.Marshal(v)
	return string(text)
}

// short is text as one printable line of bounded length.
func short(text string) string {
	text = strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r) || r == utf8.RuneError:
			return -1
		}
		return r
	}, text)), " ")
	if utf8.RuneCountInString(text) > maxText {
		text = string([]rune(text)[:maxText-1]) + "…"
	}
	return text
}
