package activities

import (
	"context"
	"errors"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/sandbox"
)

// OwnPrograms runs programs of lazaret's own, such as the one that reads scripts
// before they run: without whatever the operator permits to be missing.
type OwnPrograms struct {
	Runner    Runner
	Permitted policies.Degradations
}

// Run is Runner.Run.
func (o OwnPrograms) Run(ctx context.Context, spec sandbox.Spec) (sandbox.Result, error) {
	spec.MayLack = o.Permitted.AtOwn()
	return o.Runner.Run(ctx, spec)
}

// unavailable is the fault of a level that this machine cannot enforce: what is
// missing, why, and what an operator can do. It is nil for any other error.
func unavailable(err error, level policies.Level) *contract.Fault {
	if !errors.Is(err, sandbox.ErrUnavailable) {
		return nil
	}
	return &contract.Fault{Type: contract.SandboxUnavailable, Status: 503, Title: "Sandbox unavailable", Detail: Unavailable(err, level)}
}

// Unavailable tells of an error that wraps sandbox.ErrUnavailable with its remedies.
// A zero level is that of a program of lazaret's own.
func Unavailable(err error, level policies.Level) string {
	text := err.Error()
	if step, ok := errors.AsType[*sandbox.StepError](err); ok && step.Remedy != "" {
		text += "; remedy: " + step.Remedy
	}
	lack, ok := errors.AsType[*sandbox.LackError](err)
	switch {
	case !ok:
	case level != 0:
		text += "; " + policies.Advice(level, lack.Feature)
	default:
		text += "; programs of lazaret's own run without it where the operator permits that: --allow-degraded " + string(lack.Feature)
	}
	return text
}
