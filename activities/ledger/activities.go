package ledger

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"

	"lazaret.dev/lazaret/activities/audit"
	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/activities/published"
	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/sandbox"
)

// Auditor keeps the record; *audit.Log is one.
type Auditor interface {
	Append(audit.Event) (uint64, error)
}

// Policies tells which policy holds for a task's definition.
type Policies interface {
	For(task contract.TaskID) (policies.Effective, error)
}

// Activities are the local activities of ledgers, the register and executions. The
// fields are set before the first one and not changed after; the methods are safe
// for concurrent use.
type Activities struct {
	Client client.Client
	Key    Key
	Gate   *Gate
	// Policies; nil gives every definition the defaults of the level that it ran at.
	Policies Policies
	// Level is the worker's own, for definitions of which nothing is known.
	Level policies.Level
	Audit Auditor // nil records nothing
	// Notifier; nil tells nobody.
	Notifier Notifier
	// Observe, if set, is told of every judgement and change: for logs and metrics.
	Observe func(n Notice)
}

// Register adds the local activities to a worker.
func (a *Activities) Register(r worker.ActivityRegistry) {
	for name, f := range map[string]any{
		contract.JudgeViolations: a.Judge,
		contract.EnforceState:    a.Enforce,
		contract.TellExecutions:  a.Tell,
		contract.CheckLedger:     a.Check,
		contract.ReadHeld:        a.ReadHeld,
		contract.ReadOrder:       a.ReadOrder,
		contract.ReadRelated:     a.ReadRelated,
		contract.AdmitExecution:  a.Admit,
		contract.EndExecution:    a.End,
		contract.JudgeEndings:    a.JudgeEndings,
		contract.RecordIncident:  a.RecordIncident,
	} {
		r.RegisterActivityWithOptions(f, activity.RegisterOptions{Name: name})
	}
}

// Judge reads reports, leaves out what is known already and what no worker wrote,
// and judges what is left together with what counts.
func (a *Activities) Judge(ctx context.Context, j contract.Judging) (contract.Judged, error) {
	now := time.Now().UTC()
	result := contract.Judged{At: now}
	known := map[string]bool{}
	for _, id := range j.Seen {
		known[id] = true
	}
	for _, signed := range j.Reports {
		var report contract.ViolationReport
		err := a.Key.Open(ForReport, signed, &report)
		if err == nil && (report.Namespace != j.Summary.Namespace || report.Name != j.Summary.Name) {
			err = fmt.Errorf("a report on %s/%s: %w", report.Namespace, report.Name, ErrForged)
		}
		if err != nil {
			result.Refused++
			if err := a.forged(ctx, j.Summary, err, now); err != nil {
				return result, err
			}
			continue
		}
		for _, v := range report.Violations {
			if !known[v.ID] && v.ID != "" {
				known[v.ID] = true
				result.Violations = append(result.Violations, bounded(v))
			}
		}
	}
	if len(result.Violations) == 0 {
		return result, nil
	}
	effective, err := a.policy(j.Summary, result.Violations)
	if err != nil {
		return result, err
	}
	odd, err := a.observe(&j.Rates.Violations, effective, j.Summary, result.Violations, "violations")
	if err != nil {
		return result, err
	}
	result.Violations = append(result.Violations, odd...)
	return a.decide(ctx, j, result, effective)
}

// decide judges what is new together with what counts.
func (a *Activities) decide(ctx context.Context, j contract.Judging, result contract.Judged, effective policies.Effective) (contract.Judged, error) {
	verdict := judge(effective.Thresholds, j, result.Violations, result.At)
	result.Decision, result.Counted, result.Limit = string(verdict.Decision), verdict.Counted, verdict.Limit
	result.Alert, result.Reason, result.Action, result.Rates = verdict.Alert, verdict.Reason, string(effective.OnQuarantine), j.Rates
	result.Policy = effective.PolicyDigest
	return result, a.judged(ctx, j.Summary, result, verdict, effective)
}

func judge(t policies.Thresholds, j contract.Judging, fresh []contract.Violation, now time.Time) policies.Judgement {
	var recorded []policies.Recorded
	for _, v := range slices.Concat(j.Counting, fresh) {
		recorded = append(recorded, policies.Recorded{Severity: severityOf(v.Severity), At: v.At, Ended: v.Ended})
	}
	standing := policies.Standing{Since: j.Summary.CountSince, Watched: j.Summary.State == contract.LedgerReleased}
	return t.Judge(recorded, len(j.Counting), standing, now)
}

