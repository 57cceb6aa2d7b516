package policies

import (
	"fmt"
	"time"

	"lazaret.dev/lazaret/sandbox"
)

// Anomaly says when so much happens to a definition that it is no longer its own way:
// more within one window than is usual for it by far (A13).
type Anomaly struct {
	Watch bool
	// Window is what is counted together.
	Window time.Duration
	// Least is how many there must be within a window, and Factor how many times the
	// usual number.
	Least  int
	Factor float64
	// Learn is how many windows make a baseline; before, nothing is out of the ordinary.
	Learn int
	// Severity is that of the violation that an anomaly is.
	Severity sandbox.Severity
}

// DefaultAnomaly is what holds where a policy does not say.
func DefaultAnomaly() Anomaly {
	return Anomaly{Watch: true, Window: 10 * time.Minute, Least: 10, Factor: 5, Learn: 3, Severity: sandbox.High}
}

// Rate is how often something happens to one definition: its baseline, and the window
// under way. The zero value knows nothing. It is a value.
type Rate struct {
	Since time.Time // of the window
	Count int       // in it
	Mean  float64   // in a window, of the newest that have ended and in which something happened
	Seen  int       // such windows
	// Raised is set from an anomaly on until a window has ended without one.
	Raised bool
}

// rateMemory is how many windows weigh in a mean: an older one fades.
const rateMemory = 24

// Observe counts one more, at a time that is none of the future, and says whether an
// anomaly begins with it. What came before the window under way is not counted: it is
// no longer known what was usual then.
func (a Anomaly) Observe(r Rate, at time.Time) (Rate, bool) {
	if !a.Watch || a.Window <= 0 {
		return Rate{}, false
	}
	if r.Since.IsZero() {
		r.Since = at
	}
	r = a.pass(r, at)
	if at.Before(r.Since) {
		return r, false
	}
	r.Count++
	begins := a.exceeds(r) && !r.Raised
	r.Raised = r.Raised || begins
	return r, begins
}

func (a Anomaly) exceeds(r Rate) bool {
	return r.Seen >= a.Learn && r.Count >= a.Least && float64(r.Count) > a.Factor*r.Mean
}

// pass ends the windows that are over at a time. An anomaly weighs in the mean as the
// most that would have been none: what lasts becomes usual, but slowly. Windows in which
// nothing happened weigh nothing: what runs once a night is usual, too.
func (a Anomaly) pass(r Rate, at time.Time) Rate {
	over := at.Sub(r.Since) / a.Window
	if over <= 0 {
		return r
	}
	count := float64(r.Count)
	if r.Raised {
		r.Raised = a.exceeds(r)
		count = min(count, max(a.Factor*r.Mean, float64(a.Least)))
	}
	r.Seen++
	r.Mean += (count - r.Mean) / float64(min(r.Seen, rateMemory))
	if over > 1 {
		r.Raised = false
	}
	r.Since, r.Count = r.Since.Add(over*a.Window), 0
	return r
}

// Describe says what is out of the ordinary with a rate of what.
func (a Anomaly) Describe(r Rate, what string) string {
	return fmt.Sprintf("%d %s within %s, where %.1f are usual", r.Count, what, durationText(a.Window), r.Mean)
}
