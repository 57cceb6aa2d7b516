package workflows

import (
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"

	"lazaret.dev/lazaret/activities/contract"
)

func configurationFault(detail string) *contract.Fault {
	return &contract.Fault{Type: contract.ConfigurationError, Status: 400, Title: "Configuration error", Detail: detail}
}

func validationFault(instance, detail string) *contract.Fault {
	return &contract.Fault{Type: contract.ValidationError, Status: 400, Title: "Validation error", Detail: detail, Instance: instance}
}

func expressionFault(instance string, err error) *contract.Fault {
	return &contract.Fault{Type: contract.ExpressionError, Status: 400, Title: "Expression error", Detail: err.Error(), Instance: instance}
}

func timeoutFault(instance, what string, after time.Duration) *contract.Fault {
	return &contract.Fault{
		Type: contract.TimeoutError, Status: 408, Title: "Timeout",
		Detail: fmt.Sprintf("%s did not complete within %s", what, after), Instance: instance,
	}
}

func runtimeFault(instance, detail string) *contract.Fault {
	return &contract.Fault{Type: contract.RuntimeError, Status: 500, Title: "Runtime error", Detail: detail, Instance: instance}
}

// asFault reads the DSL's error out of any error, however Temporal wrapped it.
// Preconditions: err is not a cancellation.
func asFault(err error) *contract.Fault {
	if fault, ok := errors.AsType[*contract.Fault](err); ok {
		return fault
	}
	if application, ok := errors.AsType[*temporal.ApplicationError](err); ok {
		return applicationFault(application)
	}
	if timeout, ok := errors.AsType[*temporal.TimeoutError](err); ok {
		return &contract.Fault{Type: contract.TimeoutError, Status: 408, Title: "Timeout", Detail: timeout.Error()}
	}
	return runtimeFault("", err.Error())
}

func applicationFault(err *temporal.ApplicationError) *contract.Fault {
	var fault contract.Fault
	var coded contract.Coded
	if err.HasDetails() && err.Details(&fault) == nil && fault.Type != "" {
		if fault.Code == "" && err.Details(&fault, &coded) == nil {
			fault.Code = coded.Code // of a child
		}
		return &fault
	}
	infrastructure := runtimeFault("", err.Message())
	infrastructure.Code = (&contract.Fault{Type: err.Type()}).ErrorCode()
	return infrastructure
}

// violationsOf counts the violations for which a program was ended.
func violationsOf(err error) int {
	if !catchable(err) {
		return 0
	}
	return asFault(err).Violations
}

// locate gives a fault without an instance the reference of the task it came
// from, the innermost first. Other errors, and nil, pass.
func locate(err error, reference string) error {
	if err == nil || !catchable(err) {
		return err
	}
	fault := *asFault(err)
	if fault.Instance == "" {
		fault.Instance = reference
	}
	return &fault
}

// catchable tells whether a try may handle the error: cancellation and
// suspension unwind everything.
func catchable(err error) bool {
	return !temporal.IsCanceledError(err) && !errors.Is(err, errSuspended)
}

// errorObject is the fault as expressions see it.
func errorObject(f *contract.Fault) map[string]any {
	object := map[string]any{"type": f.Type, "status": f.Status}
	for _, member := range []struct{ name, value string }{
		{"title", f.Title}, {"detail", f.Detail}, {"instance", f.Instance},
	} {
		if member.value != "" {
			object[member.name] = member.value
		}
	}
	return object
}
