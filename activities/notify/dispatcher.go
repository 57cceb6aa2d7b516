package notify

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"lazaret.dev/lazaret/policies"
)

// Options of a dispatcher; zero values mean the defaults.
type Options struct {
	Transport Transport
	// DeadLetter is the file for what could not be delivered; empty: none.
	DeadLetter string
	// Cooldown is how long the same rule of the same definition is counted and not
	// told again; 0: 5 minutes. Quarantine and release are always told.
	Cooldown time.Duration
	// Queue is how many messages wait at most; more are dead letters; 0: 1,000.
	Queue int
	// Redact replaces secrets in a text; nil: there are none.
	Redact func(string) string
	// Thresholds of findings; nil: Findings.
	Thresholds []Threshold
	// Observe is told of each delivery, and of each that failed. It must not block.
	Observe func(target policies.NotifyTarget, m Message, err error)
	Clock   func() time.Time
}

// Dispatcher delivers messages in the background. It may be used concurrently.
type Dispatcher struct {
	options Options
	queue   chan delivery
	stop    context.CancelFunc
	done    chan struct{}
	dead    deadLetters

	mu      sync.Mutex
	counter counter
	told    *memory // ids of what was told, by target
	cooling map[coolingKey]*cooling
	closed  bool
}

type delivery struct {
	target  policies.NotifyTarget
	message Message
}

type coolingKey struct{ target, kind, rule, definition string }

type cooling struct {
	until time.Time
	held  int // messages counted since the last that was told
}

// maxCooling bounds what is remembered of rules that cool down.
const maxCooling = 10_000

// Start returns a dispatcher that runs until it is closed.
func Start(options Options) *Dispatcher {
	if options.Cooldown == 0 {
		options.Cooldown = 5 * time.Minute
	}
	if options.Queue == 0 {
		options.Queue = 1000
	}
	if options.Clock == nil {
		options.Clock = time.Now
	}
	if options.Thresholds == nil {
		options.Thresholds = Findings
	}
	ctx, stop := context.WithCancel(context.Background())
	d := &Dispatcher{
		options: options, queue: make(chan delivery, options.Queue), stop: stop, done: make(chan struct{}),
		dead:    deadLetters{path: options.DeadLetter},
		counter: counter{thresholds: options.Thresholds, seen: map[string][]time.Time{}},
		told:    newMemory(20_000), cooling: map[coolingKey]*cooling{},
	}
	go d.run(ctx)
	return d
}

// drain bounds how long Close waits for what is queued.
const drain = 10 * time.Second

// Close delivers what is queued, for 10 seconds at most, writes the rest to the
// dead letters and returns. What is sent afterwards is a dead letter too.
func (d *Dispatcher) Close() {
	d.mu.Lock()
	already := d.closed
	d.closed = true
	if !already {
		close(d.queue)
	}
	d.mu.Unlock()
	timer := time.AfterFunc(drain, d.stop)
	<-d.done
	timer.Stop()
	d.stop()
}

// Send queues the message for every route that wants it. It never blocks.
func (d *Dispatcher) Send(m Message, routes []policies.NotifyRoute) {
	m = m.cleaned(d.options.Redact)
	for _, r := range routes {
		if !wants(r, m) {
			continue
		}
		if told, ok := d.admit(r.Target, m); ok {
			d.enqueue(delivery{r.Target, told})
		}
	}
}

// Found counts a finding of the checker and sends a message when its rule fires.
func (d *Dispatcher) Found(m Message, routes []policies.NotifyRoute) {
	now := d.options.Clock()
	d.mu.Lock()
	t, count, fires := d.counter.fires(m.Text, now)
	d.mu.Unlock()
	if !fires {
		return
	}
	m.Kind, m.Rule, m.Severity, m.Count = "finding", t.Rule, t.Severity, count
	m.ID = fmt.Sprintf("%s/%s/%d", t.Rule, m.Definition, now.UnixNano())
	d.Send(m, routes)
}

// admit decides whether a target is told of a message now.
func (d *Dispatcher) admit(target policies.NotifyTarget, m Message) (Message, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if m.ID != "" && !d.told.add(target.Name+"\x00"+m.ID) {
		return m, false
	}
	if m.Kind == "quarantine" || m.Kind == "release" || m.Kind == "test" {
		return m, true
	}
	now := d.options.Clock()
	key := coolingKey{target.Name, m.Kind, m.Rule, m.Definition}
	c := d.cooling[key]
	if c != nil && now.Before(c.until) {
		c.held++
		return m, false
	}
	if c != nil {
		m.Count += c.held
	}
	if len(d.cooling) >= maxCooling {
		d.forgetCooled(now)
	}
	d.cooling[key] = &cooling{until: now.Add(d.options.Cooldown)}
	return m, true
}

func (d *Dispatcher) forgetCooled(now time.Time) {
	for key, c := range d.cooling {
		if !now.Before(c.until) {
			delete(d.cooling, key)
		}
	}
	if len(d.cooling) >= maxCooling { // a flood of names: begin anew
		clear(d.cooling)
	}
}

var (
	errFull   = errors.New("too many messages wait")
	errClosed = errors.New("the worker is ending")
)

func (d *Dispatcher) enqueue(one delivery) {
	if err := d.offer(one); err != nil {
		d.failed(one, err)
	}
}

func (d *Dispatcher) offer(one delivery) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return errClosed
	}
	select {
	case d.queue <- one:
		return nil
	default:
		return errFull
	}
}

func (d *Dispatcher) run(ctx context.Context) {
	defer close(d.done)
	for one := range d.queue {
		err := ctx.Err()
		if err == nil {
			err = d.options.Transport.Deliver(ctx, one.target, one.message)
		}
		if err != nil {
			d.failed(one, err)
			continue
		}
		if d.options.Observe != nil {
			d.options.Observe(one.target, one.message, nil)
		}
	}
}

func (d *Dispatcher) failed(one delivery, err error) {
	if d.options.Redact != nil {
		err = errors.New(d.options.Redact(err.Error()))
	}
	err = errors.Join(err, d.dead.write(one, err, d.options.Clock()))
	if d.options.Observe != nil {
		d.options.Observe(one.target, one.message, err)
	}
}
