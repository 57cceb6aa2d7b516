package definition

import "time"

// Schedule is when a workflow starts by itself: exactly one of Cron, Every,
// After and Events is set.
type Schedule struct {
	Cron   string        // a cron expression of five fields
	Every  time.Duration // whole seconds
	After  time.Duration // whole seconds after the end of the execution before
	Events bool          // schedule.on

	// What document.metadata.schedule says, in Temporal's words.
	Overlap        Overlap        // "" unless written
	CatchupWindow  *time.Duration // nil unless written
	PauseOnFailure bool
	Jitter         time.Duration
	TimeZone       string    // an IANA name; "" unless written. Whether there is one of that name is not checked
	StartAt, EndAt time.Time // zero: no bound
	Input          any       // of every execution
}

// PauseIsLost tells whether PauseOnFailure has no effect: Temporal does not wait
// for the ends of executions that may overlap.
func (s *Schedule) PauseIsLost() bool {
	return s.PauseOnFailure && !s.Events && s.OverlapPolicy() == AllowAll
}

// OverlapPolicy is the policy written, or else the one that the kind implies.
func (s *Schedule) OverlapPolicy() Overlap {
	switch {
	case s.After > 0:
		return BufferOne
	case s.Overlap != "":
		return s.Overlap
	case s.Every > 0:
		return AllowAll // the language: whether or not the last one has ended
	}
	return Skip
}

// Overlap is what happens when a start is due while an execution runs.
type Overlap string

// The overlap policies, named as Temporal names them.
const (
	Skip           Overlap = "Skip"           // do not start
	BufferOne      Overlap = "BufferOne"      // start one when it has ended
	BufferAll      Overlap = "BufferAll"      // start each when the one before has ended
	CancelOther    Overlap = "CancelOther"    // cancel it, and start when it has ended
	TerminateOther Overlap = "TerminateOther" // end it without its knowledge, and start
	AllowAll       Overlap = "AllowAll"       // start all the same
)

// Overlaps are all overlap policies.
var Overlaps = []string{string(Skip), string(BufferOne), string(BufferAll), string(CancelOther), string(TerminateOther), string(AllowAll)}
