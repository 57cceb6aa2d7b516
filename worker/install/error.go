package install

// Error says why the installation cannot be used and what to do about it.
type Error struct {
	// Reason is one line: what is wrong, and with which file.
	Reason string
	// Hint is one line: the remedy. It may be empty.
	Hint string
	// Err is the cause, or nil when the finding is our own.
	Err error
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
