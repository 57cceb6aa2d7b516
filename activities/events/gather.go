package events

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"lazaret.dev/lazaret/activities/contract"
)

// gatherer brings to the router, in few updates, what several requests publish
// at the same time. Senders take turns, one request each: the flood of one does
// not hold up another (A35).
type gatherer struct {
	publish func(context.Context, []contract.JudgedEvent) ([]contract.Outcome, error)

	mu      sync.Mutex
	turns   []string // the senders that wait, the next one first
	waiting map[string][]*parcel
	flying  int // updates under way
}

// parcel is what one request publishes.
type parcel struct {
	events   []contract.JudgedEvent
	done     chan struct{} // closed once the rest is set
	outcomes []contract.Outcome
	err      error
}

const (
	maxFlying     = 2                // the router does one after another; a second one waits at its door
	publishWithin = 20 * time.Second // for one update
)

// submit waits for the outcomes of a request's events, one each, in parcels that
// fit an update. A parcel that was handed over is published, also when ctx ends
// before.
func (g *gatherer) submit(ctx context.Context, sender string, events []contract.JudgedEvent) ([]contract.Outcome, error) {
	var all []contract.Outcome
	for len(events) > 0 {
		n := 1
		for n < len(events) && weigh(events[:n+1]) <= maxBatchBytes {
			n++
		}
		outcomes, err := g.hand(ctx, sender, events[:n])
		if err != nil {
			return nil, err
		}
		all, events = append(all, outcomes...), events[n:]
	}
	return all, nil
}

func (g *gatherer) hand(ctx context.Context, sender string, events []contract.JudgedEvent) ([]contract.Outcome, error) {
	p := &parcel{events: events, done: make(chan struct{})}
	g.add(sender, p) //nolint:contextcheck // what was handed over outlives its request
	select {
	case <-p.done:
		return p.outcomes, p.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (g *gatherer) add(sender string, p *parcel) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.waiting == nil {
		g.waiting = map[string][]*parcel{}
	}
	if len(g.waiting[sender]) == 0 {
		g.turns = append(g.turns, sender)
	}
	g.waiting[sender] = append(g.waiting[sender], p)
	if g.flying < maxFlying {
		g.flying++
		go g.fly()
	}
}

// fly publishes until nothing waits.
func (g *gatherer) fly() {
	for {
		parcels := g.next()
		if len(parcels) == 0 {
			return
		}
		var batch []contract.JudgedEvent
		for _, p := range parcels {
			batch = append(batch, p.events...)
		}
		// The senders may be gone; what they were not told is known when they try again.
		ctx, cancel := context.WithTimeout(context.Background(), publishWithin)
		outcomes, err := g.publish(ctx, batch)
		cancel()
		if err == nil && len(outcomes) != len(batch) {
			err = errors.New("the router answers for other events")
		}
		for _, p := range parcels {
			if p.err = err; err == nil {
				p.outcomes, outcomes = outcomes[:len(p.events)], outcomes[len(p.events):]
			}
			close(p.done)
		}
	}
}

// next takes what fits one update; none ends the flight.
func (g *gatherer) next() []*parcel {
	g.mu.Lock()
	defer g.mu.Unlock()
	var taken []*parcel
	events, size := 0, 0
	for len(g.turns) > 0 {
		sender := g.turns[0]
		p := g.waiting[sender][0]
		count, weight := len(p.events), weigh(p.events)
		if len(taken) > 0 && (events+count > maxBatch || size+weight > maxBatchBytes) {
			break
		}
		taken, events, size = append(taken, p), events+count, size+weight
		g.turns = g.turns[1:]
		if g.waiting[sender] = slices.Clone(g.waiting[sender][1:]); len(g.waiting[sender]) > 0 {
			g.turns = append(g.turns, sender)
		} else {
			delete(g.waiting, sender)
		}
	}
	if len(taken) == 0 {
		g.flying--
	}
	return taken
}

// weigh estimates the bytes of events on their way to the router.
func weigh(events []contract.JudgedEvent) int {
	const around, route = 500, 200
	size := 0
	for _, e := range events {
		size += len(e.Envelope.Event) + around + route*len(e.Routes)
	}
	return size
}
