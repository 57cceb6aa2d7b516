//go:build !nodevserver

package devserver

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/user"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.temporal.io/server/common/headers"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"lazaret.dev/lazaret/worker/install"
)

// Version is the version of the embedded Temporal server.
const Version = headers.ServerVersion

// Available tells whether this build has a server in it.
const Available = true

// stopTimeout bounds the server's stop: what has not ended by then is abandoned
// to the end of the process. The database does not mind.
const stopTimeout = 10 * time.Second

// Server is a running Temporal with its Web UI. Its methods are safe for
// concurrent use.
type Server struct {
	options  Options
	lock     *install.Lock
	database *database
	backend  *backend
	ui       *webUI // nil without a UI

	announced install.Discovery // set by a start that went well
	forGood   atomic.Bool
	stopOnce  sync.Once
	stopErr   error
}

// Start starts Temporal and the Web UI and returns when clients can use both.
// Every error is a [*StartError], and nothing is left running then, save that
// after [Failed] pieces of the server may stay until the process ends. The caller
// owns the server and must Stop it. ctx bounds the start only.
func Start(ctx context.Context, options Options) (*Server, error) {
	s := &Server{options: options.withDefaults()}
	if err := s.start(ctx); err != nil {
		_ = s.Stop()
		return nil, asStartError(err)
	}
	return s, nil
}

func (s *Server) start(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	at, err := s.claim(ctx)
	if err != nil {
		return err
	}
	layout, err := newLayout(ctx, at)
	if err != nil {
		return err
	}
	if err := s.database.createNamespace(s.options); err != nil {
		return err
	}
	tokens := newGatekeeper(s.options.Install)
	s.backend = newBackend(layout, s.options)
	if err := s.backend.start(s.database, tokens); err != nil {
		return err
	}
	if err := s.prepareNamespace(ctx, tokens); err != nil {
		return err
	}
	if s.ui != nil {
		if err := s.ui.serve(s.Address(), tokens, s.options); err != nil {
			return err
		}
	}
	return s.announce()
}

// claim takes what only one server can have, cheapest first: the lock, the
// addresses, the database. It returns Temporal's address.
func (s *Server) claim(ctx context.Context) (netip.AddrPort, error) {
	if s.options.Install == nil {
		return netip.AddrPort{}, &StartError{Code: BadOptions, Reason: "no installation given"}
	}
	if s.options.Retention < minRetention {
		return netip.AddrPort{}, &StartError{
			Code:   BadOptions,
			Reason: fmt.Sprintf("retention %s is shorter than the day that Temporal asks for", s.options.Retention),
			Hint:   "choose 24h or more",
		}
	}
	if _, err := user.Current(); err != nil {
		return netip.AddrPort{}, &StartError{
			Code:   BadOptions,
			Reason: fmt.Sprintf("user id %d has no name on this machine, which Temporal asks for", os.Getuid()),
			Hint:   "add it to /etc/passwd, run as another user, or set TEMPORAL_ADDRESS to use a cluster",
			Err:    err,
		}
	}
	var err error
	if s.lock, err = s.options.Install.Lock(); err != nil {
		return netip.AddrPort{}, err
	}
	frontend, err := listenLoopback(ctx, "Temporal", s.options.Address)
	if err != nil {
		return netip.AddrPort{}, err
	}
	// The server listens by itself. Held until the UI's port is chosen, lest
	// both get the same free one.
	defer func() { _ = frontend.Close() }()
	if !s.options.NoUI {
		listener, err := listenLoopback(ctx, "the Web UI", s.options.UIAddress)
		if err != nil {
			return netip.AddrPort{}, err
		}
		s.ui = newWebUI(listener)
	}
	if s.database, err = openDatabase(s.options); err != nil {
		return netip.AddrPort{}, err
	}
	return addressOf(frontend), nil
}

