package environments

import "fmt"

// Kind says whose affair a Fault is.
type Kind int

// The kinds of fault.
const (
	Invalid     Kind = iota + 1 // the definition's, or the lock's: it asks for what cannot be
	Refused                     // the operator's: it is not permitted or not set up
	Unreachable                 // the index's or the network's
)

// Fault is an environment that cannot be had, and why. The text is for the
// author of the definition.
type Fault struct {
	Kind   Kind
	Detail string
}

func (f *Fault) Error() string { return f.Detail }

func fault(kind Kind, format string, args ...any) *Fault {
	return &Fault{Kind: kind, Detail: fmt.Sprintf(format, args...)}
}
