//go:build !nodevserver

package devserver

import (
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
	drain  *drain
	log    *logger

	// abandoned: the start failed and its goroutine stands still; the server must
	// not be touched.
	abandoned bool

	failOnce sync.Once
	failure  error
	// failed is closed after failure is set.
	failed chan struct{}
}

// newBackend returns a backend that has not been started.
func newBackend(l layout, o Options) *backend {
	b := &backend{layout: l, drain: newDrain(), failed: make(chan struct{})}
	b.log = newLogger(o.Logger, o.VerboseLog, b.fail)
	return b
}

// fail records the first fatal error of the server.
func (b *backend) fail(err error) {
	b.failOnce.Do(func() {
		b.failure = err
		close(b.failed)
	})
}

// start builds and starts every service. The server's code reports fatal errors
// by a call that does not return (see logger.Fatal). So it runs on a goroutine of
// its own, and what comes first counts: the fatal error or the end of the start.
func (b *backend) start(db *database, g *gatekeeper) error {
	started := make(chan error, 1)
	go func() { started <- b.startHere(db, g) }()
	select {
	case err := <-started:
		return err
	case <-b.failed:
		b.abandoned = true
		return b.failure
	}
}

func (b *backend) startHere(db *database, g *gatekeeper) error {
	internode, err := internodeTLS()
	if err != nil {
		return err
	}
	server, err := temporal.NewServer(
		temporal.ForServices(temporal.Services),
		temporal.WithConfig(serverConfig(b.layout, db)),
		temporal.WithStaticHosts(b.layout.hosts()),
		temporal.WithTLSConfigFactory(internode),
		temporal.WithDynamicConfigClient(tuning()),
		temporal.WithLogger(b.log),
		temporal.WithChainedFrontendGrpcInterceptors(b.drain.intercept),
		temporal.WithAuthorizer(g),
		temporal.WithClaimMapper(func(*config.Config) authorization.ClaimMapper { return g }),
	)
	if err != nil {
		return fmt.Errorf("server: %w", err) // and server is no nil interface
	}
	b.server = server
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
	if b.abandoned || b.server == nil {
		return nil
	}
	b.log.hush()
	b.drain.begin()
	stopped := make(chan error, 1)
	go func() { stopped <- b.server.Stop() }()
	select {
	case err := <-stopped:
		return err
	case <-time.After(limit):
		return fmt.Errorf("server still stopping after %s", limit)
	}
}