// prepareNamespace checks that the server answers and that the namespace is as
// the options say.
func (s *Server) prepareNamespace(ctx context.Context, tokens *gatekeeper) error {
	conn, err := grpc.NewClient("passthrough:///"+s.Address(),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithPerRPCCredentials(headerCredentials(tokens.authorizationOf(server))))
	if err != nil {
		return fmt.Errorf("client: %w", err)
	}
	defer func() { _ = conn.Close() }()
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	return ensureNamespace(ctx, conn, s.options)
}

// announce publishes the running server to the user's other processes.
func (s *Server) announce() error {
	codec := ""
	if s.ui != nil && s.options.Codec != nil {
		codec = s.ui.codecURL()
	}
	if err := s.options.Install.WriteProfile(s.Address(), codec); err != nil {
		return err
	}
	s.announced = install.Discovery{
		PID:            os.Getpid(),
		Address:        s.Address(),
		UIAddress:      s.UIAddress(),
		PayloadKeys:    s.options.PayloadKeys,
		ServerVersion:  Version,
		ProductVersion: s.options.ProductVersion,
		StartedAt:      time.Now().UTC(),
		Kind:           s.options.Kind,
	}
	return s.options.Install.Announce(s.announced)
}

// Address returns where Temporal listens, host:port.
func (s *Server) Address() string { return s.backend.layout.frontend().String() }

// UIAddress returns where the Web UI listens, host:port, or "" without a UI.
func (s *Server) UIAddress() string {
	if s.ui == nil {
		return ""
	}
	return s.ui.address()
}

// LoginURL returns a fresh link into the Web UI, or "" without a UI. It works
// once, within [LoginLinkTTL].
func (s *Server) LoginURL() string {
	if s.ui == nil {
		return ""
	}
	return s.ui.gate.newLink().URL
}

// Done is closed when the server failed after it had started. Stop does not
// close it.
func (s *Server) Done() <-chan struct{} { return s.backend.failed }

// Err returns why Done is closed, or nil.
func (s *Server) Err() error { return s.backend.failureNow() }

// Stop ends the UI, then Temporal, moves the write-ahead log into the database
// file and frees the lock. Stop workers and clients first: the server waits a
// second for calls in flight. Further calls return the first result.
func (s *Server) Stop() error {
	s.stopOnce.Do(func() { s.stopErr = s.stop() })
	return s.stopErr
}

func (s *Server) stop() error {
	if s.lock == nil {
		return nil
	}
	defer s.lock.Release()
	errs := []error{s.withdraw()}
	if s.ui != nil {
		errs = append(errs, s.ui.stop())
	}
	if s.backend != nil {
		errs = append(errs, s.backend.stop(stopTimeout))
	}
	if s.database != nil {
		errs = append(errs, s.database.checkpoint())
	}
	return errors.Join(errs...)
}

// ForGood has Stop leave word that a person wants it: nobody need wait for another
// server.
func (s *Server) ForGood() { s.forGood.Store(true) }

func (s *Server) withdraw() error {
	if !s.forGood.Load() || s.announced.PID == 0 {
		return s.options.Install.Withdraw()
	}
	s.announced.Stopped = true
	return s.options.Install.Announce(s.announced)
}

// asStartError gives any error of start the form that callers expect.
func asStartError(err error) error {
	var start *StartError
	var held *install.LockedError
	var folder *install.Error
	switch {
	case errors.As(err, &start):
		return start
	case errors.As(err, &held):
		return &StartError{
			Code:   AlreadyRunning,
			Reason: held.Error(),
			Hint:   "use the server that runs there, stop it, or name another folder with --state-dir",
			Err:    err,
		}
	case errors.As(err, &folder):
		return &StartError{Code: StateFolder, Reason: folder.Error(), Hint: folder.Hint, Err: err}
	}
	return &StartError{
		Code: Failed, Reason: strings.ReplaceAll(err.Error(), "\n", "; "), Err: err,
		Hint: "run again with verbose logs; the server's own messages say more",
	}
}
