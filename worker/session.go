package worker

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/rs/zerolog"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/envconfig"
	"go.temporal.io/sdk/converter"

	"lazaret.dev/lazaret/worker/install"
)

// session is a connection to a Temporal. Close it once.
type session struct {
	client.Client
	// install is this machine's installation; nil with a configured cluster.
	install *install.Install
	// server is the one of another process that was found on this machine.
	server install.Discovery
	// embedded is the server and worker of this process, or nil.
	embedded *embedded
	// values reads payloads that the client hands out as they are stored; nil: they are plain.
	values converter.DataConverter
}

// Close ends the connection, and the server and worker if they are ours.
func (s *session) Close() {
	s.Client.Close()
	if s.embedded != nil {
		s.embedded.stop()
	}
}

const connectTimeout = 10 * time.Second

// connect opens a session with the Temporal that is configured, or with the
// one that "lazaret up" runs on this machine.
func (a *app) connect(ctx context.Context) (*session, error) {
	s, err := a.connectExisting(ctx)
	if err == nil && s == nil {
		err = unreachable(errors.New("no Temporal is configured, and none is up on this machine"),
			"start one with `lazaret up`, or set TEMPORAL_ADDRESS")
	}
	return s, err
}

// connectExisting returns a nil session when there is nothing to connect to, or
// no longer.
func (a *app) connectExisting(ctx context.Context) (*session, error) {
	options, configured, err := configuredTemporal()
	if err != nil {
		return nil, err
	}
	if configured {
		if _, err := a.encrypt(&options, a.keyFile(a.localPayloadKeys(options.HostPort))); err != nil {
			return nil, err
		}
		c, err := a.dial(ctx, options)
		if err != nil {
			return nil, err
		}
		return &session{Client: c, values: options.DataConverter}, nil
	}
	home, err := install.Open(a.stateDir)
	if err != nil {
		return nil, installError(err)
	}
	running, found, err := home.Running()
	if err != nil {
		return nil, installError(err)
	}
	if !found {
		return nil, nil
	}
	options = localOptions(home, running.Address, install.CLI)
	if _, err := a.encrypt(&options, a.keyFile(running.PayloadKeys)); err != nil {
		return nil, err
	}
	c, err := a.dial(ctx, options)
	switch {
	case err == nil:
		return &session{Client: c, install: home, server: running, values: options.DataConverter}, nil
	case ctx.Err() == nil && replaced(home, running):
		return nil, nil
	}
	return nil, err
}

func localOptions(home *install.Install, address string, who install.Principal) client.Options {
	return client.Options{HostPort: address, Namespace: install.Namespace, HeadersProvider: home.Credentials(who)}
}

// configuredTemporal reads Temporal's own configuration: TEMPORAL_* variables
// and the profile file. Nothing set means not configured.
func configuredTemporal() (client.Options, bool, error) {
	profile, err := envconfig.LoadClientConfigProfile(envconfig.LoadClientConfigProfileOptions{})
	if err != nil {
		return client.Options{}, false, unreachable(fmt.Errorf("temporal configuration: %w", err),
			"check TEMPORAL_CONFIG_FILE, TEMPORAL_PROFILE and the TEMPORAL_* variables")
	}
	if profile.Address == "" {
		if name := strayVariable(); name != "" {
			return client.Options{}, false, unreachable(fmt.Errorf("%s is set, but no Temporal address", name),
				"set TEMPORAL_ADDRESS too, or unset it to use the embedded Temporal")
		}
		return client.Options{}, false, nil
	}
	options, err := profile.ToClientOptions(envconfig.ToClientOptionsRequest{})
	if err != nil {
		return client.Options{}, false, unreachable(fmt.Errorf("temporal configuration: %w", err), "")
	}
	if options.Namespace == "" {
		options.Namespace = client.DefaultNamespace
	}
	return options, true, nil
}

// strayVariable names a variable that makes sense only with an address.
func strayVariable() string {
	names := []string{"TEMPORAL_NAMESPACE", "TEMPORAL_API_KEY", "TEMPORAL_PROFILE", "TEMPORAL_CONFIG_FILE", "TEMPORAL_TLS"}
	i := slices.IndexFunc(names, func(name string) bool { return os.Getenv(name) != "" })
	if i < 0 {
		return ""
	}
	return names[i]
}

func (a *app) dial(parent context.Context, options client.Options) (client.Client, error) {
	ctx, cancel := context.WithTimeout(parent, connectTimeout)
	defer cancel()
	if options.Logger == nil {
		options.Logger = temporalLogger(a.logger(zerolog.ErrorLevel))
	}
	if loopbackAddress(options.HostPort) {
		options.ConnectionOptions.GrpcCompression = &client.GrpcCompressionNone{} // it costs more than it saves here
	}
	c, err := client.DialContext(ctx, options)
	switch {
	case parent.Err() != nil && err != nil:
		return nil, parent.Err()
	case err != nil:
		return nil, unreachable(fmt.Errorf("temporal at %s: %s", options.HostPort, dialReason(err)),
			"check that it is running and that TEMPORAL_ADDRESS and its credentials are right")
	}
	return c, nil
}

// dialReason is the cause of a failed dial, without the layers around it: gRPC
// and the SDK put it into text alone.
func dialReason(err error) string {
	text := strings.TrimPrefix(err.Error(), "failed reaching server: ")
	switch {
	case errors.Is(err, context.DeadlineExceeded) || strings.Contains(text, "context deadline exceeded"):
		return "no answer within " + connectTimeout.String()
	case strings.Contains(text, "no children to pick from"):
		return "no such host"
	}
	if _, cause, found := strings.Cut(text, "transport: Error while dialing: "); found {
		return strings.TrimSuffix(cause, `"`)
	}
	return text
}

// statePath is the state folder, whether or not it is there.
func (a *app) statePath() (string, error) {
	if a.stateDir != "" {
		return a.stateDir, nil
	}
	dir, err := install.DefaultDir()
	if err != nil {
		return "", installError(err)
	}
	return dir, nil
}

func installError(err error) error {
	if e, ok := errors.AsType[*install.Error](err); ok {
		return unreachable(e, e.Hint)
	}
	return unreachable(err, "")
}
