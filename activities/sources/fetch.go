package sources

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"lazaret.dev/lazaret/sandbox/egress"
)

// MaxScript bounds a script, in bytes.
const MaxScript = 1 << 20

// maxHops bounds the redirects that are followed.
const maxHops = 5

// DefaultTimeout bounds a fetch from the first name lookup to the last byte,
// with everything that is tried again in between.
const DefaultTimeout = 30 * time.Second

// Fetcher fetches texts over HTTPS. The zero Fetcher is refused every host. It
// is safe for concurrent use and keeps no connections.
type Fetcher struct {
	Rules    []egress.Rule   // hosts, and addresses that are not public
	Roots    *x509.CertPool  // of certificates; this machine's when nil
	Timeout  time.Duration   // DefaultTimeout when zero
	Resolver egress.Resolver // this machine's when nil
	// Overrides lead a permitted host:port to an address of the operator's choice,
	// which is not judged.
	Overrides map[string]string
}

// Fetch gets the text at a URL. Its error is a *Fault.
func (f *Fetcher) Fetch(ctx context.Context, text string, limit int64) ([]byte, error) {
	u, err := f.permit(text)
	if err != nil {
		return nil, err
	}
	timeout := f.Timeout
	if timeout == 0 {
		timeout = DefaultTimeout
	}
	limited, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	content, err := f.get(limited, u, limit)
	if err != nil && limited.Err() != nil && ctx.Err() == nil {
		return nil, fault(TooSlow, nil, "%s took longer than %s", place(u), timeout)
	}
	return content, err
}

// permit reads a URL and judges it, without connecting to anything.
func (f *Fetcher) permit(text string) (*url.URL, error) {
	u, err := parse(text)
	if err != nil {
		return nil, err
	}
	return u, permitted(f.dialer(), u)
}

func (f *Fetcher) dialer() *egress.Dialer {
	return &egress.Dialer{Rules: f.Rules, Resolver: f.Resolver, Overrides: f.Overrides}
}

func (f *Fetcher) get(ctx context.Context, u *url.URL, limit int64) ([]byte, error) {
	client := f.client()
	defer client.HTTPClient.CloseIdleConnections()
	request, err := retryablehttp.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, fault(BadURL, nil, "script URL %.80q cannot be read", place(u))
	}
	request.Header.Set("User-Agent", "lazaret")
	request.Header.Set("Accept-Encoding", "identity")
	response, err := client.Do(request)
	if err != nil {
		return nil, explain(u, err)
	}
	defer func() { _ = response.Body.Close() }()
	return read(u, response, limit)
}

// client tries three times what may pass: a host that does not answer or says
// that it is busy. It follows redirects to permitted hosts, over HTTPS.
func (f *Fetcher) client() *retryablehttp.Client {
	dialer := f.dialer()
	return &retryablehttp.Client{
		HTTPClient: &http.Client{
			Transport: &http.Transport{
				DialContext:            dialer.DialContext,
				TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: f.Roots},
				DisableCompression:     true,
				MaxResponseHeaderBytes: 64 << 10,
			},
			CheckRedirect: func(next *http.Request, past []*http.Request) error { return checkHop(dialer, next, len(past)) },
		},
		RetryMax:     2,
		RetryWaitMin: 200 * time.Millisecond,
		RetryWaitMax: 2 * time.Second,
		CheckRetry:   mayPass,
		Backoff:      retryablehttp.DefaultBackoff,
		ErrorHandler: retryablehttp.PassthroughErrorHandler,
	}
}

func checkHop(dialer *egress.Dialer, next *http.Request, hops int) error {
	next.Header.Del("Referer") // it holds the query
	if hops > maxHops {
		return fault(BadContent, nil, "more than %d redirects", maxHops)
	}
	if err := checkURL(next.URL); err != nil {
		return err
	}
	return permitted(dialer, next.URL)
}

// mayPass says what is worth another try: not what was judged, nor a host that
// cannot show who it is.
func mayPass(ctx context.Context, response *http.Response, err error) (bool, error) {
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	if err != nil {
		return !judged(err) && !unproven(err), nil
	}
	return response.StatusCode == http.StatusTooManyRequests || response.StatusCode >= http.StatusInternalServerError, nil
}

func judged(err error) bool {
	var known *Fault
	var denial *egress.Denial
	return errors.As(err, &known) || errors.As(err, &denial)
}

func unproven(err error) bool {
	var certificate *tls.CertificateVerificationError
	return errors.As(err, &certificate)
}

// explain says why a host did not answer.
func explain(u *url.URL, err error) error {
	var known *Fault
	var denial *egress.Denial
	var op *net.OpError
	var outer *url.Error
	switch {
	case errors.As(err, &known):
		return known
	case errors.As(err, &denial):
		return fault(Refused, denial, "script host; the operator may permit the address with --private-network")
	case unproven(err):
		var certificate *tls.CertificateVerificationError
		errors.As(err, &certificate)
		return fault(Unreachable, certificate.Err, "%s cannot show who it is", place(u))
	case errors.As(err, &op):
		return fault(Unreachable, op, "%s is not reached", place(u))
	case errors.As(err, &outer): // without the URL, which it repeats
		return fault(Unreachable, outer.Err, "%s is not reached", place(u))
	}
	return fault(Unreachable, err, "%s is not reached", place(u))
}
