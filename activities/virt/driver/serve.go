package driver

import (
	"bufio"
	"context"
	"encoding/json"
	"os"
	"runtime/debug"
	"sync"

	"lazaret.dev/lazaret/activities/virt"
)

// Name is what a process of this package is started as: its os.Args[0].
const Name = "lazaret-libvirt"

// socketFD is the descriptor of the socket that a process inherits.
const socketFD = 3

// Executor carries out the calls of one URI in the process. It is safe for
// concurrent use.
type Executor interface {
	Execute(ctx context.Context, call virt.Call, progress func(virt.Progress)) (any, error)
	// Watch tells what happens to guests until its context ends or it cannot go on.
	Watch(ctx context.Context, tell func(virt.Happening)) error
}

// Started says whether this process is to Serve.
func Started() bool { return len(os.Args) > 0 && os.Args[0] == Name }

// URI is the host that this process is a client of.
func URI() string {
	if len(os.Args) < 2 {
		return ""
	}
	return os.Args[1]
}

// MayLack are the parts of its confinement that the operator lets it do without.
func MayLack() []string { return os.Args[min(2, len(os.Args)):] }

// Serve answers calls until the socket is closed, and returns the exit code.
// Before the first call the process confines itself.
func Serve(executor Executor, confine func(uri string) error) int {
	debug.SetTraceback("single")
	socket := os.NewFile(socketFD, "socket")
	s := server{executor: executor, up: writer{w: socket}, calls: map[uint64]context.CancelFunc{}}
	if err := confine(URI()); err != nil {
		_ = s.up.write(up{Fatal: err.Error()})
		return 1
	}
	if s.up.write(up{Ready: true}) != nil {
		return 1
	}
	s.read(bufio.NewReader(socket))
	return 0 // without waiting: what still goes on hangs, or nobody is interested in
}

type server struct {
	executor Executor
	up       writer

	mu    sync.Mutex
	calls map[uint64]context.CancelFunc
}

func (s *server) read(r *bufio.Reader) {
	for {
		var frame down
		if readFrame(r, &frame) != nil {
			return
		}
		if frame.Cancel {
			s.end(frame.ID)
			continue
		}
		if frame.Call != nil {
			go s.answer(s.begin(frame.ID), frame.ID, *frame.Call)
		}
		if frame.Watch {
			go s.watch(s.begin(frame.ID), frame.ID)
		}
	}
}

func (s *server) begin(id uint64) context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls[id] = cancel
	return ctx
}

func (s *server) watch(ctx context.Context, id uint64) {
	defer s.end(id)
	err := s.executor.Watch(ctx, func(h virt.Happening) {
		if err := s.up.write(up{ID: id, Happened: &h}); err != nil {
			s.end(id) // more guests than a frame holds, or nobody is there any more
		}
	})
	if err == nil {
		err = virt.Errorf(virt.Failed, "the watch ended")
	}
	_ = s.up.write(up{ID: id, Error: virt.AsError(err)})
}

func (s *server) end(id uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if cancel := s.calls[id]; cancel != nil {
		cancel()
		delete(s.calls, id)
	}
}

func (s *server) answer(ctx context.Context, id uint64, call virt.Call) {
	defer s.end(id)
	answer := up{ID: id}
	result, err := s.execute(ctx, id, call)
	if err == nil {
		answer.Result, err = json.Marshal(result)
	}
	if err != nil {
		answer.Result, answer.Error = nil, virt.AsError(err)
	}
	if err := s.up.write(answer); err != nil {
		_ = s.up.write(up{ID: id, Error: virt.Errorf(virt.Failed, "the result cannot be sent: %v", err)})
	}
}

// execute checks the arguments once more: whoever can write to the socket cannot
// make this process do more than the operations do.
func (s *server) execute(ctx context.Context, id uint64, call virt.Call) (any, error) {
	operation, ok := virt.Find(call.Operation)
	if !ok {
		return nil, virt.Errorf(virt.Invalid, "%q is no operation", call.Operation)
	}
	arguments, err := operation.Arguments(call.Arguments)
	if err != nil {
		return nil, err
	}
	call.Arguments = arguments
	if call.ReadOnly && operation.Changes {
		return nil, virt.Errorf(virt.Denied, "%s changes something, and this connection only reads", call.Operation)
	}
	return s.executor.Execute(ctx, call, func(p virt.Progress) {
		_ = s.up.write(up{ID: id, Progress: &p}) // when the socket is gone, so is who asked
	})
}
