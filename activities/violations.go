package activities

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/activity"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/activities/ledger"
	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/sandbox"
)

// Filer files violations with the ledger of their definition; *ledger.Filer is one.
type Filer interface {
	// Tell returns when the violations cannot get lost any more. Its error says that
	// nobody took them.
	Tell(ctx context.Context, report contract.ViolationReport) error
	// File is Tell, and returns what the ledger makes of it; nil: nothing.
	File(ctx context.Context, report contract.ViolationReport) (*contract.Order, error)
}

// filing files the violations of one activity.
type filing struct {
	filer  Filer // nil files nothing
	task   contract.TaskID
	policy policies.Effective
	script string // digest
	ended  bool   // the program was ended for its violations
}

func (p *Processes) filing(request contract.Process, policy policies.Effective) filing {
	return filing{filer: p.Filer, task: request.Task, policy: policy, script: ledger.ScriptDigest(request)}
}

// violationID names a violation that no sandbox saw.
func violationID(ctx context.Context, kind sandbox.ViolationType, subject string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%s\x00%s", activityOf(ctx), kind, subject))
	return hex.EncodeToString(sum[:16])
}

func (f filing) report(ctx context.Context, violations []sandbox.Violation) contract.ViolationReport {
	info := activity.GetInfo(ctx)
	report := contract.ViolationReport{Namespace: f.task.Namespace, Name: f.task.Name}
	level := ""
	if f.policy.Level != 0 {
		level = f.policy.Level.String()
	}
	for _, v := range violations {
		report.Violations = append(report.Violations, contract.Violation{
			ID: v.ID, Type: string(v.Type), Severity: v.Severity.String(), Subject: oneLine(v.Detail, 250), Syscall: v.Syscall,
			Count: v.Count, Action: v.Action, PID: v.PID, Command: v.Command, Ended: f.ended && v.Severity > sandbox.Low, At: time.Now().UTC(),
			Version: f.task.Version, Digest: f.task.Digest, Script: f.script,
			Execution: info.WorkflowExecution.ID, Run: info.WorkflowExecution.RunID, Root: f.task.Execution,
			Task: f.task.Reference, Activity: info.ActivityID, Level: level, Policy: f.policy.PolicyDigest,
		})
	}
	return report
}

// now files a violation while its program runs. There is nobody to tell that it
// went wrong: the end of the program files it again.
func (f filing) now(ctx context.Context, v sandbox.Violation) {
	if f.filer != nil {
		_ = f.filer.Tell(ctx, f.report(ctx, []sandbox.Violation{v}))
	}
}

// all files violations. What the ledger says of those that count is awaited; those
// that do not count change nothing.
func (f filing) all(ctx context.Context, violations []sandbox.Violation) (*contract.Order, error) {
	if f.filer == nil || len(violations) == 0 {
		return nil, nil
	}
	report := f.report(ctx, violations)
	var order *contract.Order
	var err error
	if counting(violations) {
		order, err = f.filer.File(ctx, report)
	} else {
		err = f.filer.Tell(ctx, report)
	}
	if err != nil {
		return nil, &contract.Fault{
			Type: contract.AuditUnavailable, Status: 503, Title: "Ledger unavailable",
			Detail: "violations can neither be filed nor kept: " + err.Error(),
		}
	}
	return order, nil
}

func counting(violations []sandbox.Violation) bool {
	for _, v := range violations {
		if v.Severity > sandbox.Low {
			return true
		}
	}
	return false
}

// overreached files a level that was asked for in vain. Whoever starts an execution
// asks for its level, which says nothing against its definition; what the
// definition's own metadata asks for does.
func (f filing) overreached(ctx context.Context, cause, err error) error {
	severity := sandbox.Low
	if o, ok := errors.AsType[*overreach](cause); ok && !o.byStarter {
		severity = sandbox.High
	}
	return f.refused(ctx, err, severity)
}

// unfit files why a program does not start. A secret that it may not read counts;
// that its level is none for it is a mistake, and does not.
func (f filing) unfit(ctx context.Context, err error) error {
	severity := sandbox.Low
	if fault := (*contract.Fault)(nil); errors.As(err, &fault) && fault.Type == contract.AuthorizationError {
		severity = sandbox.Medium
	}
	return f.refused(ctx, err, severity)
}

// refused files a request that a policy refuses, and returns the error with what
// the ledger says to it.
func (f filing) refused(ctx context.Context, err error, severity sandbox.Severity) error {
	return f.refusedAs(ctx, sandbox.InvalidPermission, err, severity)
}

// refusedText files what the text of a script is refused for (A25): it is no act, and
// does not count; the kernel is the boundary.
func (f filing) refusedText(ctx context.Context, err error) error {
	return f.refusedAs(ctx, contract.StaticPolicyViolation, err, sandbox.Low)
}

func (f filing) refusedAs(ctx context.Context, kind sandbox.ViolationType, err error, severity sandbox.Severity) error {
	fault := (*contract.Fault)(nil)
	if !errors.As(err, &fault) || fault.Type != contract.Refused && fault.Type != contract.AuthorizationError {
		return err
	}
	if absent := (*absentError)(nil); errors.As(err, &absent) {
		return err
	}
	v := sandbox.Violation{
		ID: violationID(ctx, kind, fault.Detail), Type: kind, Severity: severity, Detail: oneLine(fault.Detail, 250), Count: 1, Action: "refused",
	}
	return f.fault(ctx, fault, []sandbox.Violation{v})
}

// fault files the violations that the fault is about, and names them in it.
func (f filing) fault(ctx context.Context, fault *contract.Fault, violations []sandbox.Violation) error {
	order, err := f.all(ctx, violations)
	if err != nil {
		return err
	}
	named := *fault
	if counting(violations) {
		named.ViolationIDs = idsOf(violations)
	}
	return &ordered{&named, order}
}

// maxIDs bounds the ids that a fault carries: Temporal cuts a failure at 4 KiB.
const maxIDs = 16

func idsOf(violations []sandbox.Violation) []string {
	var ids []string
	for _, v := range violations[max(0, len(violations)-maxIDs):] {
		ids = append(ids, v.ID)
	}
	return ids
}

// ordered is a fault with what the ledger says to it.
type ordered struct {
	*contract.Fault
	order *contract.Order
}

func (o *ordered) Unwrap() error { return o.Fault }
