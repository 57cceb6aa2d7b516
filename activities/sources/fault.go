package sources

import "fmt"

// Kind says whose affair a Fault is.
type Kind int

// The kinds of fault.
const (
	BadURL      Kind = iota + 1 // the definition's: the URL is none that is fetched
	Refused                     // the operator's: the host or its address is not permitted
	Unreachable                 // the host's or the network's
	TooSlow                     // it did not end in time
	BadContent                  // the host gave something that is no script
	Changed                     // the host gave another script than before
)

// Fault is a script that was not fetched, and why. Its text is for the author
// of the definition: it holds no query of a URL, where tokens are.
type Fault struct {
	Kind   Kind
	Detail string
	Err    error // cause, or nil
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
