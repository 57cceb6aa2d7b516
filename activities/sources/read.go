package sources

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"unicode/utf8"
)

// read takes a response for a text, or says why it is none. What is longer than
// the limit is cut off there, not after it has come.
func read(u *url.URL, response *http.Response, limit int64) ([]byte, error) {
	if response.StatusCode != http.StatusOK {
		return nil, fault(Unreachable, nil, "%s answers with status %d", place(u), response.StatusCode)
	}
	if encoding := response.Header.Get("Content-Encoding"); encoding != "" && encoding != "identity" {
		return nil, fault(BadContent, nil, "%s is compressed (%.20q), though plain text was asked for", place(u), encoding)
	}
	if response.ContentLength > limit {
		return nil, tooLong(u, limit)
	}
	content, err := io.ReadAll(io.LimitReader(response.Body, limit+1))
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return nil, fault(Unreachable, nil, "%s ended before all of it had come", place(u))
	case err != nil:
		return nil, fault(Unreachable, err, "%s broke off", place(u))
	case int64(len(content)) > limit:
		return nil, tooLong(u, limit)
	case !utf8.Valid(content):
		return nil, fault(BadContent, nil, "%s is not UTF-8 text", place(u))
	}
	return content, nil
}

func tooLong(u *url.URL, limit int64) error {
	return fault(BadContent, nil, "%s is over the limit of %d bytes", place(u), limit)
}
