package workflows

import (
	"strings"
	"time"

	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"lazaret.dev/lazaret/activities/contract"
)

// renewLedgerAfter bounds how many signals and changes one run of a ledger takes,
// and so its history.
const renewLedgerAfter = 400

// maxReports is how many reports are judged together.
const maxReports = 100

// keepLedger is the entity of one definition. It lives for ever, in runs that
// continue as new: reports come by signal, changes by update, reads by query.
func keepLedger(ctx workflow.Context, carried contract.Ledger) error {
	l := &ledger{
		state: ledgerState{carried}, turn: workflow.NewMutex(ctx),
		reports: workflow.GetSignalChannel(ctx, contract.ReportSignal),
		related: workflow.GetSignalChannel(ctx, contract.RelatedSignal),
		ends:    workflow.GetSignalChannel(ctx, contract.EndSignal),
	}
	if l.state.State == "" {
		l.state.State, l.state.Since = contract.LedgerActive, now(ctx)
	}
	l.state.readOldIncidents()
	if err := l.answer(ctx); err != nil {
		return err
	}
	if err := l.show(ctx); err != nil {
		return err
	}
	for {
		if err := l.await(ctx); err != nil {
			return err
		}
		if err := l.hear(ctx); err != nil {
			return err
		}
		if l.renewable(ctx) {
			return workflow.NewContinueAsNewError(ctx, contract.LedgerWorkflow, l.state.Ledger)
		}
	}
}

// ledger is one run of the entity.
type ledger struct {
	state   ledgerState
	turn    workflow.Mutex // one change at a time
	taken   int            // signals and changes in this run
	telling int            // executions are being told
	// What comes by signal.
	reports, related, ends workflow.ReceiveChannel
}

func (l *ledger) renewable(ctx workflow.Context) bool {
	due := l.taken >= renewLedgerAfter || workflow.GetInfo(ctx).GetContinueAsNewSuggested()
	return due && l.telling == 0 && l.unheard() == 0 && workflow.AllHandlersFinished(ctx)
}

func (l *ledger) unheard() int { return l.reports.Len() + l.related.Len() + l.ends.Len() }

// await returns when there is something to do: reports, the end of the watch, or
// a run that is long enough.
func (l *ledger) await(ctx workflow.Context) error {
	watch, stop := workflow.WithCancel(ctx)
	defer stop()
	until, over := l.state.WatchUntil, false
	if l.state.State == contract.LedgerReleased {
		timer := workflow.NewTimerWithOptions(watch, max(until.Sub(now(ctx)), time.Millisecond), workflow.TimerOptions{Summary: "watch"})
		workflow.Go(watch, func(ctx workflow.Context) { over = timer.Get(ctx, nil) == nil })
	}
	err := workflow.Await(ctx, func() bool {
		return over || l.unheard() > 0 || l.state.WatchUntil != until || l.renewable(ctx)
	})
	if err != nil || !over {
		return err
	}
	if err := l.turn.Lock(ctx); err != nil {
		return err
	}
	defer l.turn.Unlock()
	if l.state.WatchUntil.Equal(until) && l.state.move(watchedEvent, "", "nothing happened while it was watched", now(ctx)) {
		l.state.WatchUntil = time.Time{}
		return l.show(ctx)
	}
	return nil
}

// hear takes in all signals that have come.
func (l *ledger) hear(ctx workflow.Context) error {
	if l.unheard() == 0 {
		return nil
	}
	if err := l.turn.Lock(ctx); err != nil {
		return err
	}
	defer l.turn.Unlock()
	if err := l.hearRelated(ctx); err != nil {
		return err
	}
	for l.reports.Len() > 0 {
		if err := l.judge(ctx, receiveAll(l.reports)); err != nil {
			return err
		}
	}
	for l.ends.Len() > 0 {
		if err := l.hearEndings(ctx, receiveAll(l.ends)); err != nil {
			return err
		}
	}
	return l.show(ctx)
}

