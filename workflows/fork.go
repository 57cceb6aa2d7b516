package workflows

import (
	"go.temporal.io/sdk/workflow"

	"lazaret.dev/lazaret/workflows/definition"
	"lazaret.dev/lazaret/workflows/expression"
)

// runFork runs its branches at the same time, each with the fork's input and a
// context of its own. Without compete the output is the array of their outputs
// in declaration order; with compete it is the first success's. A branch that
// is no longer wanted is cancelled and waited for: nothing of it goes on.
func (e *execution) runFork(ctx workflow.Context, s scope, t *definition.Task, body *definition.Fork, u *underWay) (any, definition.Then, error) {
	if u.Branches == nil {
		for range body.Branches {
			u.Branches = append(u.Branches, &branch{Body: &frame{Data: u.Input}, Line: *s.line})
		}
	}
	r := e.startRace(ctx, s, body, u.Branches)
	defer r.cancel()
	if err := r.wait(ctx); err != nil {
		return nil, t.Then, err
	}
	if r.ended {
		return r.output, definition.Then{Directive: definition.End}, nil
	}
	if body.Compete {
		s.line.merge(u.Branches[r.winner].Line.Context)
		return u.Branches[r.winner].Body.Data, t.Then, nil
	}
	outputs := make([]any, len(u.Branches))
	for i, b := range u.Branches {
		outputs[i] = b.Body.Data
	}
	s.line.merge(mergeContexts(s.line.Context, u.Branches))
	return outputs, t.Then, nil
}

// merge takes what branches have made of the context, if it is another: some may have
// done so in an earlier run.
func (l *line) merge(context any) {
	if !expression.Equal(l.Context, context) {
		l.exports++
	}
	l.Context = context
}

// race is the running of a fork's branches.
type race struct {
	cancel   workflow.CancelFunc
	compete  bool
	branches []*branch
	running  int
	winner   int   // index of the first branch to complete, or -1
	failed   error // the first fault
	stopped  error // suspension or cancellation of a branch
	ended    bool  // a branch whose word counts said then: end
	output   any   // of the branch that ended the workflow
}

func (e *execution) startRace(ctx workflow.Context, s scope, body *definition.Fork, branches []*branch) *race {
	ctx, cancel := workflow.WithCancel(ctx)
	r := &race{cancel: cancel, compete: body.Compete, branches: branches, winner: -1}
	for i, b := range branches {
		if b.Done {
			continue
		}
		if b.Fault != nil {
			r.failed = either(r.failed, b.Fault)
			continue
		}
		r.running++
		workflow.GoNamed(ctx, body.Branches[i].Reference, func(ctx workflow.Context) {
			own := scope{line: &b.Line, vars: s.vars}
			output, ended, err := e.runList(ctx, own, body.Branches[i:i+1], b.Body)
			r.finish(i, output, ended, err)
		})
	}
	return r
}

func (r *race) finish(i int, output any, ended definition.Directive, err error) {
	r.running--
	switch {
	case err == nil:
		r.branches[i].Done, r.branches[i].Body.Data = true, output
		if r.winner < 0 {
			r.winner = i
		}
		if ended == definition.End && !r.ended && (!r.compete || r.winner == i) {
			r.ended, r.output = true, output
		}
	case !catchable(err):
		if r.stopped == nil {
			r.stopped = err
		}
	default:
		r.branches[i].Fault = asFault(err)
		r.failed = either(r.failed, err)
	}
}

// wait returns once the race is decided and no branch runs any more.
func (r *race) wait(ctx workflow.Context) error {
	decided := func() bool {
		if r.compete {
			return r.running == 0 || r.winner >= 0
		}
		return r.running == 0 || r.failed != nil || r.ended
	}
	if err := workflow.Await(ctx, decided); err != nil {
		r.stopped = err
	}
	r.cancel()
	away, done := workflow.NewDisconnectedContext(ctx)
	defer done()
	_ = workflow.Await(away, func() bool { return r.running == 0 })
	return r.verdict(ctx)
}

func (r *race) verdict(ctx workflow.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if r.ended || r.compete && r.winner >= 0 {
		return nil
	}
	if r.failed != nil && (!r.compete || r.stopped == nil) {
		return r.failed
	}
	return r.stopped
}

// mergeContexts is the context after a fork: where all are objects, the
// members that a branch changed, the later branch's last; otherwise the last
// changed context whole.
func mergeContexts(before any, branches []*branch) any {
	merged := before
	for _, b := range branches {
		merged = mergeContext(before, merged, b.Line.Context)
	}
	return merged
}
