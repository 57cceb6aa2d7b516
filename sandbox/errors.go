package sandbox

import (
	"errors"
	"fmt"
)

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
}

func (e *StepError) Error() string { return e.Step + ": " + e.Err.Error() }

// Unwrap returns the cause.
func (e *StepError) Unwrap() error { return e.Err }

func unavailable(step string, err error) error {
	return fmt.Errorf("%w: %w", ErrUnavailable, &StepError{step, err})
}