// hearEndings counts errors and successes of executions, and does what follows.
func (l *ledger) hearEndings(ctx workflow.Context, endings []contract.Signed) error {
	l.taken += len(endings)
	var judged contract.EndJudged
	err := workflow.ExecuteLocalActivity(ledgerActivity(ctx), contract.JudgeEndings, contract.EndJudging{
		Summary: l.state.LedgerSummary, Known: l.state.knownFailures(), Endings: endings,
		Counting: l.state.counting(), Rates: l.state.Rates,
	}).Get(ctx, &judged)
	if err != nil {
		return err
	}
	l.state.recordEndings(judged)
	switch judged.Do {
	case contract.RecoverQuarantine:
		if l.state.quarantine(errorsEvent, "", judged.Reason, judged.Action, judged.At) {
			if err := l.enforce(ctx, judged.Action); err != nil {
				return err
			}
		}
	case contract.RecoverShutdown:
		l.state.Critical = 0
		l.state.Revision = max(l.state.Revision+1, judged.At.UnixMilli())
		l.spread(ctx, contract.Enforcement{Ledger: l.state.Ledger, Do: contract.ShutExecution})
	}
	if judged.Judged != nil {
		return l.accept(ctx, *judged.Judged)
	}
	return nil
}

// receiveAll takes signed texts out of a channel; what is none counts as forged.
func receiveAll(channel workflow.ReceiveChannel) []contract.Signed {
	var all []contract.Signed
	for len(all) < maxReports {
		var raw converter.RawValue
		if !channel.ReceiveAsync(&raw) {
			break
		}
		var one contract.Signed
		if err := converter.GetDefaultDataConverter().FromPayload(raw.Payload(), &one); err != nil {
			one = contract.Signed{}
		}
		all = append(all, one)
	}
	return all
}

func (l *ledger) judge(ctx workflow.Context, reports []contract.Signed) error {
	l.taken += len(reports)
	var judged contract.Judged
	err := workflow.ExecuteLocalActivity(ledgerActivity(ctx), contract.JudgeViolations, contract.Judging{
		Summary: l.state.LedgerSummary, Seen: l.state.Seen, Counting: l.state.counting(), Rates: l.state.Rates, Reports: reports,
	}).Get(ctx, &judged)
	if err != nil {
		return err
	}
	return l.accept(ctx, judged)
}

// accept does what follows from a verdict.
func (l *ledger) accept(ctx workflow.Context, judged contract.Judged) error {
	l.state.record(judged)
	if judged.Decision == quarantineDecision && l.state.quarantine(verdictEvent, "", judged.Reason, judged.Action, judged.At) {
		return l.enforce(ctx, judged.Action)
	}
	if judged.Decision != "" && contract.LedgerHolds(l.state.State) && len(judged.Violations) > 0 {
		return l.announce(ctx) // its scripts may be more than before
	}
	return nil
}

// quarantineDecision is the verdict that puts a definition away.
const quarantineDecision = "quarantine"

func (l *ledger) hearRelated(ctx workflow.Context) error {
	words := receiveAll(l.related)
	if len(words) == 0 {
		return nil
	}
	l.taken += len(words)
	var related []contract.Related
	if err := workflow.ExecuteLocalActivity(ledgerActivity(ctx), contract.ReadRelated, l.state.LedgerSummary, words).Get(ctx, &related); err != nil {
		return err
	}
	l.state.Related = keepNewest(append(l.state.Related, related...), maxLedgerRelated)
	return nil
}

// ledgerActivity are the options of the ledger's local activities: they are tried
// until they succeed, for nothing may be lost.
func ledgerActivity(ctx workflow.Context) workflow.Context {
	return workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{
		StartToCloseTimeout:    2 * time.Minute,
		ScheduleToCloseTimeout: 365 * 24 * time.Hour,
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval: 100 * time.Millisecond, BackoffCoefficient: 2, MaximumInterval: 5 * time.Second,
		},
	})
}

// announce tells the register, and by it the workers.
func (l *ledger) announce(ctx workflow.Context) error {
	l.state.Revision = max(l.state.Revision, l.state.Since.UnixMilli()) + 1
	return workflow.ExecuteLocalActivity(ledgerActivity(ctx), contract.EnforceState, contract.Enforcement{Ledger: l.state.Ledger}).Get(ctx, nil)
}

