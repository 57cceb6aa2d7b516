package audit

import "errors"

// The errors that callers tell apart.
var (
	// ErrUnwritable is wrapped by Append: the event stands nowhere, so what it
	// records must not happen.
	ErrUnwritable = errors.New("audit log cannot be written")
	// ErrAccess is wrapped when another user could have written the log.
	ErrAccess = errors.New("audit log is not safe")
)

// Error says what is wrong with the log and what to do about it.
type Error struct {
	Reason string // one line
	Hint   string // one line, the remedy; may be empty
	Err    error  // the cause
}

// Error returns the reason and the cause in one line, without the hint.
func (e *Error) Error() string {
	if e.Err == nil {
		return e.Reason
	}
	return e.Reason + ": " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }
