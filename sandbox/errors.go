package sandbox

import "errors"

// ErrUnavailable is wrapped when this machine cannot sandbox anything: a kernel
// feature or a permission is missing. Nothing has run. Probe says more.
var ErrUnavailable = errors.New("sandbox unavailable")

// ErrSpec is wrapped when a Spec asks for something that makes no sense.
var ErrSpec = errors.New("sandbox spec")

// ErrClosed is returned by Run after Close.
var ErrClosed = errors.New("sandbox runner closed")

// StepError says at which step of building a sandbox the kernel refused. Its
// cause is a unix.Errno where there is one.
type StepError struct {
	Step string // such as: attach "/usr"
	Err  error
	// Cause is what on this machine probably made the kernel refuse, and Remedy what
	// an operator can do; both are empty where nothing is known.
	Cause, Remedy string
}

func (e *StepError) Error() string {
	text := e.Step + ": " + e.Err.Error()
	if e.Cause != "" {
		text += " (" + e.Cause + ")"
	}
	return text
}

// Unwrap returns the cause.
func (e *StepError) Unwrap() error { return e.Err }

func unavailable(step string, err error) error {
	return &stepFault{ErrUnavailable, &StepError{Step: step, Err: err}}
}

// stepFault says whose fault a failed step is. Its text is made when it is asked
// for, since a StepError may be explained meanwhile.
type stepFault struct {
	blame error // ErrUnavailable or ErrSpec
	step  *StepError
}

func (e *stepFault) Error() string   { return e.blame.Error() + ": " + e.step.Error() }
func (e *stepFault) Unwrap() []error { return []error{e.blame, e.step} }