// policy is what holds for a definition. Where no policy document names it, it is
// judged as the level says that it ran at.
func (a *Activities) policy(s contract.LedgerSummary, fresh []contract.Violation) (policies.Effective, error) {
	task := contract.TaskID{Namespace: s.Namespace, Name: s.Name}
	level := a.Level
	if n := len(fresh); n > 0 {
		last := fresh[n-1]
		task.Version, task.Digest = last.Version, last.Digest
		if known, err := policies.ParseLevel(last.Level); err == nil {
			level = known
		}
	}
	if a.Policies == nil {
		return policies.LevelDefaults(level)
	}
	effective, err := a.Policies.For(task)
	if err == nil && len(fresh) > 0 && level != effective.Level {
		effective = effective.At(level)
	}
	return effective, err
}

// severityOf reads a severity; one that is none counts as the worst.
func severityOf(name string) sandbox.Severity {
	for s := sandbox.Low; s <= sandbox.Critical; s++ {
		if s.String() == name {
			return s
		}
	}
	return sandbox.Critical
}

// bounded keeps what a violation says within what a ledger can hold.
func bounded(v contract.Violation) contract.Violation {
	const most = 300
	for _, field := range []*string{&v.Subject, &v.Task, &v.Execution, &v.Activity, &v.Action, &v.Command} {
		if len(*field) > most {
			*field = (*field)[:most]
		}
	}
	return v
}

// judged records a verdict and tells people of it.
func (a *Activities) judged(ctx context.Context, s contract.LedgerSummary, r contract.Judged, verdict policies.Judgement, effective policies.Effective) error {
	last := r.Violations[len(r.Violations)-1]
	err := a.write(audit.Event{
		Kind: audit.Verdict, Namespace: s.Namespace, Name: s.Name, Version: last.Version, Digest: last.Digest, Level: last.Level,
		Execution: last.Execution, Task: last.Task, ID: last.ID, Type: last.Type, Severity: last.Severity, Subject: last.Subject,
		Outcome: r.Decision, Count: int64(r.Counted), Policy: effective.PolicyDigest, Message: r.Reason,
	})
	if err != nil {
		return err
	}
	n := Notice{At: r.At, Summary: s, Violations: r.Violations, Reason: r.Reason, Policy: effective}
	n.Summary.Counted, n.Summary.Limit = r.Counted, r.Limit
	if verdict.Notify {
		n.Kind = Violated
		a.tell(ctx, n)
	}
	if verdict.Alert && s.Alerted.IsZero() {
		n.Kind = Alerted
		a.tell(ctx, n)
	}
	return nil
}

func (a *Activities) tell(ctx context.Context, n Notice) {
	if a.Observe != nil {
		a.Observe(n)
	}
	if a.Notifier != nil {
		a.Notifier.Notify(ctx, n)
	}
}

// forged records that somebody filed what no worker had written.
func (a *Activities) forged(ctx context.Context, s contract.LedgerSummary, cause error, now time.Time) error {
	policy, unknown := a.policy(s, nil)
	err := a.write(audit.Event{
		Kind: audit.Unauth, Namespace: s.Namespace, Name: s.Name, Policy: policy.PolicyDigest, Subject: contract.LedgerID(s.Namespace, s.Name), Outcome: "refused",
		Message: "refused: " + cause.Error(),
	})
	if err != nil {
		return err
	}
	n := Notice{Kind: Forged, At: now, Summary: s, Reason: cause.Error()}
	if unknown == nil { // it says who is told
		n.Policy = policy
	}
	a.tell(ctx, n)
	return nil
}

func (a *Activities) write(e audit.Event) error {
	if a.Audit == nil {
		return nil
	}
	_, err := a.Audit.Append(e)
	return err
}

// ReadHeld reads a word to the register; the zero Held is a forged one.
func (a *Activities) ReadHeld(ctx context.Context, signed []contract.Signed) ([]contract.Held, error) {
	var all []contract.Held
	for _, s := range signed {
		var held contract.Held
		if err := a.Key.Open(ForHeld, s, &held); err != nil {
			if err := a.forged(ctx, contract.LedgerSummary{}, err, time.Now().UTC()); err != nil {
				return nil, err
			}
			continue
		}
		all = append(all, held)
	}
	return all, nil
}

// ReadOrder reads a word to an execution; the zero Order is a forged one, or not
// for this execution.
func (a *Activities) ReadOrder(ctx context.Context, c contract.OrderCheck) (contract.Order, error) {
	var order contract.Order
	err := a.Key.Open(ForOrder, c.Signed, &order)
	if err == nil && order.Execution != c.Execution {
		err = fmt.Errorf("an order to %q: %w", order.Execution, ErrForged)
	}
	if err != nil {
		s := contract.LedgerSummary{Namespace: c.Task.Namespace, Name: c.Task.Name}
		return contract.Order{}, a.forged(ctx, s, err, time.Now().UTC())
	}
	return order, nil
}

