package sandbox

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"lazaret.dev/lazaret/sandbox/cgroup"
	"lazaret.dev/lazaret/sandbox/machine"
	"lazaret.dev/lazaret/sandbox/seccomp"
)

// Options configure a Runner. The zero Options are the defaults.
type Options struct {
	// Prepared is how many slots wait for runs, each an idle process of 2 MB in
	// a cgroup of its own; 2 when zero. A run that finds none waits for one.
	Prepared int
	// Warm bounds the sandboxes that wait with their program started; see Warm in
	// Spec. The zero Pool keeps none.
	Warm PoolLimits
}

// Runner runs programs. It is safe for concurrent use. It owns goroutines, a
// thread and prepared processes, which Close gives back.
type Runner struct {
	features features
	filters  *filters
	cgroups  *cgroup.Manager
	spawner  *spawner
	slots    chan preparedSlot
	pool     *pool         // nil: nothing is kept warm
	setup    time.Duration // setupTimeout, but in tests

	ctx    context.Context //nolint:containedctx // the runner's own life, which no call brings; ends when Close begins
	cancel context.CancelFunc
	mu     sync.Mutex // guards closed (against Add after Wait) and notes
	closed bool
	notes  []error        // what went wrong while cleaning up
	tasks  sync.WaitGroup // runs, clean-ups and the refill
}

type preparedSlot struct {
	*slot
	err error
}

// New finds out by trying which layers this machine can enforce, removes what dead
// workers left, and prepares the first slots. What is missing, see Lacks, is
// refused to every run whose Spec does not let it be. The error wraps
// ErrUnavailable when the machine can sandbox nothing.
func New(o Options) (*Runner, error) {
	m := machine.Look()
	f, err := probeFeatures(m)
	if err != nil {
		explain(err, m)
		return nil, err
	}
	groups, err := cgroup.New()
	if err != nil {
		return nil, unavailable("find cgroups", err)
	}
	if _, err := groups.Sweep(); err != nil {
		return nil, fmt.Errorf("sweep what dead workers left: %w", err)
	}
	f.lacks = append(f.lacks, lackedGroups(groups.Missing(), m)...)
	helper, err := openHelper()
	if err != nil {
		return nil, unavailable("open the init helper", err)
	}
	if o.Prepared <= 0 {
		o.Prepared = 2
	}
	r := &Runner{
		features: f,
		filters:  &filters{arch: f.arch, made: map[policyKey]seccomp.Filter{}, before: f.substitutes()},
		cgroups:  groups,
		spawner:  newSpawner(helper),
		slots:    make(chan preparedSlot, o.Prepared-1),
		setup:    setupTimeout,
	}
	r.ctx, r.cancel = context.WithCancel(context.Background())
	if err := r.try(r.ctx, m); err != nil {
		r.cancel()
		return nil, errors.Join(err, r.spawner.close())
	}
	r.tasks.Go(r.refill)
	if o.Warm.PerKind > 0 {
		r.pool = newPool(r, o.Warm)
		r.tasks.Go(r.pool.keep)
	}
	return r, nil
}

// refill keeps the slots prepared; the channel's capacity and the one in hand
// make up Options.Prepared.
func (r *Runner) refill() {
	for r.ctx.Err() == nil {
		s, err := r.newSlot()
		select {
		case r.slots <- preparedSlot{s, err}:
		case <-r.ctx.Done():
			if s != nil {
				r.note(s.discard())
			}
		}
	}
}

// begin admits a task unless the runner is closed.
func (r *Runner) begin() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.closed {
		r.tasks.Add(1)
	}
	return !r.closed
}

// maxNotes bounds what a long-lived runner remembers of failed clean-ups.
const maxNotes = 16

// note keeps an error that no caller waits for, for Close to return.
func (r *Runner) note(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil && len(r.notes) < maxNotes {
		r.notes = append(r.notes, err)
	}
}

// Close ends running programs as Cancelled, waits for their Run calls and
// removes everything the runner has on this machine. It returns what could not
// be removed, now or after earlier runs. It may be called twice.
func (r *Runner) Close() error {
	r.mu.Lock()
	again := r.closed
	r.closed = true
	r.mu.Unlock()
	if again {
		return nil
	}
	r.cancel()
	r.tasks.Wait()
	r.note(r.pool.close())
	close(r.slots)
	errs := r.notes
	for p := range r.slots {
		if p.slot != nil {
			errs = append(errs, p.discard())
		}
	}
	return errors.Join(append(errs, r.spawner.close())...)
}
