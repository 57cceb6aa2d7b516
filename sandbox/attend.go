package sandbox

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// Service is the worker's side of a connection with one program, in a goroutine
// of its own. What comes over the connection is hostile data: from the program,
// and from whatever process of the sandbox the program left the descriptor to.
//
// The context ends, and the connection is closed, when all of them are gone or the
// run ends otherwise; Run returns after the Service has. report records an act
// that the Service did not let pass, by the rules that the supervisor has for its
// own: it may end the run. It must not be called after the Service has returned.
type Service func(ctx context.Context, conn net.Conn, report func(Violation))

// ServiceFD is the descriptor on which a program finds its Spec's Service.
const ServiceFD = 5

func (s *Spec) hasService() bool { return s.Service != nil || s.serves }

// streamPair makes the connection of a service. A pair has no address and no
// listener: nothing but the two ends can ever talk on it.
func streamPair() (ours, theirs *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("service socket: %w", err)
	}
	return os.NewFile(uintptr(fds[0]), "service"), os.NewFile(uintptr(fds[1]), "service"), nil
}

// attendance is the Service of a run at work. The nil attendance is that of a run
// without one.
type attendance struct {
	run    *run
	cancel context.CancelFunc
	conn   net.Conn
	done   chan struct{}

	mu      sync.Mutex // guards refused
	refused *ledger
}

// attend starts the Spec's Service.
func (x *run) attend(ctx context.Context) *attendance {
	if x.spec.Service == nil {
		return nil
	}
	a := &attendance{run: x, done: make(chan struct{}), refused: newLedger(x.spec)}
	var err error
	a.conn, err = net.FileConn(x.slot.service)
	if err = errors.Join(err, x.slot.service.Close()); err != nil {
		close(a.done) // the program finds a connection at which nobody is
		return a
	}
	ctx, a.cancel = context.WithCancel(ctx)
	go func() {
		defer close(a.done)
		defer func() { _ = a.conn.Close() }()
		x.spec.Service(ctx, a.conn, a.report)
	}()
	return a
}

func (a *attendance) report(v Violation) {
	a.mu.Lock()
	defer a.mu.Unlock()
	ends := a.run.spec.endsAt(v, a.refused)
	if ends {
		v.Action = actionKill
	}
	if a.refused.add(v) {
		a.refused.alert()
	}
	if ends {
		a.run.end(Denied)
	}
}

// stop ends the Service and returns what it reported. It may be called on a nil
// attendance. Preconditions: the sandbox's processes are gone.
func (a *attendance) stop() []Violation {
	if a == nil {
		return nil
	}
	if a.cancel != nil {
		a.cancel()
		_ = a.conn.Close()
	}
	<-a.done
	return a.refused.list()
}
