package ledger

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.temporal.io/api/serviceerror"

	"lazaret.dev/lazaret/activities/audit"
	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/sandbox"
)

// recovery is what the policy says is done about a definition's errors; nil: nothing.
func (a *Activities) recovery(effective policies.Effective) *contract.Recovery {
	if a.Policies == nil || !effective.Recovery.Automatic {
		return nil
	}
	var r contract.Recovery
	for _, rule := range effective.Recovery.Rules() {
		r.Rules = append(r.Rules, contract.RecoveryRule{
			Code: rule.Code, Severity: rule.Severity.String(), Action: string(rule.Action), Retries: rule.Retries, Backoff: rule.Backoff,
		})
	}
	return &r
}

// End files how an execution ended, or what is done about its error, with the
// ledger of its definition. A success is filed where it sets a count back. It
// returns what the ledger makes of it; the zero Order: nothing.
func (a *Activities) End(ctx context.Context, e contract.Ending) (contract.Order, error) {
	namespace, name := e.Task.Namespace, e.Task.Name
	if !e.Failed {
		summary, err := summaryOf(ctx, a.Client, namespace, name)
		if missing := (*serviceerror.NotFound)(nil); errors.As(err, &missing) {
			return contract.Order{}, nil
		}
		if err != nil || summary.Consecutive+summary.Critical == 0 {
			return contract.Order{}, err
		}
	}
	signed, err := a.Key.Sign(ForEnding, e)
	if err != nil {
		return contract.Order{}, err
	}
	if err := signalLedger(ctx, a.Client, namespace, name, contract.EndSignal, signed); err != nil {
		return contract.Order{}, err
	}
	if e.Action != contract.RecoverQuarantine {
		return contract.Order{}, nil
	}
	summary, err := summaryOf(ctx, a.Client, namespace, name)
	if err != nil {
		return contract.Order{}, err
	}
	if order := orderOf(summary); order != nil {
		return *order, nil
	}
	return contract.Order{}, nil
}

// JudgeEndings reads how executions ended, leaves out what is known already and
// what no worker wrote, and says what follows from the counts.
func (a *Activities) JudgeEndings(ctx context.Context, j contract.EndJudging) (contract.EndJudged, error) {
	r := contract.EndJudged{At: time.Now().UTC(), Consecutive: j.Summary.Consecutive, Critical: j.Summary.Critical}
	var failed []contract.Ending
	for _, signed := range j.Endings {
		var e contract.Ending
		err := a.Key.Open(ForEnding, signed, &e)
		if err == nil && (e.Task.Namespace != j.Summary.Namespace || e.Task.Name != j.Summary.Name) {
			err = fmt.Errorf("an ending of %s/%s: %w", e.Task.Namespace, e.Task.Name, ErrForged)
		}
		if err != nil {
			r.Refused++
			if err := a.forged(ctx, j.Summary, err, r.At); err != nil {
				return r, err
			}
			continue
		}
		if !e.Failed {
			r.Consecutive, r.Critical = 0, 0
			continue
		}
		id := e.Execution + "/" + e.Run
		if slices.Contains(j.Known, id) {
			continue
		}
		j.Known = append(j.Known, id)
		if err := a.failed(ctx, j.Summary, e, id, &r); err != nil {
			return r, err
		}
		failed = append(failed, e)
	}
	return r, a.unusual(ctx, j, failed, &r)
}

// unusual judges endings that are more than is usual, as a violation.
func (a *Activities) unusual(ctx context.Context, j contract.EndJudging, failed []contract.Ending, r *contract.EndJudged) error {
	r.Rates = j.Rates
	if len(failed) == 0 {
		return nil
	}
	effective, err := a.policyOf(failed[len(failed)-1].Task)
	if err != nil {
		return err
	}
	r.Policy = effective.PolicyDigest
	happened := make([]contract.Violation, len(failed))
	for i, e := range failed {
		happened[i] = contract.Violation{
			At: r.At, Version: e.Task.Version, Digest: e.Task.Digest, Execution: e.Execution, Run: e.Run,
			Task: e.Task.Reference, Level: effective.Level.String(), Policy: effective.PolicyDigest,
		}
	}
	odd, err := a.observe(&r.Rates.Errors, effective, j.Summary, happened, "executions that ended in an error")
	if err != nil || len(odd) == 0 {
		return err
	}
	judging := contract.Judging{Summary: j.Summary, Counting: j.Counting, Rates: r.Rates}
	judged, err := a.decide(ctx, judging, contract.Judged{At: r.At, Violations: odd}, effective)
	r.Judged = &judged
	return err
}

