package environments

import (
	"context"
	"strings"
	"sync"
	"time"

	"lazaret.dev/lazaret/sandbox"
)

// Runner runs one program in a fresh sandbox; *sandbox.Runner is one.
type Runner interface {
	Run(ctx context.Context, spec sandbox.Spec) (sandbox.Result, error)
}

// Environments makes and keeps package environments. Set the fields before use
// and do not change them after. It is safe for concurrent use: at most one pip
// runs at a time.
type Environments struct {
	Runner Runner
	Cache  Cache
	Index  Index
	// Lock is the operator's: only its packages are installed, all of them
	// together. Nil resolves what a definition asks for against the index.
	Lock *Lock

	pip      turn
	resolved resolutions
}

// Resolve decides which packages exactly a script gets that asks for some. Its
// error is a *Fault, or one of the sandbox.
func (e *Environments) Resolve(ctx context.Context, python Python, packages []string) (Lock, error) {
	asked, err := parseRequirements(packages)
	if err != nil {
		return Lock{}, err
	}
	if e.Lock != nil {
		return *e.Lock, e.Lock.covers(asked)
	}
	if err := e.hasIndex(); err != nil {
		return Lock{}, err
	}
	key := python.Path + " " + strings.Join(packages, " ")
	if lock, ok := e.resolved.get(key); ok {
		return lock, nil
	}
	lock, err := e.resolve(ctx, python, asked)
	if err == nil {
		e.resolved.put(key, lock)
	}
	return lock, err
}

// Acquire gives the folder with the packages of a lock, built now if it must be.
// Nobody removes it until release is called. Its errors are those of Resolve.
func (e *Environments) Acquire(ctx context.Context, python Python, lock Lock) (dir string, release func(), err error) {
	if err := e.hasIndex(); err != nil {
		return "", nil, err
	}
	return e.Cache.Acquire(ctx, lock.Digest()+"-"+python.Version, func(dir string) (int64, error) {
		archive, err := e.install(ctx, python, lock)
		if err != nil {
			return 0, err
		}
		return unpack(archive, dir)
	})
}

func (e *Environments) hasIndex() error {
	if !e.Index.exists() {
		return fault(Refused, "this worker installs no Python packages; the operator may name an index with --python-index")
	}
	return nil
}

// turn lets one at a time, who waits no longer than its context.
type turn struct {
	once sync.Once
	free chan struct{}
}

func (t *turn) take(ctx context.Context) (giveBack func(), err error) {
	t.once.Do(func() { t.free = make(chan struct{}, 1) })
	select {
	case t.free <- struct{}{}:
		return func() { <-t.free }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// resolutions remember for a while what an index answered.
type resolutions struct {
	mu    sync.Mutex
	known map[string]resolution
}

type resolution struct {
	lock  Lock
	until time.Time
}

const (
	rememberFor   = 10 * time.Minute
	maxRemembered = 1000
)

func (r *resolutions) get(key string) (Lock, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	found, ok := r.known[key]
	return found.lock, ok && time.Now().Before(found.until)
}

func (r *resolutions) put(key string, lock Lock) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.known == nil || len(r.known) >= maxRemembered {
		r.known = map[string]resolution{}
	}
	r.known[key] = resolution{lock, time.Now().Add(rememberFor)}
}
