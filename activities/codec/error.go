package codec

import "errors"

// Error says what is wrong with keys or a payload, and what to do about it. It
// holds no key and nothing of a payload's content.
type Error struct {
	Reason string
	Hint   string // may be empty
	Err    error  // the cause, or nil
}

// Error returns reason and cause, without the hint.
func (e *Error) Error() string {
	if e.Err == nil {
		return e.Reason
	}
	return e.Reason + ": " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Reasons for which a payload is refused.
var (
	ErrUnknownKey = errors.New("its key is not in the ring")
	ErrTampered   = errors.New("it was changed, or sealed with another key of the same name")
	ErrMisplaced  = errors.New("it belongs elsewhere")
	ErrPlain      = errors.New("it is not encrypted")
)