// policyOf is what holds for a task's definition; without policies, the level's
// defaults.
func (a *Activities) policyOf(task contract.TaskID) (policies.Effective, error) {
	if a.Policies == nil {
		return policies.LevelDefaults(a.Level)
	}
	return a.Policies.For(task)
}

// failed counts one failure, and says what follows.
func (a *Activities) failed(ctx context.Context, s contract.LedgerSummary, e contract.Ending, id string, r *contract.EndJudged) error {
	effective, err := a.policyOf(e.Task)
	if err != nil {
		return err
	}
	if e.Severity == "" {
		e.Severity = severityOfCode(e.Code)
	}
	if !e.Kept {
		r.Consecutive++
		if e.Severity == sandbox.Critical.String() {
			r.Critical++
		}
	}
	r.Failures = append(r.Failures, contract.Failure{
		ID: id, At: r.At, Code: e.Code, Severity: e.Severity, Action: e.Action, Version: e.Task.Version,
		Execution: e.Execution, Task: e.Task.Reference,
	})
	do, reason := follows(effective.Recovery, e, *r)
	if do != "" {
		r.Do, r.Reason, r.Action = do, reason, string(effective.OnQuarantine)
	}
	err = a.write(audit.Event{
		Kind: kindOf(do), Namespace: s.Namespace, Name: s.Name, Version: e.Task.Version, Digest: e.Task.Digest,
		Execution: e.Execution, Task: e.Task.Reference, Type: e.Code, Severity: e.Severity, Outcome: outcomeOf(do, e.Action),
		Count: int64(r.Consecutive), Policy: effective.PolicyDigest, Message: reason,
	})
	if err != nil || do == "" {
		return err
	}
	if do == contract.RecoverQuarantine && !effective.Thresholds.Automatic {
		r.Do = "" // it is left to people (A23)
	}
	if r.Do != contract.RecoverQuarantine { // of which people are told when it happens
		n := Notice{Kind: Alerted, At: r.At, Summary: s, Reason: reason, Policy: effective}
		a.tell(ctx, n)
	}
	return nil
}

// kindOf is a verdict where something follows, else the mere error.
func kindOf(do string) audit.Kind {
	if do == "" {
		return audit.Failure
	}
	return audit.Verdict
}

// severityOfCode is the recovery table's; Low for a code that it does not know.
func severityOfCode(code string) string {
	for _, rule := range policies.RecoveryTable() {
		if rule.Code == code {
			return rule.Severity.String()
		}
	}
	return sandbox.Low.String()
}

func outcomeOf(do, action string) string {
	switch {
	case do != "":
		return do
	case action != "":
		return action
	}
	return "counted"
}

// follows says what follows from an error and the counts, the order being the
// isolation guide's.
func follows(t policies.Recovery, e contract.Ending, r contract.EndJudged) (do, reason string) {
	switch {
	case !t.Automatic:
		return "", ""
	case e.Action == contract.RecoverQuarantine:
		return contract.RecoverQuarantine, fmt.Sprintf("%s in execution %s", e.Code, e.Execution)
	case t.Consecutive > 0 && r.Consecutive >= t.Consecutive:
		return contract.RecoverQuarantine, fmt.Sprintf("%d executions in a row ended in an error, the last with %s", r.Consecutive, e.Code)
	case t.Critical > 0 && r.Critical >= t.Critical:
		return contract.RecoverShutdown, fmt.Sprintf("%d critical errors without a success, the last with %s", r.Critical, e.Code)
	}
	return "", ""
}
