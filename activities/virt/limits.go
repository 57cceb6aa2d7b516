package virt

import (
	"context"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Limits bound what is asked of one libvirt host and by one identity.
type Limits struct {
	Concurrent int // operations at the same time at one URI; more of them wait
	PerMinute  int // operations an identity may begin in a minute; more are refused
}

// gates hold the limits' state. The zero value is ready.
type gates struct {
	mu         sync.Mutex
	concurrent map[string]chan struct{} // by URI
	rates      map[string]*rate.Limiter // by identity
}

// enter waits for a place. Its error is an *Error: Limited, or Timeout where no
// place became free within the operation's own timeout.
func (g *gates) enter(ctx context.Context, identity Identity, v Verdict) (release func(), err error) {
	places, limiter := g.of(identity, v)
	if limiter != nil && !limiter.Allow() {
		return nil, Errorf(Limited, "more than %d operations a minute are not allowed; try again later", v.Limits.PerMinute)
	}
	wait := time.NewTimer(queueTime(v))
	defer wait.Stop()
	select {
	case places <- struct{}{}:
		return func() { <-places }, nil
	case <-wait.C:
		return nil, Errorf(Busy, "%d operations go on there, which is the limit, and none ended in %s", cap(places), queueTime(v))
	case <-ctx.Done():
		return nil, Errorf(Failed, "it was given up while it waited for a place: %v", context.Cause(ctx))
	}
}

// queueTime is how long a request waits for a place: several operations' time.
func queueTime(v Verdict) time.Duration { return 10 * v.Timeout }

// maxIdentities bounds the table of rates; when it is full it begins anew, which
// only forgives.
const maxIdentities = 10_000

func (g *gates) of(identity Identity, v Verdict) (chan struct{}, *rate.Limiter) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.concurrent == nil || len(g.rates) > maxIdentities {
		g.rates = map[string]*rate.Limiter{}
	}
	if g.concurrent == nil {
		g.concurrent = map[string]chan struct{}{}
	}
	places, ok := g.concurrent[v.URI]
	if !ok || cap(places) != max(1, v.Limits.Concurrent) {
		places = make(chan struct{}, max(1, v.Limits.Concurrent))
		g.concurrent[v.URI] = places
	}
	if v.Limits.PerMinute <= 0 {
		return places, nil
	}
	who := identity.Caller + " " + identity.User + " " + identity.Definition
	limiter, ok := g.rates[who]
	if !ok {
		limiter = rate.NewLimiter(rate.Every(time.Minute/time.Duration(v.Limits.PerMinute)), v.Limits.PerMinute)
		g.rates[who] = limiter
	}
	return places, limiter
}
