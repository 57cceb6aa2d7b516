package devserver

import "errors"

// ErrUnavailable matches every error of [Start].
var ErrUnavailable = errors.New("embedded Temporal unavailable")

// Code names the family of a [StartError]. Codes are stable: scripts may grep them.
type Code string

// The codes of a StartError.
const (
	// NotBuilt: this binary has no server in it (build tag nodevserver).
	NotBuilt Code = "devserver.not-built"
	// BadOptions: an address or another option is not acceptable.
	BadOptions Code = "devserver.bad-options"
	// StateFolder: the database or a file beside it cannot be used.
	StateFolder Code = "devserver.state-folder"
	// AlreadyRunning: another process runs the server on this state folder.
	AlreadyRunning Code = "devserver.already-running"
	// PortBusy: something else listens on Temporal's or the UI's address.
	PortBusy Code = "devserver.port-busy"
	// VersionMismatch: the database was written by another server version.
	VersionMismatch Code = "devserver.version-mismatch"
	// Failed: the server itself did not come up.
	Failed Code = "devserver.failed"
)

// StartError says in one line why the server did not start, and what to do.
type StartError struct {
	Code Code
	// Reason is one line: what is wrong, with which file or address.
	Reason string
	// Hint is one line: the remedy. It may be empty.
	Hint string
	// Err is the cause, or nil when Reason says all.
	Err error
}

// Error returns the reason in one line, without the hint.
func (e *StartError) Error() string { return "embedded Temporal: " + e.Reason }

// Unwrap returns the cause.
func (e *StartError) Unwrap() error { return e.Err }

// Is makes every StartError match [ErrUnavailable].
func (e *StartError) Is(target error) bool { return target == ErrUnavailable }
