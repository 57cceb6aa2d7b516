package worker

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"lazaret.dev/lazaret/activities/contract"
)

// The exit codes: a contract that scripts depend on.
const (
	exitCompleted   = 0
	exitFaulted     = 1
	exitInvalid     = 2 // usage, or an invalid definition or input
	exitRefused     = 3 // by policy or quarantine
	exitUnreachable = 4 // no Temporal
	exitNoSandbox   = 5 // this machine cannot enforce the level
	exitTimedOut    = 124
	exitCancelled   = 130
)

// exitError is an error that knows its exit code. Hint is one line, or empty.
type exitError struct {
	code  int
	err   error
	hint  string
	quiet bool // the command has already said what is wrong
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }

const usageHint = "lazaret --help, or lazaret COMMAND --help, shows the usage"

func usageError(err error) error {
	return &exitError{code: exitInvalid, err: err, hint: usageHint}
}

func invalid(hint, format string, args ...any) error {
	return &exitError{code: exitInvalid, err: fmt.Errorf(format, args...), hint: hint}
}

func unreachable(err error, hint string) error {
	return &exitError{code: exitUnreachable, err: err, hint: hint}
}

// report says on stderr what went wrong and returns the exit code. A fault of
// the execution is one JSON line, the last one.
func (a *app) report(err error) int {
	if err == nil {
		return exitCompleted
	}
	if fault, ok := errors.AsType[*contract.Fault](err); ok {
		a.reportFault(fault)
		return faultCode(fault)
	}
	var exit *exitError
	if !errors.As(err, &exit) {
		exit = &exitError{code: exitFaulted, err: err}
		if isUsage(err) {
			exit = &exitError{code: exitInvalid, err: err, hint: usageHint}
		}
	}
	if !exit.quiet {
		fmt.Fprintln(a.stderr, "lazaret: "+strings.TrimSpace(exit.err.Error()))
		if exit.hint != "" {
			fmt.Fprintln(a.stderr, "hint: "+exit.hint)
		}
	}
	return exit.code
}

func (a *app) reportFault(fault *contract.Fault) {
	encoder := json.NewEncoder(a.stderr)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(fault) // when stderr is gone there is nobody to tell
}

// faultCode is the exit code of an execution that ended with the fault.
func faultCode(fault *contract.Fault) int {
	switch fault.Type {
	case contract.Refused, contract.Quarantined:
		return exitRefused
	case contract.SandboxUnavailable:
		return exitNoSandbox
	case contract.TimeoutError:
		return exitTimedOut
	}
	return exitFaulted
}

// isUsage tells cobra's own complaints, which have no type, from our errors.
func isUsage(err error) bool {
	for _, prefix := range []string{"unknown command", "accepts ", "requires ", "required flag", "invalid argument"} {
		if strings.HasPrefix(err.Error(), prefix) {
			return true
		}
	}
	return false
}

// exactly is cobra.ExactArgs with a message that names what is missing.
func exactly(names ...string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) == len(names) {
			return nil
		}
		return usageError(fmt.Errorf("expected %s, got %d arguments", strings.Join(names, " "), len(args)))
	}
}

// files is cobra.MinimumNArgs(1) likewise.
func files(_ *cobra.Command, args []string) error {
	if len(args) > 0 {
		return nil
	}
	return usageError(errors.New("expected FILE…, got no argument"))
}
