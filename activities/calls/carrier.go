package calls

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"sync"

	"github.com/hashicorp/go-retryablehttp"
)

// maxExchange bounds all that a server answers in one session of a protocol over
// HTTP, in bytes.
const maxExchange = 4 * MaxBody

// carrier carries the requests of another protocol's library: to one place alone,
// with the call's headers and credentials, within bounds. It keeps what went
// wrong, which such libraries only put into words.
type carrier struct {
	*session
	to        *url.URL
	headers   []pair
	authorize authorizer

	mu     sync.Mutex
	code   int   // of the last answer
	failed error // why the last request has no answer that can be used
	left   int64 // bytes
}

// carrier reads where a protocol over HTTP is spoken: uri, headers, authentication.
func (s *session) carrier(a Arguments) (*url.URL, *carrier, error) {
	text, err := a.text("uri", true)
	if err != nil {
		return nil, nil, err
	}
	r := &request{method: http.MethodPost}
	if r.url, err = s.target(text); err != nil {
		return nil, nil, err
	}
	if r.headers, err = a.texts("headers"); err != nil {
		return nil, nil, err
	}
	if err := r.check(); err != nil {
		return nil, nil, err
	}
	policy, err := a.object("authentication")
	if err != nil {
		return nil, nil, err
	}
	if s.secret || policy != nil {
		if err := s.confidential(r.url); err != nil {
			return nil, nil, err
		}
	}
	authorize, err := s.authorizer(policy)
	if err != nil {
		return nil, nil, err
	}
	return r.url, &carrier{session: s, to: r.url, headers: r.headers, authorize: authorize, left: maxExchange}, nil
}

// stay follows no redirect: its answer is the answer.
func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// RoundTrip sends a request of the library's; it is http.RoundTripper's.
func (c *carrier) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := c.carry(r)
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		c.failed = explain(c.to, err)
		return nil, c.failed
	}
	c.code = response.StatusCode
	if response.StatusCode != http.StatusSwitchingProtocols { // what is spoken then is not HTTP's
		response.Body = &countedBody{response.Body, c}
	}
	return response, nil
}

func (c *carrier) carry(r *http.Request) (*http.Response, error) {
	if r.URL.Scheme != c.to.Scheme || r.URL.Host != c.to.Host {
		return nil, fault(Failed, nil, "%s would lead elsewhere", place(c.to))
	}
	for attempt := 0; ; attempt++ {
		outgoing, err := c.outgoing(r)
		if err != nil {
			return nil, err
		}
		response, err := c.http.Do(outgoing)
		if err != nil {
			return nil, err
		}
		if response.StatusCode == http.StatusUnauthorized && attempt == 0 && c.authorize.again(response) {
			_ = response.Body.Close()
			continue
		}
		if encoding := response.Header.Get("Content-Encoding"); encoding != "" && encoding != "identity" {
			_ = response.Body.Close()
			return nil, fault(Failed, nil, "%s is compressed (%.20q), though plain content was asked for", place(c.to), encoding)
		}
		return response, nil
	}
}

func (c *carrier) outgoing(r *http.Request) (*retryablehttp.Request, error) {
	copied := r.Clone(r.Context())
	if r.GetBody != nil {
		body, err := r.GetBody()
		if err != nil {
			return nil, err
		}
		copied.Body = body
	}
	outgoing, err := retryablehttp.FromRequest(copied)
	if err != nil {
		return nil, err
	}
	for _, h := range c.headers {
		outgoing.Header.Set(h.name, h.text)
	}
	outgoing.Header.Set("User-Agent", "lazaret")
	outgoing.Header.Set("Accept-Encoding", "identity")
	return outgoing, c.authorize.authorize(r.Context(), outgoing.Request)
}

// status is that of the last answer.
func (c *carrier) status() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.code
}

// failure is why the exchange failed on the way: a request without an answer, or
// an answer whose status is an error. It is nil where the way was open.
func (c *carrier) failure() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.failed != nil:
		return c.failed
	case c.code >= http.StatusMultipleChoices:
		f := fault(Failed, nil, "%s answers with status %s", place(c.to), statusText(c.code))
		f.Status = c.code
		return f
	}
	return nil
}

// countedBody is an answer's body; more than all answers may have breaks it off.
type countedBody struct {
	io.ReadCloser
	carrier *carrier
}

func (b *countedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.carrier.mu.Lock()
	defer b.carrier.mu.Unlock()
	if b.carrier.left -= int64(n); b.carrier.left < 0 {
		b.carrier.failed = fault(Failed, nil, "%s answers with more than %d bytes, the limit; ask for less", place(b.carrier.to), maxExchange)
		return 0, b.carrier.failed
	}
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, context.Canceled) {
		b.carrier.failed = fault(Failed, err, "%s broke off", place(b.carrier.to))
	}
	return n, err
}
