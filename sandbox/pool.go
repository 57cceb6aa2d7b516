package sandbox

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"lazaret.dev/lazaret/sandbox/seccomp"
)

// PoolLimits bound the warm sandboxes of one Runner. Zero fields but PerKind are
// the defaults.
type PoolLimits struct {
	PerKind int           // of one kind; 0 keeps none warm
	Total   int           // of all kinds; four times PerKind, 64 at most
	Memory  int64         // bytes that all take together; 256 MiB
	Age     time.Duration // of one, and of a zygote; ten minutes
	Refill  Refill        // how they are made
	// Report is told why no zygote could be had or one did not fork, by New, the pool's
	// own goroutine or a run's. It must not block; nil ignores it.
	Report func(error)
}

const (
	defaultPoolMemory = 256 << 20
	defaultPoolAge    = 10 * time.Minute
)

// maxWarm leaves most of a worker's user ids to the runs.
const maxWarm = 64

func (l PoolLimits) filled() PoolLimits {
	l.Total = min(cmp.Or(l.Total, 4*l.PerKind), maxWarm)
	l.Memory = cmp.Or(l.Memory, defaultPoolMemory)
	l.Age = cmp.Or(l.Age, defaultPoolAge)
	return l
}

// PoolStats is what a pool did since its start, and what it has.
type PoolStats struct {
	Hits    uint64 // runs that got a warm sandbox
	Misses  uint64 // runs that could have had one and did not
	Started uint64
	Forked  uint64 // made by a zygote, ahead of a run or for one that found none
	Failed  uint64 // that never became ready
	Hatched uint64 // zygotes that were started
	Unfit   uint64 // that could not be, or did not fork
	Zygotes int    // that live
	Expired uint64 // removed for their age, for memory, or for a kind used more recently
	Broken  uint64 // that had died or misbehaved while they waited
	Idle    int
	Memory  int64         // bytes, of the idle ones when they became ready
	Oldest  time.Duration // age of the oldest idle one
}

// pool keeps warm sandboxes by kind. A kind is kept warm when it is asked for a
// second time while it is remembered: what runs once would only waste a start.
// It is safe for concurrent use.
type pool struct {
	runner *Runner
	limits PoolLimits
	wake   chan struct{} // holds one token when there may be something to do
	calm   chan struct{} // holds one when no run may be in progress any more

	mu     sync.Mutex
	active int // runs in progress
	kinds  map[kindOf]*shelf
	stats  PoolStats // but for what is idle
}

// shelf is what a pool knows of one kind.
type shelf struct {
	kind   kindOf
	spec   *Spec // of a program that waits: nothing of a run is in it
	filter seccomp.Filter
	used   time.Time // last
	uses   int
	after  time.Time // no start before: the last one failed
	failed time.Time
	err    error  // of the last failed start
	idle   []*run // oldest first
	zygote *forkServer
	barren time.Time // no zygote before: the last one failed
}

// maxShelves bounds what is remembered.
const maxShelves = 64

// retryAfter is how long a kind is left alone whose program did not start.
const retryAfter = 30 * time.Second

func newPool(r *Runner, l PoolLimits) *pool {
	if err := r.canFork(); err != nil && l.Refill != RefillStart && l.Refill != "" {
		l.Refill = RefillStart
		if l.Report != nil {
			l.Report(err)
		}
	}
	return &pool{runner: r, limits: l.filled(), wake: make(chan struct{}, 1), calm: make(chan struct{}, 1), kinds: map[kindOf]*shelf{}}
}

// warm returns a sandbox that waits for a run like the Spec's, with the run
// adopted, or nil.
func (r *Runner) warm(spec *Spec, filter seccomp.Filter) *run {
	if r.pool == nil {
		return nil
	}
	kind, ok := spec.warmKind()
	if !ok {
		return nil
	}
	for forked := false; !forked; {
		x := r.pool.take(kind, spec, filter)
		if forked = x == nil; forked {
			x = r.pool.forkNow(kind)
		}
		if x == nil {
			break
		}
		if x.healthy() && x.adopt(spec) == nil {
			r.pool.count(func(s *PoolStats) { s.Hits++ })
			return x
		}
		r.pool.count(func(s *PoolStats) { s.Broken++ })
		r.remove(x)
	}
	r.pool.count(func(s *PoolStats) { s.Misses++ })
	return nil
}

