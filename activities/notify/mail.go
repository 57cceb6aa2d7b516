package notify

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"net/smtp"
	"net/textproto"
	"net/url"
	"strings"
	"time"

	"lazaret.dev/lazaret/policies"
)

// mail sends the message in one transaction. Beyond loopback addresses it needs
// TLS: smtps from the beginning, smtp by STARTTLS. With a secret it logs in as From.
func (t Transport) mail(ctx context.Context, target policies.NotifyTarget, secret string, m Message) error {
	letter, to, err := compose(target, m)
	if err != nil {
		return permanent{err}
	}
	client, here, err := t.greet(ctx, target)
	if err != nil {
		return err
	}
	defer func() { _ = client.Close() }()
	if err := t.secure(client, here, target, secret); err != nil {
		return err
	}
	if err := client.Mail(addressOf(target.From)); err != nil {
		return refusedMail(err)
	}
	for _, address := range to {
		if err := client.Rcpt(address); err != nil {
			return refusedMail(err)
		}
	}
	w, err := client.Data()
	if err != nil {
		return refusedMail(err)
	}
	if _, err := w.Write(letter); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return refusedMail(err)
	}
	_ = client.Quit() // the server has the letter: to send it again would be another one
	return nil
}

// greet connects to the mail server, and tells whether it is on this machine.
func (t Transport) greet(ctx context.Context, target policies.NotifyTarget) (client *smtp.Client, here bool, err error) {
	connect, err := dialer(target)
	if err != nil {
		return nil, false, err
	}
	u, err := url.Parse(target.URL)
	if err != nil {
		return nil, false, permanent{err}
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"smtp": "25", "smtps": "465"}[u.Scheme]
	}
	conn, err := connect.DialContext(ctx, "tcp", net.JoinHostPort(u.Hostname(), port))
	if err != nil {
		return nil, false, err
	}
	if deadline, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(deadline)
	}
	if u.Scheme == "smtps" {
		secured := tls.Client(conn, t.tls(u.Hostname()))
		if err := secured.HandshakeContext(ctx); err != nil {
			_ = conn.Close()
			return nil, false, refusedTLS(err)
		}
		conn = secured
	}
	// The name says nothing of where it leads to.
	at, _ := conn.RemoteAddr().(*net.TCPAddr)
	here = at != nil && at.IP.IsLoopback()
	client, err = smtp.NewClient(conn, u.Hostname())
	if err != nil {
		_ = conn.Close()
		return nil, false, err
	}
	return client, here, nil
}

func (t Transport) tls(host string) *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, ServerName: host, RootCAs: t.Roots}
}

// secure begins TLS and logs in.
func (t Transport) secure(client *smtp.Client, here bool, target policies.NotifyTarget, secret string) error {
	u, err := url.Parse(target.URL)
	if err != nil {
		return permanent{err}
	}
	if err := client.Hello("localhost"); err != nil {
		return err
	}
	_, secured := client.TLSConnectionState()
	if offered, _ := client.Extension("STARTTLS"); offered && !secured {
		if err := client.StartTLS(t.tls(u.Hostname())); err != nil {
			return refusedTLS(err)
		}
		secured = true
	}
	if !secured && !here {
		return permanent{errors.New("the mail server offers no TLS, and is not on this machine")}
	}
	if secret == "" {
		return nil
	}
	if err := client.Auth(smtp.PlainAuth("", addressOf(target.From), secret, u.Hostname())); err != nil {
		return refusedMail(err)
	}
	return nil
}

// refusedMail tells what a server refuses for good (5xx) from what may pass.
func refusedMail(err error) error {
	var answer *textproto.Error
	if errors.As(err, &answer) && answer.Code >= 500 {
		return permanent{err}
	}
	return err
}

// refusedTLS is the same for TLS: a certificate that is not trusted will not be the
// next time, but a server may have TLS later (454), or be too slow now.
func refusedTLS(err error) error {
	said := fmt.Errorf("TLS: %w", err)
	if _, unknown := errors.AsType[*tls.CertificateVerificationError](err); unknown {
		return permanent{said}
	}
	return refusedMail(said)
}

func addressOf(text string) string {
	address, err := mail.ParseAddress(text)
	if err != nil {
		return ""
	}
	return address.Address
}

// compose writes the letter. Addresses are parsed and texts encoded, so that none
// can begin another header.
func compose(target policies.NotifyTarget, m Message) (letter []byte, to []string, err error) {
	from, err := mail.ParseAddress(target.From)
	if err != nil {
		return nil, nil, fmt.Errorf("from %q is no address", target.From)
	}
	var names []string
	for _, text := range target.To {
		address, err := mail.ParseAddress(text)
		if err != nil {
			return nil, nil, fmt.Errorf("to %q is no address", text)
		}
		to, names = append(to, address.Address), append(names, address.String())
	}
	sum := sha256.Sum256([]byte(m.ID + "\x00" + target.Name))
	var b strings.Builder
	for _, header := range [][2]string{
		{"From", from.String()},
		{"To", strings.Join(names, ", ")},
		{"Subject", mime.QEncoding.Encode("utf-8", "[lazaret] "+m.title())},
		{"Date", time.Now().UTC().Format(time.RFC1123Z)},
		{"Message-ID", "<" + hex.EncodeToString(sum[:16]) + "@lazaret.invalid>"},
		{"Auto-Submitted", "auto-generated"},
		{"MIME-Version", "1.0"},
		{"Content-Type", "text/plain; charset=utf-8"},
		{"Content-Transfer-Encoding", "quoted-printable"},
	} {
		fmt.Fprintf(&b, "%s: %s\r\n", header[0], header[1])
	}
	b.WriteString("\r\n")
	body := quotedprintable.NewWriter(&b)
	_, err = body.Write([]byte(strings.ReplaceAll(m.plain(), "\n", "\r\n")))
	return []byte(b.String()), to, errors.Join(err, body.Close(), nil)
}
