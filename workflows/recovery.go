package workflows

import (
	"encoding/json"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/workflows/definition"
	"lazaret.dev/lazaret/workflows/expression"
)

// rule is what is done about an error, as the policy said when the execution
// began; nil: nothing, it is the definition's own.
func (e *execution) rule(err error) *contract.RecoveryRule {
	if e.state.Recovery == nil || err == nil || !catchable(err) {
		return nil
	}
	code := asFault(err).ErrorCode()
	for i := range e.state.Recovery.Rules {
		if e.state.Recovery.Rules[i].Code == code {
			return &e.state.Recovery.Rules[i]
		}
	}
	return nil
}

// effort is an activity that recovery may have executed again.
type effort struct {
	task       *definition.Task
	activity   string
	request    func(fresh bool) any // fresh: in a sandbox that was never used
	repeatable bool                 // executing it twice does no harm
}

// persist performs an activity, and does about its error what the policy says: the
// definition sees what is left.
func (e *execution) persist(ctx workflow.Context, a effort, result any) error {
	fresh := false
	for tried := 0; ; tried++ {
		err := e.perform(ctx, a.activity, a.request(fresh), result)
		rule := e.rule(err)
		if rule == nil {
			return err
		}
		switch rule.Action {
		case contract.RecoverRetry, contract.RecoverReset:
			if !a.repeatable || tried >= rule.Retries {
				return err
			}
			fresh = rule.Action == contract.RecoverReset
			e.progress.retrying(a.task, tried+1)
			if err := e.pause(ctx, rule, tried); err != nil {
				return err
			}
		case contract.RecoverShutdown:
			return e.shutDown(ctx, a.task, rule, err)
		case contract.RecoverQuarantine:
			return e.surrender(ctx, a.task, rule, err)
		default:
			return err
		}
	}
}

// pause waits before another attempt, each time twice as long.
func (e *execution) pause(ctx workflow.Context, rule *contract.RecoveryRule, tried int) error {
	if length := rule.Backoff << min(tried, 10); length > 0 {
		e.progress.publish(ctx)
		timer := workflow.NewTimerWithOptions(ctx, length, workflow.TimerOptions{Summary: "recovery of " + rule.Code})
		if err := timer.Get(ctx, nil); err != nil {
			return err
		}
	}
	return e.standBy(ctx)
}

// shutDown cancels the execution: no try sees the error.
func (e *execution) shutDown(ctx workflow.Context, t *definition.Task, rule *contract.RecoveryRule, err error) error {
	if _, err := e.fileEnding(ctx, e.ending(t, rule, err)); err != nil {
		return err
	}
	fault := *asFault(locate(err, t.Reference))
	fault.Code = fault.ErrorCode()
	e.progress.fault = &fault
	e.cancel()
	return temporal.NewCanceledError()
}

// surrender has the definition put away. The error goes on: what handles it holds
// before its first task.
func (e *execution) surrender(ctx workflow.Context, t *definition.Task, rule *contract.RecoveryRule, err error) error {
	order, cause := e.fileEnding(ctx, e.ending(t, rule, err))
	if cause != nil {
		return cause
	}
	if order.Do != "" {
		e.obey(ctx, order)
	}
	return err
}

func (e *execution) ending(t *definition.Task, rule *contract.RecoveryRule, err error) contract.Ending {
	ending := contract.Ending{Task: e.taskID(t), Execution: e.id, Failed: err != nil, Kept: e.state.Recovery == nil}
	if err != nil {
		fault := asFault(err)
		ending.Code = fault.ErrorCode()
		if ending.Task.Reference == "" {
			ending.Task.Reference = fault.Instance
		}
	}
	if rule != nil {
		ending.Severity, ending.Action = rule.Severity, rule.Action
	}
	return ending
}

// tellFor is how long an execution tries to tell of an error that nothing is done about.
const tellFor = 2 * time.Minute

// fileEnding tells the ledger, and returns what it makes of it.
func (e *execution) fileEnding(ctx workflow.Context, ending contract.Ending) (order contract.Order, err error) {
	ctx, cancel := workflow.NewDisconnectedContext(ctx)
	defer cancel()
	ending.Run = workflow.GetInfo(ctx).FirstRunID
	ctx = ledgerActivity(ctx)
	if e.state.Recovery == nil { // nothing depends on it: it must not keep an execution from ending
		options := workflow.GetLocalActivityOptions(ctx)
		options.ScheduleToCloseTimeout = tellFor
		ctx = workflow.WithLocalActivityOptions(ctx, options)
	}
	err = workflow.ExecuteLocalActivity(ctx, contract.EndExecution, ending).Get(ctx, &order)
	return order, err
}

// report tells the ledger of the error that the execution ended in (A14), and where
// errors are recovered from of its success, which sets counts back. What an execution
// tells was said when it began: one of an earlier version tells less.
func (e *execution) report(ctx workflow.Context, err error) {
	tells := e.state.Recovery != nil || e.state.TellErrors && err != nil
	if !tells || e.rolledBack || err != nil && !catchable(err) {
		return
	}
	rule := e.rule(err)
	if rule != nil && rule.Action != contract.RecoverRollback {
		done := *rule // what it says was done before, or not
		done.Action, rule = "", &done
	}
	if _, err := e.fileEnding(ctx, e.ending(nil, rule, err)); err != nil {
		workflow.GetLogger(ctx).Warn("the ledger was not told how it ended", "error", err)
	}
}

// rollBack recovers from an error by the version that was published before this
// one, from the beginning and with the same input. Where there is none, or it
// fails too, the error stands.
func (e *execution) rollBack(ctx workflow.Context, output any, err error) (any, error) {
	rule := e.rule(err)
	if rule == nil || rule.Action != contract.RecoverRollback || e.start.RolledBack != "" || e.start.Depth >= maxDepth {
		return output, err
	}
	again, cause := e.runPrevious(ctx, rule, err)
	if cause != nil {
		if temporal.IsCanceledError(cause) && ctx.Err() != nil {
			return nil, cause
		}
		workflow.GetLogger(ctx).Warn("not rolled back", "error", cause)
		return output, err
	}
	return again, nil
}

func (e *execution) runPrevious(ctx workflow.Context, rule *contract.RecoveryRule, failed error) (any, error) {
	doc := e.def.Document
	resolved, err := lookUp(ctx, contract.Reference{Namespace: doc.Namespace, Name: doc.Name, Version: doc.Version, Before: doc.Version})
	if err != nil {
		return nil, err
	}
	previous, err := definitions.load(resolved.Source)
	if err != nil {
		return nil, err
	}
	input, err := expression.Encode(e.state.Raw)
	if err != nil {
		return nil, err
	}
	start := e.start
	start.Definition, start.Published, start.Input, start.State = resolved.Source, contract.PublishedRef{}, input, nil
	start.Execution, start.RolledBack = e.start.Root(e.id), doc.Version
	start.Depth++
	if _, err := encodeBounded(start, "the input of the version before"); err != nil {
		return nil, err
	}
	// The success of the version before would set the counts back.
	if _, err := e.fileEnding(ctx, e.ending(nil, rule, failed)); err != nil {
		return nil, err
	}
	e.rolledBack = true
	ctx = workflow.WithChildOptions(ctx, e.childOptions(&definition.Task{Reference: "rolled back from " + doc.Version}, previous, true))
	var output json.RawMessage
	if err := workflow.ExecuteChildWorkflow(ctx, TypeName(previous.Document), start).Get(ctx, &output); err != nil {
		return nil, ended(ctx, err)
	}
	return expression.Decode(output)
}
