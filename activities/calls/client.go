package calls

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"lazaret.dev/lazaret/activities/secrets"
	"lazaret.dev/lazaret/sandbox/egress"
)

const (
	// DefaultTimeout bounds a request from the first name lookup to the last byte.
	DefaultTimeout = 5 * time.Minute
	// MaxBody bounds the body of an answer, in bytes.
	MaxBody    = 1 << 20
	maxHeaders = 64 << 10
	maxURL     = 16 << 10
)

// Options say how calls reach the outside. The zero Options reach nothing.
type Options struct {
	Rules    []egress.Rule   // hosts, and addresses that are not public
	Roots    *x509.CertPool  // of certificates; this machine's when nil
	Timeout  time.Duration   // DefaultTimeout when zero
	Resolver egress.Resolver // this machine's when nil
	// Overrides lead a permitted host:port to an address of the operator's choice,
	// which is not judged.
	Overrides map[string]string
	// Plaintext are the services that are reached without TLS, where their protocol
	// does not say: gRPC. Each names a port.
	Plaintext []egress.Rule
	// Folders of this machine, as absolute paths, may hold documents that describe
	// services.
	Folders []string
}

// Client makes requests. It is safe for concurrent use and keeps connections
// and tokens until it is closed.
type Client struct {
	options Options
	dialer  *egress.Dialer
	http    *retryablehttp.Client
	tokens  tokens
}

// New makes a client.
func New(options Options) *Client {
	if options.Timeout == 0 {
		options.Timeout = DefaultTimeout
	}
	c := &Client{options: options, dialer: &egress.Dialer{Rules: options.Rules, Resolver: options.Resolver, Overrides: options.Overrides}}
	c.http = &retryablehttp.Client{
		HTTPClient: &http.Client{
			Transport: &http.Transport{
				DialContext:            c.dial,
				TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: options.Roots},
				DisableCompression:     true,
				MaxResponseHeaderBytes: maxHeaders,
				MaxIdleConnsPerHost:    4,
				IdleConnTimeout:        30 * time.Second,
				TLSHandshakeTimeout:    20 * time.Second,
			},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		RetryMax:     2,
		RetryWaitMin: 100 * time.Millisecond,
		RetryWaitMax: time.Second,
		CheckRetry:   mayPass,
		Backoff:      retryablehttp.DefaultBackoff,
		ErrorHandler: retryablehttp.PassthroughErrorHandler,
	}
	return c
}

// Close gives up the connections that are idle.
func (c *Client) Close() { c.http.HTTPClient.CloseIdleConnections() }

// dial connects to a permitted host, or where the operator leads it.
func (c *Client) dial(ctx context.Context, network, hostPort string) (net.Conn, error) {
	return c.dialer.DialContext(ctx, network, hostPort)
}

// idempotentKey marks the context of a request that may be sent twice.
type idempotentKey struct{}

// mayPass lets a request be sent again that could not be sent: the host's name
// was not found or nobody listened. Every answer is final.
func mayPass(ctx context.Context, _ *http.Response, err error) (bool, error) {
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	if err == nil || ctx.Value(idempotentKey{}) == nil {
		return false, nil
	}
	var denial *egress.Denial
	var op *net.OpError
	return !errors.As(err, &denial) && errors.As(err, &op) && op.Op == "dial", nil
}

// target reads and judges the URL of a request, before anything is connected.
func (c *Client) target(text string) (*url.URL, error) {
	if len(text) > maxURL {
		return nil, fault(Invalid, nil, "URL of %d bytes, over the limit of %d", len(text), maxURL)
	}
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return nil, fault(Invalid, nil, "URL %.100q cannot be read", text)
	case u.Scheme != "https" && u.Scheme != "http":
		return nil, fault(Invalid, nil, "URL %.100q is none of HTTP; begin it with https://", text)
	case u.User != nil:
		return nil, fault(Invalid, nil, "URL with a user name or password; use authentication")
	case u.Hostname() == "" || u.Opaque != "":
		return nil, fault(Invalid, nil, "URL %.100q has no host", text)
	}
	u.Fragment = ""
	return u, c.permitted(u)
}

func (c *Client) permitted(u *url.URL) error {
	err := c.dialer.Permits(authority(u))
	denial, ok := errors.AsType[*egress.Denial](err)
	switch {
	case !ok:
		return err
	case denial.Kind == egress.Malformed: // no rule could name it
		return denied(denial, "write the host as a name, or an address in its usual form")
	}
	return denied(denial, "the operator may permit the host with --call-host "+u.Host+", at a level that opens it")
}

// confidential refuses to send what is secret in the clear, unless the operator
// has listed the very port.
func (c *Client) confidential(u *url.URL) error {
	if u.Scheme == "https" || c.listedInTheClear(authority(u)) {
		return nil
	}
	return fault(Unauthenticated, nil, "credentials and secrets are not sent over plain HTTP to %s; use https, or the operator may list it with its port, --call-host %s", u.Host, authority(u))
}

// listedInTheClear says whether the operator has listed the very port.
func (c *Client) listedInTheClear(hostPort string) bool {
	exact := &egress.Dialer{}
	for _, r := range slices.Concat(c.options.Rules, c.options.Plaintext) {
		if len(r.Ports()) == 1 {
			exact.Rules = append(exact.Rules, r)
		}
	}
	return exact.Permits(hostPort) == nil
}

// plaintext says whether the operator has the service at host:port without TLS.
func (c *Client) plaintext(hostPort string) bool {
	return (&egress.Dialer{Rules: c.options.Plaintext}).Permits(hostPort) == nil
}

// authority is the host and port that a URL leads to.
func authority(u *url.URL) string {
	port := u.Port()
	if port == "" && u.Scheme == "http" {
		port = "80"
	} else if port == "" {
		port = "443"
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// place is a URL as messages show it.
func place(u *url.URL) string {
	shown := url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}
	return shown.String()
}

// session is one call: what it must not show, and what it has been given.
type session struct {
	*Client
	redact *secrets.Redactor
	secret bool // the request holds secrets that the definition read
}
