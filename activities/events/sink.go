package events

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/cloudevents/sdk-go/v2/binding"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"
	"github.com/hashicorp/go-retryablehttp"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/sandbox/egress"
)

// SinkClient posts events to one sink. It connects to that sink's host alone,
// and to addresses that are not public only where the operator lists them. It
// is safe for concurrent use.
type SinkClient struct {
	url    string
	binary bool
	token  string
	client *retryablehttp.Client
}

// sinkTimeout bounds one delivery, with what is tried again in between.
const sinkTimeout = 30 * time.Second

// NewSinkClient makes the client of a sink. The rules permit its host; the token
// may be empty.
func NewSinkClient(url string, binary bool, token string, rules []egress.Rule) *SinkClient {
	dialer := &egress.Dialer{Rules: rules}
	return &SinkClient{url: url, binary: binary, token: token, client: &retryablehttp.Client{
		HTTPClient: &http.Client{
			Transport: &http.Transport{DialContext: dialer.DialContext, MaxResponseHeaderBytes: 64 << 10, TLSHandshakeTimeout: 10 * time.Second},
			// A redirect would carry the event and the token to another place.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		RetryMax:     2,
		RetryWaitMin: 200 * time.Millisecond,
		RetryWaitMax: 2 * time.Second,
		CheckRetry:   retryablehttp.DefaultRetryPolicy,
		Backoff:      retryablehttp.DefaultBackoff,
		ErrorHandler: retryablehttp.PassthroughErrorHandler,
	}}
}

// Sink brings one event to one sink. What a later attempt may mend is an error
// that Temporal retries; what the sink refuses for good is a fault.
func (g *Gateway) Sink(ctx context.Context, d contract.Delivery) (contract.Decided, error) {
	book := g.book()
	decided := contract.Decided{Policy: book.policy}
	sink, known := book.sinks[d.Sink]
	if !known {
		return decided, failure(sinkFault(http.StatusNotFound, "this worker's rules have no sink %q", d.Sink))
	}
	verdict := g.judgeReceipt(book.rules, d.Envelope, contract.SinkTarget+d.Sink)
	if !verdict.Accepts() {
		return decided, failure(sinkFault(http.StatusForbidden, "sink %q (%s): %s", d.Sink, verdict.Check, verdict.Detail))
	}
	ctx, cancel := context.WithTimeout(ctx, sinkTimeout)
	defer cancel()
	status, err := sink.post(ctx, d.Envelope)
	switch {
	case err != nil:
		return decided, fmt.Errorf("sink %q: %w", d.Sink, err)
	case status >= 200 && status < 300:
		return decided, nil
	case status == http.StatusRequestTimeout || status == http.StatusTooEarly || status == http.StatusTooManyRequests || status >= 500:
		return decided, fmt.Errorf("sink %q answers with status %d", d.Sink, status)
	}
	return decided, failure(sinkFault(status, "sink %q answers with status %d", d.Sink, status))
}

func sinkFault(status int, format string, args ...any) *contract.Fault {
	return &contract.Fault{Type: contract.CommunicationError, Status: status, Title: "Communication error", Detail: fmt.Sprintf(format, args...)}
}

func (s *SinkClient) post(ctx context.Context, envelope contract.Envelope) (status int, err error) {
	e, wrong := parseStamped(envelope.Event)
	if wrong != nil {
		return 0, wrong
	}
	if s.binary {
		ctx = binding.WithForceBinary(ctx)
	} else {
		ctx = binding.WithForceStructured(ctx)
	}
	plain, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url, http.NoBody)
	if err != nil {
		return 0, err
	}
	if err := cehttp.WriteRequest(ctx, (*binding.EventMessage)(e), plain); err != nil {
		return 0, err
	}
	request, err := retryablehttp.FromRequest(plain)
	if err != nil {
		return 0, err
	}
	request.Header.Set("User-Agent", "lazaret")
	if s.token != "" {
		request.Header.Set("Authorization", "Bearer "+s.token)
	}
	response, err := s.client.Do(request)
	if err != nil {
		return 0, err
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, 64<<10)) // lets the connection be used again
	_ = response.Body.Close()
	return response.StatusCode, nil
}

// HostRule is the network rule that permits the host of a URL.
func HostRule(text string) (string, error) {
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" {
		return "", fmt.Errorf("%.100q is not the URL of a host", text)
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return net.JoinHostPort(u.Hostname(), port), nil
}
