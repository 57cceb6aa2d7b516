//go:build !nodevserver

package devserver

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"go.temporal.io/server/common/authorization"
	"go.temporal.io/server/common/config"
	"go.temporal.io/server/temporal"
)

// backend is the Temporal server without its UI, and what ended it.
type backend struct {
	layout layout
	server temporal.Server

	failOnce sync.Once
	failure  error
	// failed is closed after failure is set.
	failed chan struct{}
}

// newBackend returns a backend that has not been started.
func newBackend(l layout) *backend {
	return &backend{layout: l, failed: make(chan struct{})}
}

// fail records the first fatal error of the server.
func (b *backend) fail(err error) {
	b.failOnce.Do(func() {
		b.failure = err
		close(b.failed)
	})
}

// start builds and starts every service. The server's code reports fatal errors
// by ending the goroutine it runs on (see logger.Fatal), so it runs on one of
// its own and the result is fail or nil, whichever comes first.
func (b *backend) start(o Options, db *database, g *gatekeeper) error {
	started := make(chan error, 1)
	go func() {
		err := errors.New("server start ended early")
		defer func() { started <- err }()
		err = b.startHere(o, db, g)
	}()
	select {
	case err := <-started:
		if failure := b.failureNow(); failure != nil {
			return failure
		}
		return err
	case <-b.failed:
		return b.failure
	}
}

func (b *backend) startHere(o Options, db *database, g *gatekeeper) error {
	internode, err := internodeTLS()
	if err != nil {
		return err
	}
	b.server, err = temporal.NewServer(
		temporal.ForServices(temporal.Services),
		temporal.WithConfig(serverConfig(b.layout, db)),
		temporal.WithStaticHosts(b.layout.hosts()),
		temporal.WithTLSConfigFactory(internode),
		temporal.WithDynamicConfigClient(tuning()),
		temporal.WithLogger(newLogger(o.Logger, o.VerboseLog, b.fail)),
		temporal.WithAuthorizer(g),
		temporal.WithClaimMapper(func(*config.Config) authorization.ClaimMapper { return g }),
	)
	if err != nil {
		return fmt.Errorf("server: %w", err)
	}
	if err := b.server.Start(); err != nil {
		return fmt.Errorf("server: %w", err)
	}
	return nil
}

// failureNow returns the fatal error so far, or nil.
func (b *backend) failureNow() error {
	select {
	case <-b.failed:
		return b.failure
	default:
		return nil
	}
}

// stop stops the services and waits for them, at most limit.
func (b *backend) stop(limit time.Duration) error {
	if b.server == nil {
		return nil
	}
	stopped := make(chan error, 1)
	go func() {
		err := errors.New("server stop ended early")
		defer func() { stopped <- err }()
		err = b.server.Stop()
	}()
	select {
	case err := <-stopped:
		return err
	case <-time.After(limit):
		return fmt.Errorf("server still stopping after %s", limit)
	}
}
