package notify

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"lazaret.dev/lazaret/policies"
)

// Headers of a webhook. A receiver computes [Sign] over the timestamp and the body
// with the shared secret, compares in constant time, and refuses old timestamps
// and ids that it has seen.
const (
	HeaderID        = "X-Lazaret-Id"
	HeaderTimestamp = "X-Lazaret-Timestamp" // seconds since 1970
	HeaderSignature = "X-Lazaret-Signature" // v1=HEX
)

// Sign is the signature of a body sent at a time.
func Sign(secret, timestamp string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(timestamp + "."))
	mac.Write(body)
	return "v1=" + hex.EncodeToString(mac.Sum(nil))
}

// post sends the message as JSON; Slack's form has a text alone.
func (t Transport) post(ctx context.Context, target policies.NotifyTarget, secret string, m Message) error {
	var body []byte
	var err error
	if target.Type == "slack" {
		body, err = json.Marshal(map[string]string{"text": escapeSlack(m.title() + "\n" + m.plain())})
	} else {
		body, err = json.Marshal(m)
	}
	if err != nil {
		return err
	}
	connect, err := dialer(target)
	if err != nil {
		return err
	}
	transport := &http.Transport{
		DialContext: connect.DialContext, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: t.Roots},
		TLSHandshakeTimeout: 10 * time.Second, ResponseHeaderTimeout: 20 * time.Second, MaxResponseHeaderBytes: 64 << 10,
	}
	defer transport.CloseIdleConnections()
	client := &retryablehttp.Client{
		HTTPClient: &http.Client{
			Transport: transport,
			// A redirect would carry the message to another place.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		RetryMax: attempts - 1, RetryWaitMin: t.wait(), RetryWaitMax: 8 * t.wait(),
		CheckRetry: retryablehttp.DefaultRetryPolicy, Backoff: retryablehttp.DefaultBackoff, ErrorHandler: retryablehttp.PassthroughErrorHandler,
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, target.URL, bytes.NewReader(body))
	if err != nil {
		return errors.New("its url is not one")
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "lazaret")
	if target.Type == "webhook" {
		now := strconv.FormatInt(time.Now().Unix(), 10)
		request.Header.Set(HeaderID, m.ID)
		request.Header.Set(HeaderTimestamp, now)
		if secret != "" {
			request.Header.Set(HeaderSignature, Sign(secret, now, body))
		}
	}
	repeated, err := retryablehttp.FromRequest(request)
	if err != nil {
		return err
	}
	response, err := client.Do(repeated)
	if response != nil {
		_, _ = io.CopyN(io.Discard, response.Body, 64<<10)
		_ = response.Body.Close()
	}
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", request.URL.Host, withoutURL(err))
	case response.StatusCode < 200 || response.StatusCode > 299:
		return fmt.Errorf("%s answered %d", request.URL.Host, response.StatusCode)
	}
	return nil
}

// withoutURL is the cause of a failed request, without the URL around it.
func withoutURL(err error) error {
	if wrong, ok := errors.AsType[*url.Error](err); ok {
		return wrong.Err
	}
	return err
}

// escapeSlack leaves Slack nothing to make a link or a mention of.
func escapeSlack(text string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(text)
}
