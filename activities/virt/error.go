package virt

import (
	"context"
	"errors"
	"fmt"
)

// Code says what sort of thing went wrong. Codes are stable: callers branch on them.
type Code string

// The codes.
const (
	Invalid     Code = "invalid"      // the request itself: an unknown operation, a bad argument
	Denied      Code = "denied"       // by policy, or by libvirt's own permissions
	NotFound    Code = "not-found"    // no such guest, network, pool, volume, snapshot
	Busy        Code = "busy"         // the state of things does not allow it, or another operation goes on
	Limited     Code = "rate-limited" // too many requests in too short a time
	Timeout     Code = "timeout"      // the time for it is over; it was not waited for any longer
	Unreachable Code = "unreachable"  // no libvirt there, or the connection broke on the way
	Unsupported Code = "unsupported"  // the hypervisor cannot do it
	Failed      Code = "failed"       // anything else that libvirt reports
)

var statuses = map[Code]int{
	Invalid: 400, Denied: 403, NotFound: 404, Timeout: 408, Busy: 409,
	Limited: 429, Failed: 500, Unsupported: 501, Unreachable: 503,
}

// Status is the code's HTTP status.
func (c Code) Status() int { return statuses[c] }

// Error is how an operation fails.
type Error struct {
	Code    Code   `json:"code"`
	Message string `json:"message"`
	// Lost says that whether it took effect is not known: the answer got lost.
	Lost bool `json:"lost,omitempty"`
	// Awaiting is set where a person's approval would let it pass, and a task may wait
	// for that; Rejected, where a person has refused it. Neither is a violation.
	Awaiting *Awaiting `json:"-"`
	Rejected bool      `json:"-"`
}

func (e *Error) Error() string { return e.Message }

// Errorf makes an Error.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// AsError is the Error in err, or one that says what err says.
func AsError(err error) *Error {
	var e *Error
	switch {
	case errors.As(err, &e):
		return e
	case errors.Is(err, context.DeadlineExceeded):
		return Errorf(Timeout, "the time for it is over")
	}
	return Errorf(Failed, "%v", err)
}
