package ledger

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"lazaret.dev/lazaret/activities/contract"
)

// Gate refuses what belongs to a definition that is held: by its name, by the
// digest of its document, by the digest of a script. It follows the register, and
// where it has not heard of it for too long it lets nothing pass.
//
// Its fields are set before it is used and not changed after; the methods are safe
// for concurrent use.
type Gate struct {
	Client client.Client
	// Namespace is Temporal's, where the register is; empty: the default one.
	Namespace string
	// Changed, if set, is told how many definitions are held after every change.
	Changed func(held int)
	// Suspended, if set, says that the policy suspends who started an execution, as a
	// *contract.Fault, or that it does not know.
	Suspended func(ctx context.Context, task contract.TaskID, run workflow.Execution) error
	// Trouble, if set, is told why the register could not be read.
	Trouble func(err error)

	mu      sync.Mutex
	held    map[string]contract.Held // by namespace/name, by digest and by script's digest
	synced  time.Time
	news    chan struct{} // closed at the next sync; nil: nobody waits
	passing map[*passage]bool
	// Used by Follow alone.
	last   position
	search time.Time
}

// The gate's times. Together they bound how late a worker refuses: followEvery and
// two calls, where the register's word did not wake it before.
const (
	followEvery = 150 * time.Millisecond
	maxStale    = 5 * time.Second
	maxWait     = 10 * time.Second // for the first word of the register
)

// passage is an activity that was let through and still runs.
type passage struct {
	task   contract.TaskID
	script string
	end    context.CancelCauseFunc
}

// errUnknown makes Temporal retry the activity, here or elsewhere.
var errUnknown = errors.New("it is not known what is held: the register does not answer")

// Check tells what holds a task, or nil. An error says that the gate does not know.
func (g *Gate) Check(ctx context.Context, task contract.TaskID, script string) (*contract.Held, error) {
	if err := g.fresh(ctx); err != nil {
		return nil, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.find(task, script), nil
}

func (g *Gate) find(task contract.TaskID, script string) *contract.Held {
	for _, key := range []string{task.Namespace + "/" + task.Name, task.Digest, script} {
		if h, is := g.held[key]; is && key != "" {
			return &h
		}
	}
	return nil
}

// fresh waits for the register's word, within a bound.
func (g *Gate) fresh(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, maxWait)
	defer cancel()
	for {
		g.mu.Lock()
		if time.Since(g.synced) < maxStale {
			g.mu.Unlock()
			return nil
		}
		if g.news == nil {
			g.news = make(chan struct{})
		}
		news := g.news
		g.mu.Unlock()
		select {
		case <-news:
		case <-ctx.Done():
			return temporal.NewApplicationError(errUnknown.Error(), "RegisterUnknown")
		}
	}
}

// pass lets an activity through, and ends it when its definition comes to be held.
func (g *Gate) pass(ctx context.Context, task contract.TaskID, script string) (context.Context, func(), error) {
	if err := g.fresh(ctx); err != nil {
		return nil, nil, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if h := g.find(task, script); h != nil {
		return nil, nil, heldError(*h, task, script)
	}
	watched, end := context.WithCancelCause(ctx)
	p := &passage{task, script, end}
	if g.passing == nil {
		g.passing = map[*passage]bool{}
	}
	g.passing[p] = true
	return watched, func() {
		end(nil)
		g.mu.Lock()
		defer g.mu.Unlock()
		delete(g.passing, p)
	}, nil
}

// set replaces all that is held, and ends the activities that it concerns.
func (g *Gate) set(all []contract.Held) {
	held := map[string]contract.Held{}
	for _, h := range all {
		held[h.Namespace+"/"+h.Name] = h
		for _, digest := range slices.Concat(h.Digests, h.Scripts) {
			held[digest] = h
		}
	}
	g.mu.Lock()
	g.held = held
	for p := range g.passing {
		if h := g.find(p.task, p.script); h != nil {
			p.end(heldError(*h, p.task, p.script))
		}
	}
	g.mu.Unlock()
	if g.Changed != nil {
		g.Changed(len(all))
	}
}

// heard notes that what is known was right at a moment.
func (g *Gate) heard(at time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.synced = at
	if g.news != nil {
		close(g.news)
		g.news = nil
	}
}

// Detail says for people why something is held.
func Detail(h contract.Held, task contract.TaskID, script string) string {
	name := h.Namespace + "/" + h.Name
	text := name + " is in quarantine since " + h.Since.UTC().Format(time.RFC3339)
	switch own := task.Namespace + "/" + task.Name; {
	case own == name:
	case script != "" && slices.Contains(h.Scripts, script):
		text = fmt.Sprintf("the script (%.12s) is that of %s, which", script, text)
	default:
		text = fmt.Sprintf("the document (%.12s) is that of %s", task.Digest, text)
	}
	if h.Reason != "" {
		text += ": " + h.Reason
	}
	return text + "; after a review: lazaret quarantine release " + name
}

// heldError is what an activity of a held definition fails with. Nobody retries
// it; the execution holds.
func heldError(h contract.Held, task contract.TaskID, script string) error {
	fault := &contract.Fault{Type: contract.Quarantined, Status: 403, Title: "Quarantined", Detail: Detail(h, task, script)}
	order := contract.Order{
		Namespace: h.Namespace, Name: h.Name, Revision: h.Revision, Do: contract.HoldExecution, Reason: h.Reason, Incident: h.Incident,
	}
	// Who shares a script alone with the definition is not told of its release.
	shares := task.Namespace+"/"+task.Name != h.Namespace+"/"+h.Name && !slices.Contains(h.Digests, task.Digest)
	if h.Action == contract.FaultExecution || shares {
		order.Do = contract.FaultExecution
	}
	return temporal.NewApplicationErrorWithOptions(fault.Error(), fault.Type, temporal.ApplicationErrorOptions{
		NonRetryable: true, Details: []any{fault, order}, Category: temporal.ApplicationErrorCategoryBenign,
	})
}