// ReadRelated reads what is told of a related definition, leaving out what is forged.
func (a *Activities) ReadRelated(ctx context.Context, s contract.LedgerSummary, signed []contract.Signed) ([]contract.Related, error) {
	var all []contract.Related
	for _, one := range signed {
		var r contract.RelatedTo
		err := a.Key.Open(ForRelation, one, &r)
		if err == nil && (r.Of != s.Namespace+"/"+s.Name) {
			err = fmt.Errorf("a word to %s: %w", r.Of, ErrForged)
		}
		if err != nil {
			if err := a.forged(ctx, s, err, time.Now().UTC()); err != nil {
				return nil, err
			}
			continue
		}
		all = append(all, r.Related)
	}
	return all, nil
}

// Admit tells whether an execution of a definition may begin.
func (a *Activities) Admit(ctx context.Context, task contract.TaskID) (contract.Admission, error) {
	held, err := a.Gate.Check(ctx, task, "")
	if err != nil {
		return contract.Admission{}, err
	}
	effective, err := a.policyOf(task)
	if err != nil {
		return contract.Admission{}, err
	}
	if suspended, err := a.Gate.suspended(ctx, task); err != nil || suspended != nil {
		return contract.Admission{Refused: suspended != nil, Detail: detailOf(suspended), Policy: effective.PolicyDigest}, err
	}
	if held == nil {
		return contract.Admission{Recovery: a.recovery(effective), Tell: true, Policy: effective.PolicyDigest}, nil
	}
	detail := Detail(*held, task, "")
	err = a.write(audit.Event{
		Kind: audit.Denied, Namespace: task.Namespace, Name: task.Name, Version: task.Version, Digest: task.Digest,
		Execution: task.Execution, Type: contract.Quarantined, Outcome: "refused", Policy: effective.PolicyDigest, Message: detail,
	})
	return contract.Admission{Held: true, Detail: detail, Policy: effective.PolicyDigest}, err
}

// Check applies the policy's rules of review to a request. Its error is for whoever
// asks.
func (a *Activities) Check(ctx context.Context, c contract.RequestCheck) (contract.LedgerTerms, error) {
	effective, err := a.policy(c.Summary, nil)
	if err != nil {
		return contract.LedgerTerms{}, err
	}
	terms := contract.LedgerTerms{
		Action: string(effective.OnQuarantine), WatchNanos: effective.Thresholds.WatchFor.Nanoseconds(),
		Policy: effective.PolicyDigest,
	}
	if c.Update != contract.ReleaseUpdate {
		return terms, nil
	}
	err = a.mayReview(ctx, c.Summary, c.Request.Reviewer, effective.Review)
	if err == nil {
		return terms, nil
	}
	recorded := a.write(audit.Event{
		Kind: audit.Denied, Principal: c.Request.Reviewer, Namespace: c.Summary.Namespace, Name: c.Summary.Name,
		Type: "quarantine.release", Outcome: "refused", Policy: effective.PolicyDigest, Message: err.Error(),
	})
	if recorded != nil {
		return terms, recorded
	}
	return terms, temporal.NewNonRetryableApplicationError(err.Error(), contract.Refused, nil)
}

// isAuthor tells whether a reviewer is who published, whom Temporal knows as
// user@host: whether it is written in other letters, or with the host, is no matter.
func isAuthor(reviewer, publisher string) bool {
	user, _, _ := strings.Cut(publisher, "@")
	reviewer = strings.TrimSpace(reviewer)
	return strings.EqualFold(reviewer, publisher) || strings.EqualFold(reviewer, user)
}

// mayReview says why the policy does not let somebody judge a definition. Who
// published it is known by what is published under its name.
func (a *Activities) mayReview(ctx context.Context, s contract.LedgerSummary, reviewer string, review policies.Review) error {
	if len(review.Reviewers) > 0 && !slices.Contains(review.Reviewers, reviewer) {
		return fmt.Errorf("%q is none of the reviewers that the policy names: %s", reviewer, strings.Join(review.Reviewers, ", "))
	}
	if review.AuthorMayRelease {
		return nil
	}
	index, err := published.Store{Client: a.Client}.Index(ctx, s.Namespace, s.Name)
	if _, none := errors.AsType[*published.Missing](err); none {
		return nil
	}
	if err != nil {
		return fmt.Errorf("it is not known who published %s/%s: %w", s.Namespace, s.Name, err)
	}
	for _, v := range index.Versions {
		if isAuthor(reviewer, v.PublishedBy) {
			return fmt.Errorf("%q published %s/%s:%s, and the policy lets no author release their own definition",
				reviewer, s.Namespace, s.Name, v.Version)
		}
	}
	return nil
}