// enforce makes a new state known: to workers at once, and of a definition that may go
// on to most executions; to the others after the ledger's own state can be read.
func (l *ledger) enforce(ctx workflow.Context, do string) error {
	l.taken++
	e := contract.Enforcement{Ledger: l.state.Ledger, Do: do}
	e.Ledger.Seen = nil
	var told contract.Told
	if err := workflow.ExecuteLocalActivity(ledgerActivity(ctx), contract.EnforceState, e).Get(ctx, &told); err != nil {
		return err
	}
	e.Told = told.Executions
	l.state.contain(now(ctx))
	l.spread(ctx, e)
	return nil
}

// spread tells executions while the ledger goes on.
func (l *ledger) spread(ctx workflow.Context, e contract.Enforcement) {
	l.telling++
	workflow.Go(ctx, func(ctx workflow.Context) {
		defer func() { l.telling-- }()
		l.tell(ctx, e)
	})
}

// secondWord is how long after the first word executions are told that had begun
// meanwhile, and that visibility did not know of.
const secondWord = 2 * time.Second

func (l *ledger) tell(ctx workflow.Context, e contract.Enforcement) {
	for _, pause := range []time.Duration{time.Millisecond, secondWord} {
		if workflow.Sleep(ctx, pause) != nil || l.state.Revision != e.Ledger.Revision && l.state.State != e.Ledger.State {
			return // a newer word is on its way
		}
		var told contract.Told
		if err := workflow.ExecuteLocalActivity(ledgerActivity(ctx), contract.TellExecutions, e).Get(ctx, &told); err != nil {
			workflow.GetLogger(ctx).Warn("executions not told", "error", err)
			return
		}
		e.Told, e.Again = told.Executions, true
		l.state.concern(e, told)
	}
}

// show puts the state where people look: the UI's details, search attributes.
func (l *ledger) show(ctx workflow.Context) error {
	workflow.SetCurrentDetails(ctx, l.state.markdown())
	return workflow.UpsertTypedSearchAttributes(ctx,
		temporal.NewSearchAttributeKeyKeyword(contract.AttributeLedger).ValueSet(l.state.Namespace+"/"+l.state.Name),
		temporal.NewSearchAttributeKeyKeyword(contract.AttributeState).ValueSet(l.state.State),
		temporal.NewSearchAttributeKeyInt64(contract.AttributeViolations).ValueSet(int64(l.state.Total)))
}

// answer registers what the ledger answers to.
func (l *ledger) answer(ctx workflow.Context) error {
	err := workflow.SetQueryHandlerWithOptions(ctx, contract.LedgerQuery, func() (contract.Ledger, error) { return l.state.Ledger, nil },
		workflow.QueryHandlerOptions{Description: "all that is known of the definition"})
	if err != nil {
		return err
	}
	err = workflow.SetQueryHandlerWithOptions(ctx, contract.SummaryQuery, func() (contract.LedgerSummary, error) { return l.state.LedgerSummary, nil },
		workflow.QueryHandlerOptions{Description: "where the definition stands"})
	if err != nil {
		return err
	}
	for _, update := range []struct {
		name, description string
		check             func(contract.LedgerRequest) error
		change            func(workflow.Context, contract.LedgerRequest) (contract.LedgerSummary, error)
	}{
		{contract.AddUpdate, "put the definition into quarantine; needs a reason", l.checkAdd, l.add},
		{contract.ReviewUpdate, "begin a review; needs a reason and who reviews", l.checkReview, l.review},
		{contract.ReleaseUpdate, "release the definition; needs a reason, a reviewer, and resume or cancel for held executions", l.checkRelease, l.release},
	} {
		err := workflow.SetUpdateHandlerWithOptions(ctx, update.name, update.change, workflow.UpdateHandlerOptions{
			Validator: update.check, Description: update.description,
		})
		if err != nil {
			return err
		}
	}
	return workflow.SetUpdateHandlerWithOptions(ctx, contract.IncidentUpdate, l.changeIncident, workflow.UpdateHandlerOptions{
		Validator: l.checkIncident, Description: "note what is known of an incident, and move it on; needs what its next state demands",
	})
}

func (l *ledger) checkAdd(r contract.LedgerRequest) error {
	if r.Action != "" && r.Action != contract.HoldExecution && r.Action != contract.FaultExecution {
		return refusal("action %q is neither hold nor fault", r.Action)
	}
	return checkReason(r)
}

