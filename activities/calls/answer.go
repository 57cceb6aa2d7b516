package calls

import (
	"encoding/base64"
	"errors"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/encoding/htmlindex"

	"lazaret.dev/lazaret/workflows/expression"
)

// take makes the task's output of an answer, or the error that it is.
func (s *session) take(r *request, response *http.Response) (any, error) {
	content, err := s.read(r, response)
	if err != nil {
		return nil, err
	}
	limit := http.StatusMultipleChoices
	if r.redirect {
		limit = http.StatusBadRequest
	}
	if response.StatusCode < http.StatusOK || response.StatusCode >= limit {
		return nil, s.refusal(r, response, content)
	}
	switch r.output {
	case "raw":
		return base64.StdEncoding.EncodeToString(s.redact.Bytes(content)), nil
	case "response":
		return s.whole(r, response, content)
	}
	return s.content(r, response, content)
}

// read takes the body, or says why it cannot. What is longer than the limit is
// cut off there, not after it has come.
func (s *session) read(r *request, response *http.Response) ([]byte, error) {
	if encoding := response.Header.Get("Content-Encoding"); encoding != "" && encoding != "identity" {
		return nil, fault(Failed, nil, "%s is compressed (%.20q), though plain content was asked for", place(r.url), encoding)
	}
	limit := r.maxBody()
	if response.ContentLength > int64(limit) && r.method != http.MethodHead {
		return nil, tooLong(r)
	}
	content, err := io.ReadAll(io.LimitReader(response.Body, int64(limit)+1))
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return nil, fault(Failed, nil, "%s ended before all of it had come", place(r.url))
	case err != nil:
		return nil, fault(Failed, err, "%s broke off", place(r.url))
	case len(content) > limit:
		return nil, tooLong(r)
	}
	return content, nil
}

func tooLong(r *request) error {
	return fault(Failed, nil, "%s answers with more than %d bytes, the limit; ask for less, or for a page of it", place(r.url), r.maxBody())
}

func (r *request) maxBody() int {
	if r.limit == 0 {
		return MaxBody
	}
	return r.limit
}

// refusal is an answer whose status is an error.
func (s *session) refusal(r *request, response *http.Response, content []byte) error {
	f := fault(Failed, nil, "%s %s answers with status %s", r.method, place(r.url), statusText(response.StatusCode))
	f.Status = response.StatusCode
	if response.StatusCode >= 300 && response.StatusCode < 400 && response.Header.Get("Location") != "" {
		f.Detail += ", a redirect, which is not followed"
		return f
	}
	if excerpt := oneLine(s.redact.Text(string(content))); excerpt != "" {
		f.Detail += ": " + excerpt
	}
	return f
}

// statusText is a status with its name, if it has one.
func statusText(status int) string {
	text := strconv.Itoa(status)
	if name := http.StatusText(status); name != "" {
		text += " " + name
	}
	return text
}

// maxExcerpt bounds what an error shows of an answer.
const maxExcerpt = 400

// oneLine is the beginning of a hostile text, printable and in one line.
func oneLine(text string) string {
	cut := len(text) > 4*maxExcerpt
	if cut {
		text = text[:4*maxExcerpt]
	}
	text = strings.Join(strings.FieldsFunc(text, func(c rune) bool { return unicode.IsSpace(c) || c == utf8.RuneError || !unicode.IsPrint(c) }), " ")
	if len(text) > maxExcerpt {
		text, cut = strings.ToValidUTF8(text[:maxExcerpt], ""), true
	}
	if cut {
		text += "…"
	}
	return text
}

// whole is the output form response.
func (s *session) whole(r *request, response *http.Response, content []byte) (any, error) {
	value, err := s.content(r, response, content)
	if err != nil {
		return nil, err
	}
	sent := map[string]any{}
	if r.contentType != "" {
		sent["Content-Type"] = r.contentType
	}
	for _, h := range r.headers {
		sent[http.CanonicalHeaderKey(h.name)] = h.text
	}
	received := map[string]any{}
	for name, values := range response.Header {
		received[name] = strings.ToValidUTF8(strings.Join(values, ", "), "�")
	}
	return map[string]any{
		"request":    s.redact.Value(map[string]any{"method": r.method, "uri": r.url.String(), "headers": sent}),
		"statusCode": response.StatusCode,
		"headers":    s.redact.Value(received),
		"content":    value,
	}, nil
}

// content is the body as its type says: JSON a value, text a string, anything
// else base64.
func (s *session) content(r *request, response *http.Response, content []byte) (any, error) {
	if len(content) == 0 {
		return nil, nil
	}
	media, parameters, err := mime.ParseMediaType(response.Header.Get("Content-Type"))
	if err != nil {
		media, parameters = "", nil
	}
	switch {
	case isJSON(media):
		return s.json(r, content)
	case isText(media):
		text, err := decodeText(content, parameters["charset"])
		if err != nil {
			return nil, fault(Failed, err, "%s answers with text that cannot be read; ask for output: raw", place(r.url))
		}
		return s.redact.Text(text), nil
	case media == "" && utf8.Valid(content):
		return s.redact.Text(string(content)), nil
	}
	return base64.StdEncoding.EncodeToString(s.redact.Bytes(content)), nil
}

func (s *session) json(r *request, content []byte) (any, error) {
	value, err := expression.Decode(content)
	if err != nil {
		return nil, fault(Failed, nil, "%s answers with JSON that cannot be read; ask for output: raw", place(r.url))
	}
	return s.redact.Value(value), nil
}

// decodeText reads text in its charset, which is UTF-8 unless it is named.
func decodeText(content []byte, charset string) (string, error) {
	if charset == "" {
		charset = "utf-8"
	}
	encoding, err := htmlindex.Get(charset)
	if err != nil {
		return "", fault(Failed, nil, "unknown charset %s", quoted(charset))
	}
	if name, _ := htmlindex.Name(encoding); name == "utf-8" {
		if !utf8.Valid(content) {
			return "", fault(Failed, nil, "it is not UTF-8")
		}
		return strings.TrimPrefix(string(content), "\ufeff"), nil
	}
	text, err := encoding.NewDecoder().Bytes(content)
	return string(text), err
}
