package driver

import (
	"context"
	"encoding/json"
	"errors"
	"sync"

	"lazaret.dev/lazaret/activities/virt"
)

// Pool is a virt.Driver that runs each URI's calls in a process of its own. The
// caller closes it.
type Pool struct {
	spawner *spawner

	mu        sync.Mutex
	processes map[string]*slot // by URI
	all       map[*process]bool
	closed    bool
}

// slot is the place of a URI's process; its lock is held while one starts.
type slot struct {
	mu      sync.Mutex
	current *process
}

// NewPool returns a Pool; processes are started when they are first needed. mayLack
// are the parts of their confinement that they may be without where this machine
// cannot give them, by their names: NetworkNamespace, and what Serve's confine
// knows.
// Preconditions: main calls Serve where Started.
func NewPool(mayLack ...string) (*Pool, error) {
	s, err := newSpawner(mayLack)
	if err != nil {
		return nil, err
	}
	return &Pool{spawner: s, processes: map[string]*slot{}, all: map[*process]bool{}}, nil
}

// Call carries one call out. It returns soon after the context has ended.
func (p *Pool) Call(ctx context.Context, call virt.Call, progress func(virt.Progress)) (json.RawMessage, error) {
	for attempt := 1; ; attempt++ {
		process, err := p.process(ctx, call.URI)
		if err != nil {
			return nil, err
		}
		result, err := process.call(ctx, call, progress)
		if lost := (*lostError)(nil); !errors.As(err, &lost) {
			return result, err
		}
		// What only reads may be asked again; whoever crashes it twice is answered.
		if operation, _ := virt.Find(call.Operation); operation.Changes || attempt == 2 || ctx.Err() != nil {
			return nil, &virt.Error{Code: virt.Unreachable, Message: err.Error(), Lost: operation.Changes}
		}
	}
}

// Watch tells what happens to the guests of a URI until the context ends or the
// connection breaks.
func (p *Pool) Watch(ctx context.Context, uri string, tell func(virt.Happening)) error {
	process, err := p.process(ctx, uri)
	if err != nil {
		return err
	}
	return process.watch(ctx, tell)
}

// process is the URI's process, started if there is none that takes calls.
func (p *Pool) process(ctx context.Context, uri string) (*process, error) {
	p.mu.Lock()
	s := p.processes[uri]
	if s == nil {
		s = &slot{}
		p.processes[uri] = s
	}
	p.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current != nil && s.current.usable() {
		return s.current, nil
	}
	started, err := p.start(ctx, uri)
	if err != nil {
		return nil, err
	}
	s.current = started
	return started, nil
}

func (p *Pool) start(ctx context.Context, uri string) (*process, error) {
	p.mu.Lock()
	closed := p.closed
	p.mu.Unlock()
	if closed {
		return nil, virt.Errorf(virt.Unreachable, "the worker is stopping")
	}
	started, err := startProcess(ctx, p.spawner, uri)
	if err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, virt.Errorf(virt.Unreachable, "no libvirt process could be started: %v", err)
	}
	p.mu.Lock()
	p.all[started] = true
	p.mu.Unlock()
	go func() {
		<-started.ended
		p.mu.Lock()
		delete(p.all, started)
		p.mu.Unlock()
	}()
	return started, nil
}

// Close kills the processes and waits for their ends. Preconditions: no call goes on.
func (p *Pool) Close() error {
	p.mu.Lock()
	p.closed = true
	var left []*process
	for process := range p.all {
		left = append(left, process)
	}
	p.mu.Unlock()
	for _, process := range left {
		process.kill()
		<-process.ended
	}
	return p.spawner.close()
}
