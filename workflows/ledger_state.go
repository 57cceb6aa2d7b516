package workflows

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"lazaret.dev/lazaret/activities/contract"
)

// ledgerEvent is what may move a definition from one state to another.
type ledgerEvent string

const (
	verdictEvent ledgerEvent = "verdict" // the violations are too many, or too grave
	addEvent     ledgerEvent = "add"     // somebody puts it away
	reviewEvent  ledgerEvent = "review"  // somebody begins to look into it
	releaseEvent ledgerEvent = "release" // a reviewer lets it run again
	watchedEvent ledgerEvent = "watched" // it was watched for long enough
	anomalyEvent ledgerEvent = "anomaly" // so much happens that it is out of the definition's ordinary; moves nothing by itself
	errorsEvent  ledgerEvent = "errors"  // its errors are too many, or of a kind that puts it away
)

// ledgerTable says where each event leads from each state; an event that a state
// does not name changes nothing there.
var ledgerTable = map[string]map[ledgerEvent]string{
	contract.LedgerActive: {
		verdictEvent: contract.LedgerQuarantined,
		errorsEvent:  contract.LedgerQuarantined,
		addEvent:     contract.LedgerQuarantined,
	},
	contract.LedgerQuarantined: {
		reviewEvent:  contract.LedgerPendingReview,
		releaseEvent: contract.LedgerReleased, // by a reviewer who began and ended at once
	},
	contract.LedgerPendingReview: {
		releaseEvent: contract.LedgerReleased,
	},
	contract.LedgerReleased: {
		verdictEvent: contract.LedgerQuarantined,
		errorsEvent:  contract.LedgerQuarantined,
		addEvent:     contract.LedgerQuarantined,
		watchedEvent: contract.LedgerActive,
	},
}

// Bounds of what a ledger keeps, and carries when it continues as new.
const (
	maxLedgerViolations  = 256
	maxLedgerSeen        = 4096
	maxLedgerVersions    = 32
	maxLedgerScripts     = 32
	maxLedgerTransitions = 64
	maxLedgerIncidents   = 32
	maxLedgerRelated     = 32
	maxLedgerFailures    = 64
)

// ledgerState is a ledger's data with what may be done to it. It knows no Temporal:
// time comes with each call.
type ledgerState struct{ contract.Ledger }

// move follows the table; false says that the event changes nothing.
func (l *ledgerState) move(event ledgerEvent, by, reason string, now time.Time) bool {
	to, moves := ledgerTable[l.State][event]
	if !moves {
		return false
	}
	l.Transitions = keepNewest(append(l.Transitions, contract.LedgerTransition{At: now, From: l.State, To: to, By: by, Reason: reason}), maxLedgerTransitions)
	l.State, l.Since, l.By, l.Reason = to, now, by, reason
	l.Revision = max(l.Revision+1, now.UnixMilli())
	return true
}

// quarantine puts the definition away and opens an incident.
func (l *ledgerState) quarantine(event ledgerEvent, by, reason, action string, now time.Time) bool {
	if !l.move(event, by, reason, now) {
		return false
	}
	l.Action, l.WatchUntil = action, time.Time{}
	l.Incident = l.openIncident(event, by, reason, now)
	for _, v := range l.Violations {
		if l.counts(v) {
			l.hold(v)
		}
	}
	return true
}

// counts tells whether a violation weighs: Low never does, nor what was before the
// last release.
func (l *ledgerState) counts(v contract.Violation) bool {
	return v.Severity != "Low" && !v.At.Before(l.CountSince)
}

// hold keeps the script of a violation from running under another name (D6).
func (l *ledgerState) hold(v contract.Violation) {
	if v.Script != "" && !slices.Contains(l.Scripts, v.Script) {
		l.Scripts = keepNewest(append(l.Scripts, v.Script), maxLedgerScripts)
	}
}

// release lets the definition run again, and has it watched. What it did before
// counts no more; it stays recorded.
func (l *ledgerState) release(r contract.LedgerRequest, watch time.Duration, now time.Time) bool {
	if !l.move(releaseEvent, r.Reviewer, r.Reason, now) {
		return false
	}
	l.WatchUntil, l.CountSince, l.Counted, l.Alerted, l.Scripts = now.Add(watch), now, 0, time.Time{}, nil
	l.Consecutive, l.Critical = 0, 0
	l.recoverIncident(r, now)
	return true
}

// record takes over what was judged.
func (l *ledgerState) record(j contract.Judged) {
	l.Refused += j.Refused
	if len(j.Violations) == 0 {
		return
	}
	l.Counted, l.Limit, l.Rates = j.Counted, j.Limit, j.Rates
	alert := j.Alert && l.Alerted.IsZero()
	if alert {
		l.Alerted = j.At
	}
	l.Violations = slices.Concat(l.Violations, j.Violations) // without room for more: most ledgers get few
	for _, v := range j.Violations {
		l.Total++
		l.Seen = append(l.Seen, v.ID)
		l.see(v, j.At)
		if contract.LedgerHolds(l.State) && l.counts(v) {
			l.hold(v)
		}
	}
	l.Seen = keepNewest(l.Seen, maxLedgerSeen)
	l.trim()
	if at := slices.IndexFunc(j.Violations, isAnomaly); at >= 0 && !contract.LedgerHolds(l.State) {
		l.openIncident(anomalyEvent, "", j.Violations[at].Subject, j.At)
	}
	if alert { // it is left to people (A23)
		l.openIncident(verdictEvent, "", j.Reason, j.At)
	}
}

