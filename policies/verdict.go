package policies

import (
	"fmt"
	"time"

	"lazaret.dev/lazaret/sandbox"
)

// SecurityCode is the code of a program that was ended for its violations.
const SecurityCode = "SEC_001"

// Decision is what follows from the violations of one definition.
type Decision string

// The decisions, the mildest first.
const (
	DecisionAllow      Decision = "allow"      // nothing that counts
	DecisionWarn       Decision = "warn"       // it counts, and people may have to know
	DecisionQuarantine Decision = "quarantine" // the definition is put away
)

// Recorded is a violation as the thresholds see it.
type Recorded struct {
	Severity sandbox.Severity
	At       time.Time
	// Ended says that the program was ended for it.
	Ended bool
}

// Standing is where a definition stands when a violation is judged.
type Standing struct {
	// Since is when counting began: at the last release; zero counts everything.
	Since time.Time
	// Watched is set while a released definition is watched.
	Watched bool
}

// Judgement is what is made of all that is recorded of a definition.
type Judgement struct {
	Decision Decision
	Counted  int // violations that count, within the time that they count
	Limit    int // of them, from which on the definition is put away or alerted of
	// Alert tells people that the limit is reached and nothing is done by itself.
	Alert bool
	// Notify tells people of the newest violations at once.
	Notify bool
	Reason string
}

// Judge is a pure function: of the violations recorded up to now, in any order,
// those at index newest and above being new.
//
// Low never counts. Medium and above count for as long as the thresholds say. High
// is told to people at once. Critical puts the definition away whatever the count
// (A26), and so does a program that had to be ended for what it did (A42). Where the thresholds leave it to people, nothing is ever put away by
// itself (A23).
func (t Thresholds) Judge(recorded []Recorded, newest int, standing Standing, now time.Time) Judgement {
	v := Judgement{Decision: DecisionAllow, Limit: t.limit(standing)}
	critical, ended := false, false
	for i, r := range recorded {
		isNew := i >= newest
		v.Notify = v.Notify || isNew && r.Severity >= sandbox.High
		if r.Severity <= sandbox.Low || r.At.Before(standing.Since) || t.Decay > 0 && now.Sub(r.At) > t.Decay {
			continue
		}
		v.Counted++
		critical = critical || isNew && r.Severity >= sandbox.Critical
		ended = ended || isNew && r.Ended
	}
	full := v.Limit > 0 && v.Counted >= v.Limit
	switch {
	case v.Counted == 0:
	case !t.Automatic:
		v.Decision, v.Alert = DecisionWarn, full || critical || ended
	case critical || ended || full:
		v.Decision = DecisionQuarantine
	default:
		v.Decision = DecisionWarn
	}
	v.Reason = v.reason(critical, standing)
	if ended && !critical && !full && v.Counted > 0 {
		v.Reason = fmt.Sprintf("a program was ended for its violations (%s)", SecurityCode)
	}
	return v
}

func (t Thresholds) limit(standing Standing) int {
	if standing.Watched && t.Watch > 0 && (t.After == 0 || t.Watch < t.After) {
		return t.Watch
	}
	return t.After
}

func (v Judgement) reason(critical bool, standing Standing) string {
	watched := ""
	if standing.Watched {
		watched = " while it is watched"
	}
	switch {
	case v.Decision == DecisionAllow:
		return "no violation that counts"
	case critical:
		return "a critical violation"
	case v.Limit == 0:
		return fmt.Sprintf("%d violations that count", v.Counted)
	}
	return fmt.Sprintf("%d of %d violations that count%s", v.Counted, v.Limit, watched)
}
