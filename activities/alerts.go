package activities

import (
	"context"
	"sync"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/activities/secrets"
	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/sandbox"
)

// maxAlerts is how many alerts of one program may wait to be told.
const maxAlerts = 64

// maxTold bounds the alerts that a heartbeat carries: the first ones.
const maxTold = 16

// alerts tell of a program's grave violations while it still runs. The supervisor
// of the program never waits for them.
type alerts struct {
	inbox chan sandbox.Violation
	tell  func(sandbox.Violation)
	fresh chan struct{} // holds one token when a heartbeat has something new to say
	over  chan struct{}
	done  chan struct{}

	mu   sync.Mutex
	told []contract.Alert
}

// alert begins to tell of violations; the caller must call close when nothing
// sends to inbox any more.
func (p *Processes) alert(ctx context.Context, request contract.Process, level policies.Level, redact *secrets.Redactor, file filing) *alerts {
	a := &alerts{
		inbox: make(chan sandbox.Violation, maxAlerts),
		fresh: make(chan struct{}, 1), over: make(chan struct{}), done: make(chan struct{}),
	}
	a.tell = func(v sandbox.Violation) {
		v.Detail, v.Command = redact.Text(v.Detail), redact.Text(v.Command)
		file.now(ctx, v)
		if p.Alert != nil {
			p.Alert(request, level, v)
		}
	}
	go a.relay()
	return a
}

func (a *alerts) relay() {
	defer close(a.done)
	for {
		select {
		case v := <-a.inbox:
			a.pass(v)
		case <-a.over:
			for len(a.inbox) > 0 {
				a.pass(<-a.inbox)
			}
			return
		}
	}
}

// pass gives a violation to the next heartbeat, which is sent at once, and then to
// whoever wants to be told.
func (a *alerts) pass(v sandbox.Violation) {
	a.mu.Lock()
	if len(a.told) < maxTold {
		a.told = append(a.told, contract.Alert{ID: v.ID, Type: string(v.Type), Severity: v.Severity.String(), Syscall: v.Syscall})
	}
	a.mu.Unlock()
	select {
	case a.fresh <- struct{}{}:
	default:
	}
	a.tell(v)
}

// close returns when all that came has been told.
func (a *alerts) close() {
	close(a.over)
	<-a.done
}

// heartbeat is what a heartbeat says: nothing, or the alerts so far. The nil
// alerts have none.
func (a *alerts) heartbeat() []any {
	if a == nil {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.told) == 0 {
		return nil
	}
	return []any{append([]contract.Alert{}, a.told...)}
}

// news is ready when heartbeat has something new to say.
func (a *alerts) news() <-chan struct{} {
	if a == nil {
		return nil
	}
	return a.fresh
}
