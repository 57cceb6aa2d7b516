package calls

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/hashicorp/go-retryablehttp"
	"golang.org/x/net/http/httpguts"

	"lazaret.dev/lazaret/activities/secrets"
)

// Result is an answer, in the form that the definition asks for.
type Result struct {
	Output any
	Status int
	Host   string // host:port that answered
	Method string
}

// HTTP makes one request. Its arguments are those of contract.Call. What redact
// knows, and every credential that the request carries, is replaced in the result
// and in the error, which is a *Fault or the context's. secret says that the
// arguments hold values of secrets.
func (c *Client) HTTP(ctx context.Context, arguments Arguments, redact *secrets.Redactor, secret bool) (Result, error) {
	s := &session{Client: c, redact: redact, secret: secret}
	return s.bounded(ctx, func(ctx context.Context) (Result, error) {
		request, err := s.httpRequest(arguments)
		if err != nil {
			return Result{}, err
		}
		return s.call(ctx, request)
	})
}

// bounded gives a call its time, and keeps secrets out of its error.
func (s *session) bounded(ctx context.Context, call func(context.Context) (Result, error)) (Result, error) {
	limited, cancel := context.WithTimeout(ctx, s.options.Timeout)
	defer cancel()
	result, err := call(limited)
	if err == nil {
		return result, nil
	}
	if ctx.Err() != nil {
		return result, ctx.Err()
	}
	if limited.Err() != nil {
		err = fault(TooSlow, nil, "the call took longer than %s", s.options.Timeout)
	}
	return result, s.hide(err)
}

// request is what goes out.
type request struct {
	method         string
	url            *url.URL
	headers        []pair // the definition's own
	contentType    string // of body, unless a header says it
	body           []byte
	authentication map[string]any
	output         string
	redirect       bool
	limit          int // bytes of the answer's body; MaxBody when 0
}

func (s *session) httpRequest(a Arguments) (*request, error) {
	r := &request{}
	var err error
	if r.method, err = a.text("method", true); err != nil {
		return nil, err
	}
	uri, err := a.text("uri", true)
	if err != nil {
		return nil, err
	}
	if r.url, err = s.target(uri); err != nil {
		return nil, err
	}
	query, err := a.texts("query")
	if err != nil {
		return nil, err
	}
	r.addQuery(query)
	if r.headers, err = a.texts("headers"); err != nil {
		return nil, err
	}
	if err := r.answer(a); err != nil {
		return nil, err
	}
	if r.authentication, err = a.object("authentication"); err != nil {
		return nil, err
	}
	if body, ok := a["body"]; ok {
		if r.body, r.contentType, err = encodeBody(body, r.header("Content-Type")); err != nil {
			return nil, err
		}
	}
	return r, r.check()
}

// answer reads what the definition wants of the answer.
func (r *request) answer(a Arguments) (err error) {
	if r.output, err = a.text("output", false); err != nil {
		return err
	}
	r.redirect, err = a.flag("redirect")
	return err
}

// addQuery adds parameters to those that the URL has.
func (r *request) addQuery(pairs []pair) {
	for _, p := range pairs {
		if r.url.RawQuery != "" {
			r.url.RawQuery += "&"
		}
		r.url.RawQuery += url.QueryEscape(p.name) + "=" + url.QueryEscape(p.text)
	}
}

func (r *request) header(name string) string {
	for _, h := range r.headers {
		if strings.EqualFold(h.name, name) {
			return h.text
		}
	}
	return ""
}

// ownHeaders are set by the client alone: what they say decides where a request
// ends or who reads it.
var ownHeaders = map[string]bool{
	"Connection": true, "Content-Length": true, "Expect": true, "Host": true, "Keep-Alive": true, "Proxy-Authorization": true,
	"Proxy-Connection": true, "Te": true, "Trailer": true, "Transfer-Encoding": true, "Upgrade": true,
}

func (r *request) check() error {
	r.method = strings.ToUpper(r.method)
	if !httpguts.ValidHeaderFieldName(r.method) || r.method == http.MethodConnect {
		return fault(Invalid, nil, "method %s is none of HTTP", quoted(r.method))
	}
	for _, h := range r.headers {
		switch {
		case !httpguts.ValidHeaderFieldName(h.name):
			return fault(Invalid, nil, "header %s is none of HTTP", quoted(h.name))
		case ownHeaders[http.CanonicalHeaderKey(h.name)]:
			return fault(Invalid, nil, "header %s is set by the worker itself", quoted(h.name))
		case !httpguts.ValidHeaderFieldValue(h.text):
			return fault(Invalid, nil, "header %s has a line break or another control character in its value", quoted(h.name))
		}
	}
	return nil
}

// idempotent says whether the request may be sent twice (RFC 9110, 9.2.2).
func (r *request) idempotent() bool {
	switch r.method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace, http.MethodPut, http.MethodDelete:
		return true
	}
	return false
}

// call sends a request and takes the answer.
func (s *session) call(ctx context.Context, r *request) (Result, error) {
	result := Result{Host: authority(r.url), Method: r.method}
	response, err := s.ask(ctx, r)
	if err != nil {
		return result, err
	}
	defer func() { _ = response.Body.Close() }()
	result.Status = response.StatusCode
	result.Output, err = s.take(r, response)
	return result, err
}

// ask sends a request with its credentials. The caller closes the answer's body.
func (s *session) ask(ctx context.Context, r *request) (*http.Response, error) {
	if s.secret || r.authentication != nil {
		if err := s.confidential(r.url); err != nil {
			return nil, err
		}
	}
	authorize, err := s.authorizer(r.authentication)
	if err != nil {
		return nil, err
	}
	return s.send(ctx, r, authorize)
}

// send sends the request, twice where a challenge or an old token asks for it.
func (s *session) send(ctx context.Context, r *request, authorize authorizer) (*http.Response, error) {
	if r.idempotent() {
		ctx = context.WithValue(ctx, idempotentKey{}, true)
	}
	for attempt := 0; ; attempt++ {
		outgoing, err := r.build(ctx)
		if err != nil {
			return nil, err
		}
		if err := authorize.authorize(ctx, outgoing.Request); err != nil {
			return nil, err
		}
		response, err := s.http.Do(outgoing)
		if err != nil {
			return nil, explain(r.url, err)
		}
		if response.StatusCode != http.StatusUnauthorized || attempt > 0 || !authorize.again(response) {
			return response, nil
		}
		_ = response.Body.Close()
	}
}

func (r *request) build(ctx context.Context) (*retryablehttp.Request, error) {
	var body any
	if r.body != nil {
		body = r.body
	}
	outgoing, err := retryablehttp.NewRequestWithContext(ctx, r.method, r.url.String(), body)
	if err != nil {
		return nil, fault(Invalid, nil, "%s cannot be requested", place(r.url))
	}
	outgoing.Header.Set("User-Agent", "lazaret")
	outgoing.Header.Set("Accept-Encoding", "identity")
	if r.contentType != "" {
		outgoing.Header.Set("Content-Type", r.contentType)
	}
	for _, h := range r.headers {
		outgoing.Header.Set(h.name, h.text)
	}
	return outgoing, nil
}

// hide replaces secrets in an error's text.
func (s *session) hide(err error) error {
	if s.redact == nil {
		return err
	}
	f, ok := errors.AsType[*Fault](err)
	if !ok {
		f = fault(Failed, err, "call")
	}
	hidden := *f
	hidden.Detail, hidden.Err = s.redact.Excerpt(f.Error()), nil
	return &hidden
}