func isAnomaly(v contract.Violation) bool { return v.Type == contract.MaliciousBehavior }

// recordEndings takes over what was judged of executions that ended.
func (l *ledgerState) recordEndings(j contract.EndJudged) {
	l.Refused += j.Refused
	l.Consecutive, l.Critical, l.Rates.Errors = j.Consecutive, j.Critical, j.Rates.Errors
	l.Failures = keepNewest(append(l.Failures, j.Failures...), maxLedgerFailures)
}

// knownFailures are the ids by which an ending that is told twice is known.
func (l *ledgerState) knownFailures() []string {
	ids := make([]string, len(l.Failures))
	for i, f := range l.Failures {
		ids[i] = f.ID
	}
	return ids
}

// trim forgets the oldest violations, those that do not count first: many harmless
// ones must not make a grave one forgotten.
func (l *ledgerState) trim() {
	for len(l.Violations) > maxLedgerViolations {
		at := slices.IndexFunc(l.Violations, func(v contract.Violation) bool { return !l.counts(v) })
		l.Violations = slices.Delete(l.Violations, max(at, 0), max(at, 0)+1)
	}
}

// see remembers the document that a violation is of.
func (l *ledgerState) see(v contract.Violation, now time.Time) {
	known := slices.ContainsFunc(l.Versions, func(known contract.LedgerVersion) bool { return known.Digest == v.Digest })
	if v.Digest != "" && !known {
		l.Versions = keepNewest(append(l.Versions, contract.LedgerVersion{Version: v.Version, Digest: v.Digest, Seen: now}), maxLedgerVersions)
	}
}

// counting are the violations that weigh when new ones are judged.
func (l *ledgerState) counting() []contract.Violation {
	var all []contract.Violation
	for _, v := range l.Violations {
		if l.counts(v) {
			all = append(all, v)
		}
	}
	return all
}

func keepNewest[T any](all []T, most int) []T {
	if len(all) <= most {
		return all
	}
	return slices.Clone(all[len(all)-most:])
}

// markdown is the ledger as the UI shows it.
func (l *ledgerState) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "**%s/%s** %s since %s\n\n", l.Namespace, l.Name, l.State, l.Since.Format("2006-01-02 15:04:05"))
	if l.Reason != "" {
		fmt.Fprintf(&b, "> %s%s\n\n", markdownText(l.Reason), byWhom(l.By))
	}
	fmt.Fprintf(&b, "%d violations, %d of %d that count", l.Total, l.Counted, l.Limit)
	if !l.WatchUntil.IsZero() {
		fmt.Fprintf(&b, "; watched until %s", l.WatchUntil.Format("2006-01-02 15:04"))
	}
	if l.Refused > 0 {
		fmt.Fprintf(&b, "; %d forged reports refused", l.Refused)
	}
	if l.Consecutive > 0 {
		fmt.Fprintf(&b, "; %d executions in a row ended in an error, %d critical", l.Consecutive, l.Critical)
	}
	b.WriteString("\n\n")
	shown := l.Violations[max(0, len(l.Violations)-maxShown):]
	for _, v := range slices.Backward(shown) {
		fmt.Fprintf(&b, "- %s %s %s `%s` %s ×%d, %s\n", v.At.Format("15:04:05"), v.Severity, v.Type, v.Syscall, markdownText(v.Subject), v.Count, v.Version)
	}
	for _, f := range slices.Backward(l.Failures[max(0, len(l.Failures)-maxShown):]) {
		fmt.Fprintf(&b, "- %s %s %s %s %s\n", f.At.Format("15:04:05"), f.Code, f.Action, markdownText(f.Execution), markdownText(f.Task))
	}
	for _, i := range slices.Backward(l.Incidents) {
		if i.State != contract.IncidentClosed {
			fmt.Fprintf(&b, "- incident `%s` %s%s\n", i.ID, i.State, strings.Join(append([]string{""}, i.Types...), ", "))
		}
	}
	for _, r := range l.Related {
		fmt.Fprintf(&b, "- its %s %s/%s is %s\n", r.Relation, r.Namespace, r.Name, r.State)
	}
	for _, t := range slices.Backward(l.Transitions) {
		fmt.Fprintf(&b, "- %s %s → %s%s: %s\n", t.At.Format("2006-01-02 15:04:05"), t.From, t.To, byWhom(t.By), markdownText(t.Reason))
	}
	return strings.ToValidUTF8(b.String()[:min(b.Len(), maxDetails)], "")
}

// maxShown is how many violations the UI shows.
const maxShown = 20

func byWhom(by string) string {
	if by == "" {
		return ""
	}
	return ", by " + markdownText(by)
}
