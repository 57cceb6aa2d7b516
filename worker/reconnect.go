package worker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"lazaret.dev/lazaret/worker/devserver"
	"lazaret.dev/lazaret/worker/install"
)

// A Temporal that another "run" has started goes away with that run. Whoever
// uses it meanwhile opens another session then, with the server that has taken
// its place or with one of their own, and goes on with the same execution,
// which stands in the database. In the place of "up" nobody starts one of their
// own: its worker would refuse to every execution what up's operator permits, and
// up could not come back.

// watchEvery is how often a session looks whether its server is still there,
// and a start whether the state folder is free.
const watchEvery = 100 * time.Millisecond

// handoverTimeout bounds the wait for another process to start or to stop its
// server: the time that a worker's stop and the server's may take.
const handoverTimeout = 20 * time.Second

// upReturns is how long whoever used an "up" that has ended waits for another: the
// time in which a service manager starts it again.
const upReturns = 30 * time.Second

// opener makes a session: connect or connectOrStart.
type opener func(context.Context) (*session, error)

// persist acts on the session, and again on a new one whenever the server goes
// away meanwhile. The session is replaced in place.
func (s *session) persist(ctx context.Context, open opener, act func(context.Context) error) error {
	for {
		err := s.attended(ctx, act)
		if err == nil || ctx.Err() != nil || !s.gone() {
			return err
		}
		if err := s.awaitUp(ctx, upReturns); err != nil {
			return err
		}
		next, err := open(ctx)
		if err != nil {
			return err
		}
		s.Close()
		*s = *next
	}
}

// awaitUp waits for a server in the place of an "up" that has ended, unless a person
// has stopped it.
func (s *session) awaitUp(ctx context.Context, patience time.Duration) error {
	if s.server.Kind != install.Up {
		return nil
	}
	const hint = "start it: what is unfinished goes on, and `lazaret result ID` waits for its end"
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		if _, found, err := s.install.Running(); found || err != nil {
			return err
		}
		if s.install.Stopped(s.server) {
			return unreachable(errors.New("`lazaret up` was stopped"), hint)
		}
		if !pause(ctx) {
			return ctx.Err()
		}
	}
	return unreachable(fmt.Errorf("`lazaret up` has ended, and was not started again within %s", patience), hint)
}

// attended gives act a context that also ends when the server goes away: the
// SDK would go on trying.
func (s *session) attended(ctx context.Context, act func(context.Context) error) error {
	if s.install == nil || s.embedded != nil {
		return act(ctx)
	}
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for pause(ctx) {
			if s.gone() {
				cancel()
			}
		}
	}()
	defer func() { cancel(); <-ended }()
	return act(ctx)
}

// gone tells whether the server that the session found on this machine has ended.
func (s *session) gone() bool {
	if s.install == nil || s.embedded != nil {
		return false
	}
	return replaced(s.install, s.server)
}

// replaced tells whether another server, or none, has taken the place of one.
func replaced(home *install.Install, was install.Discovery) bool {
	now, found, err := home.Running()
	return err == nil && (!found || now.PID != was.PID || now.Address != was.Address)
}

// connectOrStart is connect, but starts an embedded Temporal with a worker when
// there is nothing to connect to. Another process may be about to start its
// own, or to end it: then it waits for what comes of that.
func (a *app) connectOrStart(ctx context.Context) (*session, error) {
	deadline := time.Now().Add(handoverTimeout)
	for {
		s, err := a.connectExisting(ctx)
		if s != nil || err != nil {
			return s, err
		}
		s, err = a.startSession(ctx)
		if !isHeld(err) || time.Now().After(deadline) || !pause(ctx) {
			return s, err
		}
	}
}

// isHeld tells whether another process holds the state folder.
func isHeld(err error) bool {
	var start *devserver.StartError
	return errors.As(err, &start) && start.Code == devserver.AlreadyRunning
}

// pause reports false when the context has ended instead.
func pause(ctx context.Context) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(watchEvery):
		return true
	}
}
