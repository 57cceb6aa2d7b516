package sandbox

import "time"

// Refill is how a pool's sandboxes are made.
type Refill string

// The ways to refill a pool.
const (
	// RefillStart starts each program: slowest, and no two have anything in common but
	// what is mounted. The default.
	RefillStart Refill = "start"
	// RefillZygote has a zygote of each kind fork them, where the kind has one. What
	// they share is in docs/security/threat-model.md. Where the machine cannot, and
	// whenever it fails, they are started: slower, never weaker.
	RefillZygote Refill = "zygote"
	// RefillAuto is RefillZygote but for kinds with Warm.OwnLayout.
	RefillAuto Refill = "auto"
)

// Refills lists the ways.
func Refills() []string {
	return []string{string(RefillAuto), string(RefillStart), string(RefillZygote)}
}

// borrow returns the shelf's zygote for one fork, which release ends; nil when it has
// none that may serve. The caller holds mu.
func (p *pool) borrow(s *shelf) *forkServer {
	z := s.zygote
	if z == nil || z.spent(p.limits.Age) {
		return nil
	}
	z.users.Add(1)
	return z
}

// forkPatience is how long a run waits for a zygote that answers nobody, which takes
// it some milliseconds, before it starts its program otherwise. The zygote itself is
// given up later: to start another one costs more than a copy that comes late.
const forkPatience = time.Second

// forkNow makes a sandbox for a run that found none, or returns nil. What comes too
// late for the run is kept for another one.
func (p *pool) forkNow(kind kindOf) *run {
	p.mu.Lock()
	s := p.kinds[kind]
	var z *forkServer
	if s != nil && (s.zygote == nil || s.zygote.late.Load() == 0) {
		z = p.borrow(s)
	}
	p.mu.Unlock()
	if z == nil {
		return nil
	}
	made, left := make(chan *run), make(chan struct{})
	p.runner.tasks.Go(func() { // the run that waits is a task too: Close has not got past them
		x := p.forkBy(s, z)
		select {
		case made <- x:
		case <-left:
			z.late.Add(-1)
			p.shelve(s, x)
		}
	})
	timer := time.NewTicker(forkPatience)
	defer timer.Stop()
	for answers := z.answers.Load(); ; {
		select {
		case x := <-made:
			return x
		case <-timer.C:
		}
		if now := z.answers.Load(); now != answers {
			answers = now // there is a crowd
			continue
		}
		z.late.Add(1)
		close(left)
		return nil
	}
}

// shelve keeps a sandbox for a run to come, or removes it if there is no place for it.
func (p *pool) shelve(s *shelf, x *run) {
	if x == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.kinds[s.kind] != s || len(s.idle) >= p.limits.PerKind || !p.room() {
		p.stats.Expired++
		p.runner.remove(x)
		return
	}
	s.idle = append(s.idle, x)
}

// fork makes a sandbox for a shelf by its zygote, which it starts if need be; nil
// when that cannot be had.
func (p *pool) fork(s *shelf) *run {
	if !s.spec.forkable(p.limits.Refill, p.runner.features.arch) {
		return nil
	}
	p.mu.Lock()
	z, wait := p.borrow(s), time.Until(s.barren)
	p.mu.Unlock()
	if z == nil && wait > 0 {
		return nil
	}
	if z == nil {
		z = p.hatch(s)
	}
	return p.forkBy(s, z)
}

// hatch starts a zygote for a shelf, and borrows it.
func (p *pool) hatch(s *shelf) *forkServer {
	z, err := p.runner.startZygote(s.spec, s.filter)
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil {
		p.unfit(s, err)
		return nil
	}
	p.stats.Hatched++
	if p.kinds[s.kind] == s {
		p.retire(s)
		s.zygote = z
	} else { // forgotten meanwhile
		defer p.runner.end(z)
	}
	z.users.Add(1)
	return z
}

// forkBy makes a sandbox by a borrowed zygote, and gives that back. A zygote that
// does not fork is not asked again.
func (p *pool) forkBy(s *shelf, z *forkServer) *run {
	if z == nil {
		return nil
	}
	x, err := p.runner.fork(z)
	z.users.Done() // before the zygote is ended, which waits for it
	p.mu.Lock()
	defer p.mu.Unlock()
	if err == nil {
		p.stats.Forked++
		return x
	}
	p.unfit(s, err)
	if s.zygote == z {
		p.retire(s)
	}
	return nil
}

// unfit notes why a shelf's zygote does not serve, and leaves the shelf without one
// for a while. The caller holds mu.
func (p *pool) unfit(s *shelf, err error) {
	if p.runner.ctx.Err() != nil {
		return // it is being closed
	}
	p.stats.Unfit++
	s.barren = time.Now().Add(retryAfter)
	if p.limits.Report != nil {
		p.limits.Report(err)
	}
}

// retire ends a shelf's zygote; what it forked stays. The caller holds mu.
func (p *pool) retire(s *shelf) {
	if s.zygote != nil {
		p.runner.end(s.zygote)
		s.zygote = nil
	}
}

// end stops a zygote without making anybody wait.
func (r *Runner) end(z *forkServer) {
	if !r.begin() {
		r.note(z.stop())
		return
	}
	go func() {
		defer r.tasks.Done()
		r.note(z.stop())
	}()
}
