package egress

// Denial is something that a program tried and that was not permitted.
type Denial struct {
	Kind   Kind
	Target string // name:port where both are known; may be hostile text, bounded
	Reason string
}

func (d *Denial) Error() string { return d.Target + ": " + d.Reason }

// told is what the program may know: not what names lead to inside the worker's
// networks.
func (d *Denial) told() string {
	if d.Kind == ForbiddenAddress {
		return d.Target + ": " + string(d.Kind)
	}
	return d.Error()
}

// Kind says what sort of thing was tried.
type Kind string

// The kinds of denial.
const (
	NotListed        Kind = "not listed"        // no rule permits the host or the port
	ForbiddenAddress Kind = "forbidden address" // the name leads to an address inside the worker's networks
	OtherName        Kind = "other name"        // the connection carries another name than it was opened for
	Malformed        Kind = "malformed"         // a request that two readers could understand differently
	OverLimit        Kind = "over limit"        // more, larger or slower than permitted
	Exhausted        Kind = "exhausted"         // all the bytes of the run; told of once
)

// malformed is a Denial whose target could not be told, or not for sure.
func malformed(what string, err error) *Denial {
	return &Denial{Malformed, what, err.Error()}
}
