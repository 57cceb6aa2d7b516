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

// forkNow makes a sandbox for a run that found none, or returns nil.
func (p *pool) forkNow(kind kindOf) *run {
	p.mu.Lock()
	s := p.kinds[kind]
	var z *forkServer
	if s != nil {
		z = p.borrow(s)
	}
	p.mu.Unlock()
	return p.forkBy(s, z)
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