// Keep has sandboxes kept warm for runs like the Spec's before the first one, and
// returns when one waits. It does nothing when the runner keeps none, or none of
// that kind.
func (r *Runner) Keep(ctx context.Context, spec Spec) error {
	filter, _, err := r.prepare(&spec)
	if err != nil || r.pool == nil {
		return err
	}
	kind, ok := spec.warmKind()
	if !ok {
		return nil
	}
	started := r.pool.remember(kind, &spec, filter)
	for {
		ready, err := r.pool.ready(kind, started)
		switch {
		case ready || err != nil:
			return err
		case ctx.Err() != nil:
			return ctx.Err()
		case r.ctx.Err() != nil:
			return ErrClosed
		}
		time.Sleep(time.Millisecond)
	}
}

// PoolStats tells about the warm sandboxes.
func (r *Runner) PoolStats() PoolStats {
	if r.pool == nil {
		return PoolStats{}
	}
	return r.pool.snapshot()
}

// remove discards a sandbox without making anybody wait.
func (r *Runner) remove(xs ...*run) {
	for _, x := range xs {
		if !r.begin() { // Close waits for whoever calls this
			r.note(x.discard())
			continue
		}
		go func() {
			defer r.tasks.Done()
			r.note(x.discard())
		}()
	}
}

// take removes the youngest sandbox of the kind from the pool; nil when there is none.
func (p *pool) take(kind kindOf, spec *Spec, filter seccomp.Filter) *run {
	p.mu.Lock()
	defer p.mu.Unlock()
	defer stir(p.wake)
	s := p.shelf(kind, spec, filter)
	s.uses++
	if len(s.idle) == 0 {
		return nil
	}
	last := len(s.idle) - 1
	x := s.idle[last]
	s.idle[last] = nil
	s.idle = s.idle[:last]
	return x
}

// remember makes a kind one that is kept warm, and returns when that was.
func (p *pool) remember(kind kindOf, spec *Spec, filter seccomp.Filter) time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.shelf(kind, spec, filter)
	s.uses += warmFrom
	s.after = time.Time{}
	stir(p.wake)
	return s.used
}

// ready says whether a sandbox of the kind waits, or why one could not be started
// since a moment.
func (p *pool) ready(kind kindOf, since time.Time) (bool, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s, ok := p.kinds[kind]
	switch {
	case !ok:
		return false, errNotWarm
	case len(s.idle) > 0:
		return true, nil
	case s.failed.After(since):
		return false, s.err
	}
	return false, nil
}

// warmFrom is how often a kind is asked for before it is kept warm.
const warmFrom = 2

// shelf finds or makes a kind's, and notes its use. The caller holds mu.
func (p *pool) shelf(kind kindOf, spec *Spec, filter seccomp.Filter) *shelf {
	s, ok := p.kinds[kind]
	if !ok {
		if len(p.kinds) >= maxShelves {
			p.forget()
		}
		s = &shelf{kind: kind, spec: spec.waiting(), filter: filter}
		p.kinds[kind] = s
	}
	s.used = time.Now()
	return s
}

// forget drops the kind that was used least recently. The caller holds mu.
func (p *pool) forget() {
	oldest := p.byUse()[len(p.kinds)-1]
	p.expire(oldest, len(oldest.idle))
	p.retire(oldest)
	delete(p.kinds, oldest.kind)
}

// byUse lists the shelves, the most recently used first. The caller holds mu.
func (p *pool) byUse() []*shelf {
	var all []*shelf
	for _, s := range p.kinds {
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b *shelf) int { return b.used.Compare(a.used) })
	return all
}

// expire removes the n oldest sandboxes of a kind. The caller holds mu.
func (p *pool) expire(s *shelf, n int) {
	p.stats.Expired += uint64(n)
	p.runner.remove(s.idle[:n]...)
	s.idle = slices.Clone(s.idle[n:])
}

// stir leaves a token unless there is one.
func stir(tokens chan<- struct{}) {
	select {
	case tokens <- struct{}{}:
	default:
	}
}

// keep is the goroutine that starts and removes sandboxes, one at a time, until
// the runner is closed.
func (p *pool) keep() {
	inspection := time.NewTicker(min(p.limits.Age/4, 5*time.Second))
	defer inspection.Stop()
	for {
		select {
		case <-p.runner.ctx.Done():
			return
		case <-inspection.C:
			p.inspect()
		case <-p.wake:
		}
		for p.runner.ctx.Err() == nil {
			s := p.wanting()
			if s == nil {
				break
			}
			p.settle()
			p.start(s)
		}
	}
}

