package notify

import (
	"context"
	"crypto/x509"
	"fmt"
	"net"
	"net/url"
	"time"

	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/sandbox/egress"
)

// Transport delivers messages to targets. Its zero value reaches public addresses
// with the certificates that this machine trusts.
type Transport struct {
	// Secret resolves where a target's secret is (policies' secretFrom); nil
	// refuses targets that have one.
	Secret func(ctx context.Context, source string) (string, error)
	Roots  *x509.CertPool // nil: the system's
	// Wait is the pause before the second attempt; 0: one second. It doubles.
	Wait time.Duration
}

const (
	attempts = 3
	// deliveryTimeout bounds one delivery with all its attempts.
	deliveryTimeout = 60 * time.Second
)

// Deliver tells one target, trying again what may pass. Its error names the
// target's host and holds neither secret nor path of a URL: Slack's is a secret.
func (t Transport) Deliver(ctx context.Context, target policies.NotifyTarget, m Message) error {
	ctx, cancel := context.WithTimeout(ctx, deliveryTimeout)
	defer cancel()
	secret, err := t.secretOf(ctx, target)
	if err != nil {
		return fmt.Errorf("target %q: %w", target.Name, err)
	}
	switch target.Type {
	case "webhook", "slack":
		err = t.post(ctx, target, secret, m)
	case "smtp":
		err = t.again(ctx, func() error { return t.mail(ctx, target, secret, m) })
	case "exec":
		err = runProgram(ctx, target, secret, m)
	default:
		err = fmt.Errorf("type %q is unknown", target.Type)
	}
	if err != nil {
		return fmt.Errorf("target %q: %w", target.Name, err)
	}
	return nil
}

func (t Transport) secretOf(ctx context.Context, target policies.NotifyTarget) (string, error) {
	if target.SecretFrom == "" {
		return "", nil
	}
	if t.Secret == nil {
		return "", fmt.Errorf("secretFrom %q cannot be read here", target.SecretFrom)
	}
	return t.Secret(ctx, target.SecretFrom)
}

func (t Transport) wait() time.Duration {
	if t.Wait == 0 {
		return time.Second
	}
	return t.Wait
}

// permanent is an error that another attempt will not mend.
type permanent struct{ error }

func (p permanent) Unwrap() error { return p.error }

func (t Transport) again(ctx context.Context, act func() error) (err error) {
	pause := t.wait()
	for attempt := range attempts {
		if attempt > 0 {
			select {
			case <-ctx.Done():
				return err
			case <-time.After(pause):
				pause *= 2
			}
		}
		if err = act(); err == nil {
			return nil
		}
		if _, final := err.(permanent); final { //nolint:errorlint // it is the outermost
			return err
		}
	}
	return err
}

// dialer connects to the target's host alone, and to addresses that are not public
// only within the networks that the target names.
func dialer(target policies.NotifyTarget) (*egress.Dialer, error) {
	u, err := url.Parse(target.URL)
	if err != nil || u.Hostname() == "" {
		return nil, permanent{fmt.Errorf("its url names no host")}
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443", "smtp": "25", "smtps": "465"}[u.Scheme]
	}
	permitted := []string{net.JoinHostPort(u.Hostname(), port)}
	if u.Hostname() == "localhost" { // whose addresses everybody knows (RFC 6761)
		permitted = append(permitted, net.JoinHostPort("127.0.0.1", port), net.JoinHostPort("::1", port))
	}
	rules, err := egress.ParseRules(append(permitted, target.PrivateNetworks...))
	if err != nil {
		return nil, permanent{err}
	}
	return &egress.Dialer{Rules: rules}, nil
}
