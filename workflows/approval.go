package workflows

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/workflows/definition"
)

// approvals are what an execution waits for a person to decide about. Decisions
// come as Updates; each is bound to the digest of what was shown.
type approvals struct {
	waiting []*approval // in the order in which they began to wait
}

type approval struct {
	asked    contract.Approvable
	decision *contract.LibvirtApproval // nil: none yet
}

func (a *approvals) list() []contract.Approvable {
	var all []contract.Approvable
	for _, w := range a.waiting {
		if w.decision == nil {
			all = append(all, w.asked)
		}
	}
	return all
}

// serve takes decisions. Those that are about nothing that waits are refused, and
// leave nothing in history.
func (a *approvals) serve(ctx workflow.Context) error {
	if err := a.take(ctx, contract.ApproveUpdate, "let an operation be done that waits for approval", false); err != nil {
		return err
	}
	return a.take(ctx, contract.RejectUpdate, "refuse an operation that waits for approval", true)
}

func (a *approvals) take(ctx workflow.Context, update, text string, rejected bool) error {
	decide := func(ctx workflow.Context, d contract.Decision) (contract.Approvable, error) {
		w, err := a.find(d)
		if err != nil {
			return contract.Approvable{}, err
		}
		w.decision = &contract.LibvirtApproval{
			Digest: d.Digest, Asked: w.asked.Asked, Reviewer: d.Reviewer, Reason: d.Reason, By: d.By,
			Update: workflow.GetCurrentUpdateInfo(ctx).ID, Rejected: rejected,
		}
		return w.asked, nil
	}
	return workflow.SetUpdateHandlerWithOptions(ctx, update, decide, workflow.UpdateHandlerOptions{
		Validator: func(d contract.Decision) error { _, err := a.find(d); return err }, Description: text,
	})
}

// find is what a decision is about.
func (a *approvals) find(d contract.Decision) (*approval, error) {
	for _, field := range []struct{ name, text string }{{"reviewer", d.Reviewer}, {"reason", d.Reason}} {
		if problem := signable(field.text); problem != "" {
			return nil, refusal("%s %s", field.name, problem)
		}
	}
	i := slices.IndexFunc(a.waiting, func(w *approval) bool { return w.decision == nil && w.asked.Digest == d.Digest })
	switch {
	case len(a.list()) == 0:
		return nil, refusal("nothing waits for approval")
	case d.Digest == "":
		return nil, refusal("digest is missing: it says what was looked at; the details and the query %s have it", contract.StateQuery)
	case i < 0:
		return nil, refusal("nothing that waits has the digest %.64q; look again at what waits", d.Digest)
	case d.Task != "" && d.Task != a.waiting[i].asked.Task:
		return nil, refusal("the digest is that of %s, not of %.200s", a.waiting[i].asked.Task, d.Task)
	}
	return a.waiting[i], nil
}

// maxSigned bounds who decided, and why, in bytes.
const maxSigned = 500

func signable(text string) string {
	switch {
	case strings.TrimSpace(text) == "":
		return "is missing"
	case len(text) > maxSigned:
		return fmt.Sprintf("has %d bytes, over the limit of %d", len(text), maxSigned)
	case strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }):
		return "has characters that cannot be printed"
	}
	return ""
}

// await waits for the decision, until it is too late for one. A run that shall
// continue as new suspends; the next one waits on.
func (a *approvals) await(ctx workflow.Context, e *execution, t *definition.Task, asked contract.Approvable) (*contract.LibvirtApproval, error) {
	w := &approval{asked: asked}
	a.waiting = append(a.waiting, w)
	if err := e.showWaiting(ctx, t, true); err != nil {
		return nil, err
	}
	err := w.wait(ctx, e)
	a.waiting = slices.DeleteFunc(a.waiting, func(other *approval) bool { return other == w })
	if errors.Is(err, errSuspended) {
		return nil, err
	}
	if shown := e.showWaiting(ctx, t, false); shown != nil {
		return nil, shown
	}
	return w.decision, err
}

func (w *approval) wait(ctx workflow.Context, e *execution) error {
	left := w.asked.Until.Sub(now(ctx))
	timed, cancel := workflow.WithCancel(ctx)
	defer cancel()
	late := false
	timer := workflow.NewTimerWithOptions(timed, max(left, time.Millisecond), workflow.TimerOptions{Summary: w.asked.Task + " approval"})
	workflow.Go(timed, func(ctx workflow.Context) { late = timer.Get(ctx, nil) == nil })
	if err := workflow.Await(ctx, func() bool { return w.decision != nil || late || e.draining }); err != nil {
		return err
	}
	switch {
	case w.decision != nil:
		return nil
	case e.draining:
		return errSuspended
	}
	return &contract.Fault{
		Type: contract.TimeoutError, Status: 408, Title: "Timeout", Instance: w.asked.Task,
		Detail: fmt.Sprintf("nobody approved %s within %s", w.asked.Operation, w.asked.Within),
	}
}

// showWaiting tells people, in the details, the query and a search attribute.
func (e *execution) showWaiting(ctx workflow.Context, t *definition.Task, waits bool) error {
	ctx, cancel := workflow.NewDisconnectedContext(ctx) // a timeout may have ended the wait
	defer cancel()
	e.progress.awaits(t, waits)
	e.progress.publish(ctx)
	return workflow.UpsertTypedSearchAttributes(ctx, temporal.NewSearchAttributeKeyKeyword(contract.AttributeState).ValueSet(e.progress.status))
}

// approvable is what an activity's error says that a person must approve, or nil.
func approvable(err error) *contract.Approvable {
	var application *temporal.ApplicationError
	var asked contract.Approvable
	if !errors.As(err, &application) || application.Type() != contract.LibvirtAwaits || application.Details(&asked) != nil {
		return nil
	}
	return &asked
}

// approvalMarkdown is what waits, with the input of the Update that decides.
func approvalMarkdown(a contract.Approvable) string {
	decision, err := json.Marshal(contract.Decision{Digest: a.Digest, Task: a.Task, Reviewer: "…", Reason: "…"})
	if err != nil {
		return ""
	}
	return fmt.Sprintf("⏸ **%s** (%s) at %s waits for approval until %s\n\n> %s\n\nUpdate `%s` or `%s` with\n\n    %s\n\n",
		markdownText(a.Operation), markdownText(a.Danger), markdownText(a.URI), a.Until.Format(time.RFC3339),
		markdownText(string(a.With)), contract.ApproveUpdate, contract.RejectUpdate, decision)
}