// patience is how long a start waits for the runs in progress: moving a process
// into a group holds up every process that starts or ends, for some milliseconds.
const patience = 100 * time.Millisecond

// settle returns when no run is in progress, or has waited long enough.
func (p *pool) settle() {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for p.busy() {
		select {
		case <-p.calm:
		case <-timer.C:
			return
		case <-p.runner.ctx.Done():
			return
		}
	}
}

func (p *pool) busy() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.active > 0
}

// enter notes that a run begins; the returned function, that it has ended. It may
// be called on a nil pool.
func (p *pool) enter() (leave func()) {
	if p == nil {
		return func() {}
	}
	change := func(by int) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.active += by
		if p.active == 0 {
			stir(p.calm)
		}
	}
	change(1)
	return func() { change(-1) }
}

// inspect removes what is too old or has died.
func (p *pool) inspect() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range p.kinds {
		old := 0
		for old < len(s.idle) && time.Since(s.idle[old].born) > p.limits.Age {
			old++
		}
		p.expire(s, old)
		if s.zygote != nil && (s.zygote.spent(p.limits.Age) || time.Since(s.used) > p.limits.Age) {
			p.retire(s)
		}
		s.idle = slices.DeleteFunc(s.idle, func(x *run) bool {
			if x.healthy() {
				return false
			}
			p.stats.Broken++
			p.runner.remove(x)
			return true
		})
	}
	stir(p.wake)
}

// wanting is the shelf to fill next: the most recently used that is not full and
// has been used within the age. To make room it removes the oldest sandbox of the
// kind that was used least recently.
func (p *pool) wanting() *shelf {
	p.mu.Lock()
	defer p.mu.Unlock()
	shelves := p.byUse()
	for i, s := range shelves {
		if s.uses < warmFrom || len(s.idle) >= p.limits.PerKind || time.Now().Before(s.after) || time.Since(s.used) > p.limits.Age {
			continue
		}
		if p.room() || p.makeRoom(shelves[i+1:]) {
			return s
		}
	}
	return nil
}

// room says whether one more may be idle. The caller holds mu.
func (p *pool) room() bool {
	count, memory := p.idle()
	mean := int64(0)
	if count > 0 {
		mean = memory / int64(count)
	}
	return count < p.limits.Total && memory+mean <= p.limits.Memory
}

func (p *pool) idle() (count int, memory int64) {
	for _, s := range p.kinds {
		count += len(s.idle)
		for _, x := range s.idle {
			memory += x.memory
		}
		if s.zygote != nil {
			memory += s.zygote.memory
		}
	}
	return count, memory
}

// makeRoom takes from the shelves, the last first. The caller holds mu.
func (p *pool) makeRoom(shelves []*shelf) bool {
	for _, s := range slices.Backward(shelves) {
		if len(s.idle) > 0 {
			p.expire(s, 1)
			return p.room()
		}
		if s.zygote != nil {
			if p.retire(s); p.room() {
				return true
			}
		}
	}
	return false
}

// start makes one sandbox for a shelf.
func (p *pool) start(s *shelf) {
	x := p.fork(s)
	var err error
	if x == nil {
		x, err = p.runner.warmUp(s.spec, s.filter)
	}
	defer p.shelve(s, x)
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil {
		p.stats.Failed++
		s.failed, s.err = time.Now(), err
		s.after = s.failed.Add(retryAfter)
		return
	}
	if x.zygote == nil {
		p.stats.Started++
	}
}

func (p *pool) count(change func(*PoolStats)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(&p.stats)
}

func (p *pool) snapshot() PoolStats {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.stats
	s.Idle, s.Memory = p.idle()
	for _, shelf := range p.kinds {
		if shelf.zygote != nil {
			s.Zygotes++
		}
		for _, x := range shelf.idle {
			s.Oldest = max(s.Oldest, time.Since(x.born))
		}
	}
	return s
}

// close discards all sandboxes. Preconditions: no run and no keep is left.
func (p *pool) close() error {
	if p == nil {
		return nil
	}
	var errs []error
	for _, s := range p.kinds {
		for _, x := range s.idle {
			errs = append(errs, x.discard())
		}
		if s.zygote != nil {
			errs = append(errs, s.zygote.stop())
		}
	}
	clear(p.kinds)
	return errors.Join(errs...)
}
