package activities

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"lazaret.dev/lazaret/activities/checker"
	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/activities/secrets"
	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/sandbox"
)

// Runner runs one program in a fresh sandbox; *sandbox.Runner is one.
type Runner interface {
	Run(ctx context.Context, spec sandbox.Spec) (sandbox.Result, error)
}

// Processes are the activities run.script and run.shell. The fields are set
// before the first activity and not changed after; the methods are safe for
// concurrent use.
type Processes struct {
	Runner       Runner
	Interpreters Interpreters
	// Policies tell what each definition may; nil: level maximum, and nothing beyond.
	Policies PolicyProvider
	// GrantKey verifies grants of weaker levels; nil grants none.
	GrantKey []byte
	// Checker reads Python scripts before they run; nil checks none.
	Checker *checker.Checker
	// Found, if set, is told what the checker found in a script that is about to
	// run or is refused.
	Found func(contract.Process, policies.Level, []checker.Finding)
	// Secrets are those that definitions may read; nil: none.
	Secrets *secrets.Store
	// Supplies are what scripts may ask for beyond the system's own.
	Supplies Supplies
	// Machines gives scripts the libvirt broker; nil gives none.
	Machines *ScriptMachines
	// Grace is how long a program may go on once the worker is stopping.
	Grace time.Duration
	// Audit records what runs, what is refused and what a program tried; nil records nothing.
	Audit Auditor
	// Alert, if set, is told of each kind of violation of High severity or above when
	// the program commits the first of it, while it runs (A26): from one goroutine a
	// program, which it should not hold up. Observe gets the violation again, with its
	// count, under the same id.
	Alert func(contract.Process, policies.Level, sandbox.Violation)
	// Filer files what programs do beyond their level; nil files nothing.
	Filer Filer
	// Observe, if set, is told of every run that ended: for logs and metrics.
	Observe func(contract.Process, policies.Level, sandbox.Result)
}

// Warmer keeps sandboxes warm; *sandbox.Runner is one.
type Warmer interface {
	Keep(ctx context.Context, spec sandbox.Spec) error
}

// Keep has an interpreter wait for Python scripts of what no rule of the policy
// names.
func (p *Processes) Keep(ctx context.Context, warmer Warmer) error {
	e, err := p.judge(contract.Process{})
	if err != nil {
		return err
	}
	spec, err := p.Interpreters.script(contract.Process{Language: "python"}, e.Level)
	if err == nil {
		err = p.open(&spec, e)
	}
	if err != nil {
		return err
	}
	p.Machines.under(e).serve(&spec, contract.Process{Language: "python"}, workflow.Execution{}, "", false)
	return warmer.Keep(ctx, spec)
}

// Register adds the activities to a worker.
func (p *Processes) Register(r worker.ActivityRegistry) {
	r.RegisterActivityWithOptions(p.RunScript, activity.RegisterOptions{Name: contract.RunScript})
	r.RegisterActivityWithOptions(p.RunShell, activity.RegisterOptions{Name: contract.RunShell})
	r.RegisterActivityWithOptions(p.FetchScript, activity.RegisterOptions{Name: contract.FetchScript})
	r.RegisterActivityWithOptions(p.FetchFunction, activity.RegisterOptions{Name: contract.FetchFunction})
	r.RegisterActivityWithOptions(p.LockPackages, activity.RegisterOptions{Name: contract.LockPackages})
}

// RunScript runs a script to its end.
func (p *Processes) RunScript(ctx context.Context, request contract.Process) (contract.ProcessResult, error) {
	equipment, err := p.equip(ctx, request)
	if err != nil {
		return contract.ProcessResult{}, err
	}
	defer equipment.release()
	return p.run(ctx, equipment.request, equipment.program)
}

// RunShell runs a shell command to its end.
func (p *Processes) RunShell(ctx context.Context, request contract.Process) (contract.ProcessResult, error) {
	return p.run(ctx, request, p.Interpreters.shell)
}

// program makes the part of a Spec that depends on the language.
type program func(contract.Process, policies.Level) (sandbox.Spec, error)

