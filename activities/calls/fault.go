package calls

import (
	"fmt"

	"lazaret.dev/lazaret/sandbox/egress"
)

// Kind says whose affair a Fault is.
type Kind int

// The kinds of fault.
const (
	Invalid         Kind = iota + 1 // the definition's: what it gives is no request
	Denied                          // the operator's: the host or its address is not permitted
	Forbidden                       // the operator's: a file that is not shared
	Unauthenticated                 // no token, or no credentials that could be sent
	Failed                          // the other side's or the network's
	Erred                           // the other side's: its answer is an error of its protocol
	TooSlow                         // it did not end in time
)

// Fault is a call that gave nothing, and why. Its text is for the author of the
// definition; it holds no query of a URL, where tokens are.
type Fault struct {
	Kind   Kind
	Status int // of the answer; 0: there was none
	Detail string
	Denial *egress.Denial // of Denied
	Err    error          // cause, or nil
}

func (f *Fault) Error() string {
	if f.Err == nil {
		return f.Detail
	}
	return fmt.Sprintf("%s: %v", f.Detail, f.Err)
}

// Unwrap returns the cause.
func (f *Fault) Unwrap() error { return f.Err }

func fault(kind Kind, err error, format string, args ...any) *Fault {
	return &Fault{Kind: kind, Detail: fmt.Sprintf(format, args...), Err: err}
}

func denied(denial *egress.Denial, remedy string) *Fault {
	return &Fault{Kind: Denied, Detail: "call refused; " + remedy, Denial: denial, Err: denial}
}