func (l *ledger) checkReview(r contract.LedgerRequest) error {
	if err := checkReason(r); err != nil {
		return err
	}
	if strings.TrimSpace(r.Reviewer) == "" {
		return refusal("a review needs a reviewer")
	}
	return l.checkMove(reviewEvent)
}

func (l *ledger) checkRelease(r contract.LedgerRequest) error {
	if err := checkReason(r); err != nil {
		return err
	}
	if strings.TrimSpace(r.Reviewer) == "" {
		return refusal("a release needs a reviewer")
	}
	if r.Resume != "" && r.Resume != contract.ResumeHeld && r.Resume != contract.CancelHeld {
		return refusal("held executions can be told to %s or to %s, not to %q", contract.ResumeHeld, contract.CancelHeld, r.Resume)
	}
	return l.checkMove(releaseEvent)
}

func checkReason(r contract.LedgerRequest) error {
	if strings.TrimSpace(r.Reason) == "" {
		return refusal("a reason is needed")
	}
	const most = 2000
	if len(r.Reason)+len(r.By)+len(r.Reviewer) > most {
		return refusal("reason and names have more than %d bytes", most)
	}
	return nil
}

func (l *ledger) checkMove(event ledgerEvent) error {
	if _, moves := ledgerTable[l.state.State][event]; !moves {
		return refusal("%s/%s is %s: there is nothing to %s", l.state.Namespace, l.state.Name, l.state.State, event)
	}
	return nil
}

// terms asks what the policy says of a request; a refusal is the update's error.
func (l *ledger) terms(ctx workflow.Context, update string, r contract.LedgerRequest) (contract.LedgerTerms, error) {
	var terms contract.LedgerTerms
	ctx = workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{
		StartToCloseTimeout: 20 * time.Second, RetryPolicy: &temporal.RetryPolicy{MaximumAttempts: 3},
	})
	err := workflow.ExecuteLocalActivity(ctx, contract.CheckLedger, contract.RequestCheck{
		Summary: l.state.LedgerSummary, Update: update, Request: r,
	}).Get(ctx, &terms)
	return terms, err
}

// change runs one update after the other.
func (l *ledger) change(ctx workflow.Context, update string, r contract.LedgerRequest, apply func(contract.LedgerTerms) (string, error)) (contract.LedgerSummary, error) {
	if err := l.turn.Lock(ctx); err != nil {
		return contract.LedgerSummary{}, err
	}
	defer l.turn.Unlock()
	terms, err := l.terms(ctx, update, r)
	if err != nil {
		return contract.LedgerSummary{}, err
	}
	l.taken++
	do, err := apply(terms)
	if err == nil && do != "" {
		err = l.enforce(ctx, do)
	}
	if err == nil {
		err = l.show(ctx)
	}
	return l.state.LedgerSummary, err
}

// add puts the definition away. One that is away already stays so.
func (l *ledger) add(ctx workflow.Context, r contract.LedgerRequest) (contract.LedgerSummary, error) {
	return l.change(ctx, contract.AddUpdate, r, func(terms contract.LedgerTerms) (string, error) {
		action := terms.Action
		if r.Action != "" {
			action = r.Action
		}
		if !l.state.quarantine(addEvent, r.By, r.Reason, action, now(ctx)) {
			return "", nil
		}
		return action, nil
	})
}

func (l *ledger) review(ctx workflow.Context, r contract.LedgerRequest) (contract.LedgerSummary, error) {
	return l.change(ctx, contract.ReviewUpdate, r, func(contract.LedgerTerms) (string, error) {
		if !l.state.move(reviewEvent, r.Reviewer, r.Reason, now(ctx)) {
			return "", l.checkMove(reviewEvent) // another update was first
		}
		l.state.noteReview(r, now(ctx))
		return "", l.announce(ctx)
	})
}

func (l *ledger) release(ctx workflow.Context, r contract.LedgerRequest) (contract.LedgerSummary, error) {
	return l.change(ctx, contract.ReleaseUpdate, r, func(terms contract.LedgerTerms) (string, error) {
		if !l.state.release(r, time.Duration(terms.WatchNanos), now(ctx)) {
			return "", l.checkMove(releaseEvent)
		}
		if r.Resume == contract.CancelHeld {
			return contract.CancelHeld, nil
		}
		return contract.ResumeHeld, nil
	})
}
