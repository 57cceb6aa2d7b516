package events

import (
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/policies"
)

// gates hold off what a sender sends over its rate before the router hears of
// it, so that a flood costs the router nothing (A35). What was held off is
// recorded once a second and sender.
type gates struct {
	record func(contract.Rejection)

	mu      sync.Mutex
	rate    policies.EventRate // of the rules in force
	senders map[string]*gate
}

type gate struct {
	limiter *rate.Limiter
	excess  int // events that nobody was told of yet
	busy    int // requests under way
}

func newGates(r policies.EventRate, record func(contract.Rejection)) *gates {
	return &gates{rate: bounded(r), record: record, senders: map[string]*gate{}}
}

// bounded is the rate, or that which holds where none is written.
func bounded(r policies.EventRate) policies.EventRate {
	if r.Limit == 0 {
		return policies.EventRate{Limit: policies.DefaultEventLimit, Window: policies.DefaultEventWindow}
	}
	return r
}

// under has the gates hold off by another rate, if it is another, and tells which holds.
func (g *gates) under(r policies.EventRate) policies.EventRate {
	g.mu.Lock()
	defer g.mu.Unlock()
	if r = bounded(r); r != g.rate {
		g.rate = r
		for _, one := range g.senders {
			one.limiter = limiter(r)
		}
	}
	return r
}

func limiter(r policies.EventRate) *rate.Limiter {
	return rate.NewLimiter(rate.Every(r.Window/time.Duration(r.Limit)), r.Limit)
}

// of is the gate of a sender; there are as many as there are credentials. The
// caller holds the lock.
func (g *gates) of(sender string) *gate {
	one := g.senders[sender]
	if one == nil {
		one = &gate{limiter: limiter(g.rate)}
		g.senders[sender] = one
	}
	return one
}

// enter counts a request of the sender, unless too many are under way.
func (g *gates) enter(sender string, most int) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	one := g.of(sender)
	if one.busy >= most {
		return false
	}
	one.busy++
	return true
}

func (g *gates) leave(sender string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.of(sender).busy--
}

// pass tells whether so many events of a sender are within its rate.
func (g *gates) pass(sender string, events int) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	one := g.of(sender)
	if one.limiter.AllowN(time.Now(), events) {
		return true
	}
	if one.excess == 0 {
		time.AfterFunc(time.Second, func() { g.tell(sender) })
	}
	one.excess += events
	return false
}

// tell records what was held off since it was last told.
func (g *gates) tell(sender string) {
	g.mu.Lock()
	one := g.of(sender)
	events := one.excess
	one.excess = 0
	held := g.rate
	g.mu.Unlock()
	g.record(contract.Rejection{
		Sender: sender, Check: contract.CheckRate,
		Detail: fmt.Sprintf("%d events within a second were over the rate of %d in %s, and were not looked at", events, held.Limit, held.Window),
	})
}

// recordExcess records what was held off at the gate.
func (i *Ingress) recordExcess(r contract.Rejection) { i.note(context.Background(), r) }
