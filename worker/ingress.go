package worker

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"
	"golang.org/x/net/netutil"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/activities/events"
)

// ingressFlags say where events come in over HTTP.
type ingressFlags struct {
	address   string // --event-listen
	senders   string // --event-senders
	cert, key string // --event-tls-cert, --event-tls-key
}

// addIngressFlags adds them to a command that runs a worker.
func (a *app) addIngressFlags(cmd *cobra.Command, f *ingressFlags) {
	cmd.Flags().StringVar(&f.address, ingressFlag, "", "where CloudEvents are taken over HTTP, such as 127.0.0.1:8090 (default nowhere)")
	cmd.Flags().StringVar(&f.senders, "event-senders", "", "who may send there: a file of mode 0600, a name and a bearer token a line")
	cmd.Flags().StringVar(&f.cert, "event-tls-cert", "", "PEM file with the certificate to serve; needed off loopback")
	cmd.Flags().StringVar(&f.key, "event-tls-key", "", "PEM file with its private key")
}

// ingress takes events over HTTP on one address. A nil ingress takes none.
type ingress struct {
	listener net.Listener
	senders  events.Credentials
	server   *http.Server
	secure   bool
	warning  string // of the certificate; empty: none
}

// Bounds of the connections to the ingress; those of requests are the handler's.
const (
	maxConnections  = 256
	maxEventHeaders = 16 << 10
	readWithin      = 15 * time.Second
	answerWithin    = 45 * time.Second
)

// newIngress checks the flags and listens at once, so that what is wrong is
// known before anything starts.
func newIngress(ctx context.Context, f ingressFlags) (*ingress, error) {
	if f.address == "" {
		if f.senders != "" || f.cert != "" || f.key != "" {
			return nil, invalid("say where, with --event-listen ADDRESS", "--event-senders and --event-tls-… mean nothing without --event-listen")
		}
		return nil, nil
	}
	if f.senders == "" {
		return nil, invalid("give a file with --event-senders: a name and a token a line", "--event-listen: nobody may send; events are taken of known senders alone")
	}
	if (f.cert == "") != (f.key == "") {
		return nil, invalid("", "--event-tls-cert and --event-tls-key go together")
	}
	if _, _, err := net.SplitHostPort(f.address); err != nil {
		return nil, invalid("give it as host:port, such as 127.0.0.1:8090", "--event-listen: address %q: %w", f.address, err)
	}
	if f.cert == "" {
		remedy := "without TLS, tokens would go over the network in the clear: give --event-tls-cert and --event-tls-key, or listen on 127.0.0.1 behind a proxy that has TLS"
		if err := loopback(ingressFlag, f.address, remedy); err != nil {
			return nil, err
		}
	}
	i := &ingress{}
	var err error
	if i.senders, err = readSenders(f.senders); err != nil {
		return nil, err
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if i.secure = f.cert != ""; i.secure {
		pair, err := servedPair{"event-tls-cert", f.cert, "event-tls-key", f.key}.load()
		if err != nil {
			return nil, err
		}
		config.Certificates = []tls.Certificate{pair}
		if reason := outdated(pair, time.Now()); reason != "" {
			i.warning = "--event-tls-cert " + f.cert + ": " + reason
		}
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", f.address)
	if err != nil {
		return nil, unreachable(fmt.Errorf("event address %s: %w", f.address, errors.Unwrap(err)),
			"stop what listens there, or choose another with --event-listen")
	}
	i.listener = netutil.LimitListener(listener, maxConnections)
	if i.secure {
		i.listener = tls.NewListener(i.listener, config)
	}
	return i, nil
}

// readSenders reads a file of tokens, which nobody else may read.
func readSenders(file string) (events.Credentials, error) {
	info, err := os.Stat(file)
	if err != nil {
		return events.Credentials{}, invalid("", "--event-senders %s: %w", file, unwrapPath(err))
	}
	if open := info.Mode().Perm() & 0o077; open != 0 {
		return events.Credentials{}, invalid("chmod 600 "+file, "--event-senders %s: others may read it (mode %#o)", file, info.Mode().Perm())
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return events.Credentials{}, invalid("", "--event-senders %s: %w", file, unwrapPath(err))
	}
	credentials, err := events.ReadCredentials(file, text)
	if err != nil {
		return credentials, invalid("make a token with: openssl rand -hex 32", "--event-senders: %w", err)
	}
	return credentials, nil
}

// serve takes events until close.
func (i *ingress) serve(gateway *events.Gateway, m *monitor, log zerolog.Logger) {
	if i == nil {
		return
	}
	lines := log.Sample(&zerolog.BurstSampler{Burst: 10, Period: time.Second}) // a flood must not fill the disk
	i.server = &http.Server{
		Handler: &events.Ingress{
			Gateway: gateway, Senders: i.senders, Observe: m.eventRequest,
			Log: func(r contract.Rejection) {
				lines.Warn().Str("sender", r.Sender).Str("check", r.Check).Str("detail", r.Detail).Msg("event rejected")
			},
		},
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       readWithin,
		WriteTimeout:      answerWithin,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    maxEventHeaders,
		ErrorLog:          slog.NewLogLogger(zerolog.NewSlogHandler(lines), slog.LevelDebug),
	}
	go func() { _ = i.server.Serve(i.listener) }()
}

// announce says where events are posted to, behind the words given.
func (i *ingress) announce(out io.Writer, words string) {
	if i == nil {
		return
	}
	fmt.Fprintln(out, words+i.address())
	if i.warning != "" {
		fmt.Fprintln(out, "warning: "+i.warning)
	}
}

// address is where events are posted to.
func (i *ingress) address() string {
	scheme := "http"
	if i.secure {
		scheme = "https"
	}
	return scheme + "://" + i.listener.Addr().String() + events.IngressPath
}

// close answers what is under way, within a moment, and takes nothing more.
func (i *ingress) close() {
	if i == nil {
		return
	}
	if i.server != nil {
		ctx, cancel := context.WithTimeout(context.Background(), reportGrace)
		defer cancel()
		_ = i.server.Shutdown(ctx)
	}
	_ = i.listener.Close()
}
