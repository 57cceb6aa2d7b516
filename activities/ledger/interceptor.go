package ledger

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/temporal"

	"lazaret.dev/lazaret/activities/contract"
)

// Interceptor puts the gate around every activity of a worker: none begins of an
// execution that a suspended user has started. One that says for whom it is does not
// begin for a held definition, and is ended when it runs. What it has done by then
// stays done.
func (g *Gate) Interceptor() interceptor.WorkerInterceptor { return &gateInterceptor{gate: g} }

type gateInterceptor struct {
	interceptor.WorkerInterceptorBase
	gate *Gate
}

// InterceptActivity implements interceptor.WorkerInterceptor.
func (i *gateInterceptor) InterceptActivity(_ context.Context, next interceptor.ActivityInboundInterceptor) interceptor.ActivityInboundInterceptor {
	a := &gatedActivity{gate: i.gate}
	a.Next = next
	return a
}

type gatedActivity struct {
	interceptor.ActivityInboundInterceptorBase
	gate *Gate
}

// ExecuteActivity implements interceptor.ActivityInboundInterceptor.
func (a *gatedActivity) ExecuteActivity(ctx context.Context, in *interceptor.ExecuteActivityInput) (any, error) {
	task, script, concerns := taskOf(in.Args)
	if activity.GetInfo(ctx).IsLocalActivity {
		return a.Next.ExecuteActivity(ctx, in)
	}
	if suspended, err := a.gate.suspended(ctx, task); err != nil || suspended != nil {
		return nil, cmp.Or(err, refusal(suspended))
	}
	if !concerns {
		return a.Next.ExecuteActivity(ctx, in)
	}
	watched, leave, err := a.gate.pass(ctx, task, script)
	if err != nil {
		return nil, err
	}
	defer leave()
	result, err := a.Next.ExecuteActivity(watched, in)
	if held := context.Cause(watched); err != nil && ctx.Err() == nil && isHeld(held) && !isVerdict(err, in.Args[0]) {
		return nil, held
	}
	return result, err
}

func isHeld(err error) bool {
	application, ok := err.(*temporal.ApplicationError) //nolint:errorlint // a context's cause, as it was given
	return ok && application.Type() == contract.Quarantined
}

// isVerdict tells an error that says what the program itself has done: what it must
// not, or more than its limits allow. It was ended for that, which may be what its
// definition is held for, and not by the hold.
func isVerdict(err error, request any) bool {
	application, ok := err.(*temporal.ApplicationError) //nolint:errorlint // an activity's own, as it returned it
	if !ok || application.Type() == contract.AuthorizationError {
		return ok
	}
	var fault *contract.Fault
	if _, program := request.(contract.Process); !program || application.Details(&fault) != nil || fault == nil {
		return false
	}
	return slices.Contains([]string{contract.CodeMemory, contract.CodeCPU, contract.CodeResource, contract.CodeTimeout}, fault.ErrorCode())
}

// taskOf finds for whom an activity is.
func taskOf(args []any) (task contract.TaskID, script string, concerns bool) {
	if len(args) == 0 {
		return task, "", false
	}
	switch request := args[0].(type) {
	case contract.Process:
		return request.Task, ScriptDigest(request), true
	case contract.Reference:
		return contract.TaskID{Namespace: request.Namespace, Name: request.Name}, "", true
	case interface{ TaskOf() contract.TaskID }:
		return request.TaskOf(), "", true
	}
	return task, "", false
}

// ScriptDigest names a program's text by its SHA-256, in hex. A program that has
// no text of its own has none.
func ScriptDigest(p contract.Process) string {
	if p.Code == "" {
		return p.Source.SHA256
	}
	sum := sha256.Sum256([]byte(p.Code))
	return hex.EncodeToString(sum[:])
}
