package worker

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"lazaret.dev/lazaret/activities/codec"
)

type codecServerFlags struct {
	address, origin, token string
	cert, key              string
}

func (a *app) codecServerCommand() *cobra.Command {
	var flags codecServerFlags
	cmd := &cobra.Command{
		Use:   "codec-server",
		Short: "Open sealed payloads for the Web UI of a Temporal elsewhere, until stopped",
		Long: `Codec-server lets one Web UI show what is sealed. It answers requests that bear the
token, from pages of that UI's origin alone. It listens on a loopback address, or
elsewhere with a certificate.

The UI of "lazaret up" needs none: it opens payloads itself for who is logged in.`,
		Example: `  lazaret codec-server --payload-keys /etc/lazaret/payload.keys \
    --ui-origin https://temporal.example.org --token-file /etc/lazaret/codec.token`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.serveCodec(cmd.Context(), flags) },
	}
	cmd.Flags().StringVar(&flags.address, codecFlag, "127.0.0.1:8234", "where it listens")
	cmd.Flags().StringVar(&flags.origin, "ui-origin", "", "the Web UI's origin, such as https://temporal.example.org")
	cmd.Flags().StringVar(&flags.token, "token-file", "", "file with the token that requests have to bear (0600)")
	cmd.Flags().StringVar(&flags.cert, "tls-cert", "", "certificate, PEM; needed beyond loopback addresses")
	cmd.Flags().StringVar(&flags.key, "tls-key", "", "its key, PEM")
	return cmd
}

func (a *app) serveCodec(ctx context.Context, flags codecServerFlags) error {
	file := a.keyFile("")
	if file == "" {
		return invalid("name the keys with --payload-keys", "no keys to open payloads with")
	}
	keeper, err := codec.Open(file, nil)
	if err != nil {
		return keysError(err)
	}
	origin, err := codec.ParseOrigin(flags.origin)
	if err != nil {
		return keysError(fmt.Errorf("--ui-origin: %w", err))
	}
	token, err := readToken(flags.token)
	if err != nil {
		return err
	}
	listener, scheme, err := flags.listen(ctx)
	if err != nil {
		return err
	}
	gate := &codec.Gate{Origin: origin, Token: token, Hosts: hosts(scheme, listener.Addr().String()), Next: codec.New(keeper, codec.Options{}).Handler()}
	server := &http.Server{Handler: gate, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute}
	fmt.Fprintf(a.stderr, "codec server on %s://%s for %s\n", scheme, listener.Addr(), origin)
	done := make(chan struct{})
	go func() {
		defer close(done)
		<-ctx.Done()
		_ = server.Close()
	}()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("codec server: %w", err)
	}
	<-done
	return nil
}

// listen refuses to serve what was secret in the clear to others (C16).
func (f codecServerFlags) listen(ctx context.Context) (net.Listener, string, error) {
	if f.cert == "" && f.key == "" {
		if err := loopback(codecFlag, f.address, "serve TLS with --tls-cert and --tls-key, or listen on 127.0.0.1 behind a proxy that has TLS"); err != nil {
			return nil, "", err
		}
	}
	var settings *tls.Config
	if f.cert != "" || f.key != "" {
		if f.cert == "" || f.key == "" {
			return nil, "", invalid("", "--tls-cert and --tls-key go together")
		}
		pair, err := servedPair{"tls-cert", f.cert, "tls-key", f.key}.load()
		if err != nil {
			return nil, "", err
		}
		settings = &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", f.address)
	if err != nil {
		return nil, "", invalid("stop what listens there, or choose another with --address", "--address %s: %w", f.address, errors.Unwrap(err))
	}
	if settings == nil {
		return listener, "http", nil
	}
	return tls.NewListener(listener, settings), "https", nil
}

// hosts are the names under which a browser reaches the server; with a
// certificate, the browser checks the name.
func hosts(scheme, address string) []string {
	_, port, err := net.SplitHostPort(address)
	if scheme == "https" || err != nil {
		return nil
	}
	return []string{address, "localhost:" + port}
}

const minToken = 16 // characters

func readToken(file string) (string, error) {
	if file == "" {
		return "", usageError(errors.New("--token-file is missing"))
	}
	info, err := os.Stat(file)
	if err != nil {
		return "", invalid("", "--token-file %s: %w", file, unwrapPath(err))
	}
	if info.Mode().Perm()&0o077 != 0 {
		return "", invalid("chmod 600 "+file+", and make another token", "--token-file %s is open to others (mode %04o)", file, info.Mode().Perm())
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return "", invalid("", "--token-file %s: %w", file, unwrapPath(err))
	}
	token := strings.TrimSpace(string(text))
	if len(token) < minToken || strings.ContainsAny(token, " \r\n\t") {
		return "", invalid("such as the output of: openssl rand -hex 32", "--token-file %s has no token of %d characters or more on one line", file, minToken)
	}
	return token, nil
}