func (p *Processes) run(ctx context.Context, request contract.Process, prepare program) (contract.ProcessResult, error) {
	policy, err := p.judge(request)
	level := policy.Level
	record := p.recorder(request, policy, attempt(ctx))
	file := p.filing(request, policy)
	if err != nil {
		return contract.ProcessResult{}, failure(p.refuse(ctx, request, policy, record, err))
	}
	opened, redact, err := p.unseal(ctx, request, policy)
	var spec sandbox.Spec
	if err == nil {
		spec, err = prepare(opened, level)
	}
	if err == nil {
		err = p.open(&spec, policy)
	}
	if err != nil {
		return contract.ProcessResult{}, failure(file.unfit(ctx, record.orRefused(err)))
	}
	if request.Fresh {
		spec.Warm = nil
	}
	spec.ID = activityOf(ctx) // what another attempt does again is the same violation (A31)
	p.Machines.under(policy).serve(&spec, request, activity.GetInfo(ctx).WorkflowExecution, activityOf(ctx), activity.GetInfo(ctx).Attempt > 1)
	alerts := p.alert(ctx, request, level, redact, file)
	spec.Alerts = alerts.inbox
	watched, release := p.watch(ctx, alerts)
	result, err := p.start(watched, request, policy, spec, record)
	interrupted := context.Cause(watched)
	alerts.close()
	release()
	if err != nil {
		return contract.ProcessResult{}, infrastructure(interrupted, err, level)
	}
	hide(&result, redact)
	p.observe(request, level, result)
	if err := record.ended(result); err != nil {
		return contract.ProcessResult{}, failure(err)
	}
	file.ended = result.Outcome == sandbox.Denied
	order, err := file.all(ctx, result.Violations)
	if err != nil {
		return contract.ProcessResult{}, failure(err)
	}
	output, err := conclude(request, level, spec, result)
	output.Order, output.Policy = order, policy.PolicyDigest
	if errors.Is(err, errCancelled) {
		return output, interrupted
	}
	if fault := (*contract.Fault)(nil); errors.As(err, &fault) {
		if fault.Type == contract.AuthorizationError {
			fault.ViolationIDs = idsOf(result.Violations)
		}
		err = &ordered{fault, order}
	}
	return output, failure(err)
}

// attempt names one attempt of one activity, so that what is reported of it
// twice is known for the same.
func attempt(ctx context.Context) string {
	return fmt.Sprintf("%s/%d", activityOf(ctx), activity.GetInfo(ctx).Attempt)
}

// activityOf names an activity, the same for all its attempts.
func activityOf(ctx context.Context) string {
	info := activity.GetInfo(ctx)
	return fmt.Sprintf("%s/%s/%s", info.WorkflowExecution.ID, info.WorkflowExecution.RunID, info.ActivityID)
}

// start runs the program if its text allows it.
func (p *Processes) start(ctx context.Context, request contract.Process, policy policies.Effective, spec sandbox.Spec, record recorder) (sandbox.Result, error) {
	if err := p.inspect(ctx, request, policy, record); err != nil {
		return sandbox.Result{}, p.filing(request, policy).refusedText(ctx, record.orRefused(err))
	}
	if err := record.began(spec); err != nil {
		return sandbox.Result{}, err
	}
	return p.Runner.Run(ctx, spec)
}

// refuse records that a program does not start. A level that was asked for in vain
// is a violation, which is told like those of programs.
func (p *Processes) refuse(ctx context.Context, request contract.Process, policy policies.Effective, record recorder, err error) error {
	if v := overreached(err, attempt(ctx)); v != nil {
		if err := record.violation(*v); err != nil {
			return err
		}
		if p.Alert != nil {
			p.Alert(request, policy.Level, *v)
		}
		p.observe(request, policy.Level, sandbox.Result{Outcome: sandbox.Refused, Violations: []sandbox.Violation{*v}})
	}
	return p.filing(request, policy).overreached(ctx, err, record.orRefused(err))
}

func (p *Processes) observe(request contract.Process, level policies.Level, result sandbox.Result) {
	if p.Observe != nil {
		p.Observe(request, level, result)
	}
}

// failure makes the error that Temporal stores of a fault: never retried by Temporal.
func failure(err error) error {
	var fault *contract.Fault
	if !errors.As(err, &fault) {
		return err
	}
	details := []any{fault}
	if o := (*ordered)(nil); errors.As(err, &o) && o.order != nil {
		details = append(details, *o.order)
	}
	return temporal.NewApplicationErrorWithOptions(fault.Error(), fault.Type, temporal.ApplicationErrorOptions{
		NonRetryable: true,
		Details:      details,
		// It is the program's affair and no trouble of the worker's.
		Category: temporal.ApplicationErrorCategoryBenign,
	})
}

// infrastructure makes the error of a sandbox that could not run the program:
// retried, here or on another worker, unless this kind of machine never could.
func infrastructure(interrupted, err error, level policies.Level) error {
	if interrupted != nil {
		return interrupted
	}
	if fault := (*contract.Fault)(nil); errors.As(err, &fault) {
		return failure(err)
	}
	if fault := unavailable(err, level); fault != nil {
		return failure(fault)
	}
	return temporal.NewApplicationErrorWithCause("sandbox: "+err.Error(), contract.SandboxFailed, err)
}
