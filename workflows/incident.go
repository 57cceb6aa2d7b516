package workflows

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"lazaret.dev/lazaret/activities/contract"
)

// incidentTable says where an incident may go from each state, and what has to be
// known for it (B59-B61, C39).
var incidentTable = map[string]map[string][]incidentNeed{
	contract.IncidentDetected: {
		contract.IncidentContained: {needNote},
	},
	contract.IncidentContained: {
		contract.IncidentEradicated: {needReviewer, needCause, needFix},
		contract.IncidentRecovered:  {needReviewer, needNote}, // by a reviewer who found nothing to remove
	},
	contract.IncidentEradicated: {
		contract.IncidentRecovered: {needReviewer, needNote},
	},
	contract.IncidentRecovered: {
		contract.IncidentClosed: {needReviewer, needCause, needFix, needPolicyUpdate, needRules, needTraining, needLessons},
	},
	contract.IncidentClosed: {},
}

// incidentNeed is a field that may not be empty, by the name of the flag that gives it.
type incidentNeed struct {
	name string
	of   func(contract.IncidentFindings, contract.IncidentRequest) string
}

var (
	needReviewer     = incidentNeed{"reviewer", func(_ contract.IncidentFindings, r contract.IncidentRequest) string { return r.Reviewer }}
	needNote         = incidentNeed{"note", func(_ contract.IncidentFindings, r contract.IncidentRequest) string { return r.Note }}
	needCause        = incidentNeed{"cause", func(f contract.IncidentFindings, _ contract.IncidentRequest) string { return f.Cause }}
	needFix          = incidentNeed{"fix", func(f contract.IncidentFindings, _ contract.IncidentRequest) string { return f.Fix }}
	needPolicyUpdate = incidentNeed{"policy-update", func(f contract.IncidentFindings, _ contract.IncidentRequest) string { return f.PolicyUpdate }}
	needRules        = incidentNeed{"rules", func(f contract.IncidentFindings, _ contract.IncidentRequest) string { return f.Rules }}
	needTraining     = incidentNeed{"training", func(f contract.IncidentFindings, _ contract.IncidentRequest) string { return f.Training }}
	needLessons      = incidentNeed{"lessons", func(f contract.IncidentFindings, _ contract.IncidentRequest) string { return f.Lessons }}
)

// Bounds of one incident.
const (
	maxIncidentField      = 1000
	maxIncidentNote       = 500
	maxIncidentSteps      = 32
	maxIncidentExecutions = 50
	maxIncidentEvidence   = 8
)

// openIncident opens one and returns its id. What was found before, and left to
// people, is taken up.
func (l *ledgerState) openIncident(event ledgerEvent, by, reason string, now time.Time) string {
	reason = cut(reason, maxIncidentField)
	step := contract.IncidentStep{At: now, State: contract.IncidentDetected, By: by, Note: cut(reason, maxIncidentNote)}
	at := slices.IndexFunc(l.Incidents, func(i contract.LedgerIncident) bool { return i.State == contract.IncidentDetected })
	if at < 0 {
		l.Incidents = append(l.Incidents, contract.LedgerIncident{
			ID:     fmt.Sprintf("%s.%s-%s", l.Namespace, l.Name, now.Format("20060102T150405.000")),
			Opened: now, DetectedBy: detectedBy(event), Reason: reason, State: contract.IncidentDetected,
		})
		at = len(l.Incidents) - 1
	}
	incident := incidentView{&l.Incidents[at]}
	incident.step(step)
	counting := l.counting()
	incident.Violations = nil
	for _, v := range counting {
		incident.Violations = append(incident.Violations, v.ID)
	}
	incident.Types = l.incidentTypes(event, counting)
	incident.Violations = keepNewest(incident.Violations, maxLedgerViolations)
	id := incident.ID
	l.forgetIncidents()
	return id
}

// incidentTypes are what an incident is an incident of (C34): its violations, and the
// errors where it was they that opened it.
func (l *ledgerState) incidentTypes(event ledgerEvent, counting []contract.Violation) []string {
	types := contract.IncidentTypesOf(counting)
	for _, f := range l.Failures {
		if event == errorsEvent && !f.At.Before(l.CountSince) {
			types = append(types, contract.IncidentTypeOfError(f.Code))
		}
	}
	return contract.GravestFirst(types)
}

// forgetIncidents keeps within the bound: those that are closed go first.
func (l *ledgerState) forgetIncidents() {
	for len(l.Incidents) > maxLedgerIncidents {
		at := slices.IndexFunc(l.Incidents, func(i contract.LedgerIncident) bool { return i.State == contract.IncidentClosed })
		l.Incidents = slices.Delete(l.Incidents, max(at, 0), max(at, 0)+1)
	}
}

func detectedBy(event ledgerEvent) string {
	switch event {
	case addEvent:
		return contract.DetectedByPerson
	case errorsEvent:
		return contract.DetectedByMonitor
	case anomalyEvent:
		return contract.DetectedByAnomaly
	case verdictEvent, reviewEvent, releaseEvent, watchedEvent:
	}
	return contract.DetectedByViolation
}

// incident is a view of one, by its id; nil: there is none.
func (l *ledgerState) incident(id string) *incidentView {
	for i := range l.Incidents {
		if l.Incidents[i].ID == id {
			return &incidentView{&l.Incidents[i]}
		}
	}
	return nil
}

// incidentView is an incident in its ledger.
type incidentView struct{ *contract.LedgerIncident }

// step notes one more; past the bound the oldest mere note goes.
func (i *incidentView) step(s contract.IncidentStep) {
	if len(i.Steps) >= maxIncidentSteps {
		for at := 1; at < len(i.Steps); at++ {
			if i.Steps[at].State == i.Steps[at-1].State {
				i.Steps = slices.Delete(i.Steps, at, at+1)
				break
			}
		}
	}
	i.Steps = append(i.Steps, s)
	i.State = s.State
}

// contain notes that workers know of the quarantine.
func (l *ledgerState) contain(now time.Time) {
	if i := l.incident(l.Incident); i != nil && contract.LedgerHolds(l.State) && i.State == contract.IncidentDetected {
		note := "every worker is told, and what runs " + holdsOrFaults(l.Action)
		i.step(contract.IncidentStep{At: now, State: contract.IncidentContained, Note: note})
	}
}

func holdsOrFaults(action string) string {
	if action == contract.FaultExecution {
		return "faults"
	}
	return "holds"
}

// concern notes which executions were told of a quarantine.
func (l *ledgerState) concern(e contract.Enforcement, told contract.Told) {
	i := l.incident(e.Ledger.Incident)
	if i == nil || e.Do != contract.HoldExecution && e.Do != contract.FaultExecution {
		return
	}
	for _, id := range told.Executions {
		switch {
		case slices.Contains(i.Executions, id):
		case len(i.Executions) < maxIncidentExecutions:
			i.Executions = append(i.Executions, id)
		}
	}
	i.More = max(i.More, len(told.Executions)+told.More-len(i.Executions))
}

func (l *ledgerState) noteReview(r contract.LedgerRequest, now time.Time) {
	if i := l.incident(l.Incident); i != nil {
		i.step(contract.IncidentStep{At: now, State: i.State, By: r.Reviewer, Note: cut("a review begins: "+r.Reason, maxIncidentNote)})
	}
}

// recoverIncident moves the incident of a definition that is released.
func (l *ledgerState) recoverIncident(r contract.LedgerRequest, now time.Time) {
	i := l.incident(l.Incident)
	if i == nil {
		return
	}
	i.Released, i.Reviewer, i.Review = now, r.Reviewer, cut(r.Reason, maxIncidentField)
	i.step(contract.IncidentStep{At: now, State: contract.IncidentRecovered, By: r.Reviewer, Note: cut(r.Reason, maxIncidentNote)})
}

// readOldIncidents gives a state to incidents that an earlier version recorded.
func (l *ledgerState) readOldIncidents() {
	for at := range l.Incidents {
		i := &l.Incidents[at]
		switch {
		case i.State != "":
		case i.Released.IsZero():
			i.State = contract.IncidentContained
		default:
			i.State = contract.IncidentRecovered
		}
	}
}

var sha256Text = regexp.MustCompile(`^[0-9a-f]{64}$`)

// checkIncidentRequest says why a request is none, or does not fit an incident as
// it is.
func (l *ledgerState) checkIncidentRequest(r contract.IncidentRequest) error {
	i := l.incident(r.ID)
	if i == nil {
		return refusal("%s/%s has no incident %q", l.Namespace, l.Name, r.ID)
	}
	if err := checkIncidentTexts(r); err != nil {
		return err
	}
	if i.State == contract.IncidentClosed {
		return refusal("%s is closed", i.ID)
	}
	if r.State == "" {
		return nil
	}
	needs, leads := incidentTable[i.State][r.State]
	if !leads {
		return refusal("%s is %s, from which it cannot become %q, only %s", i.ID, i.State, r.State, nextStates(i.State))
	}
	if r.State == contract.IncidentRecovered && i.ID == l.Incident && contract.LedgerHolds(l.State) {
		return refusal("%s/%s is held for %s: the release of the definition is its recovery", l.Namespace, l.Name, i.ID)
	}
	known := merged(i.IncidentFindings, r.IncidentFindings)
	var missing []string
	for _, need := range needs {
		if strings.TrimSpace(need.of(known, r)) == "" {
			missing = append(missing, "--"+need.name)
		}
	}
	if len(missing) > 0 {
		return refusal("%s cannot become %s without %s", i.ID, r.State, strings.Join(missing, ", "))
	}
	return nil
}

func checkIncidentTexts(r contract.IncidentRequest) error {
	f := r.IncidentFindings
	for _, text := range []string{f.Cause, f.Fix, f.PolicyUpdate, f.Rules, f.Training, f.Lessons} {
		if len(text) > maxIncidentField {
			return refusal("a finding has %d bytes, more than %d", len(text), maxIncidentField)
		}
	}
	if len(r.Note)+len(r.By)+len(r.Reviewer) > maxIncidentNote {
		return refusal("note and names have more than %d bytes", maxIncidentNote)
	}
	if e := r.Evidence; e != nil && (e.File == "" || len(e.File) > maxIncidentNote || !sha256Text.MatchString(e.SHA256)) {
		return refusal("evidence needs the name of a file and its SHA-256")
	}
	if r.State == "" && r.Note == "" && r.Evidence == nil && f == (contract.IncidentFindings{}) {
		return refusal("there is nothing to note: no state, no note, no finding, no evidence")
	}
	return nil
}

// nextStates are those that an incident may move to, for people.
func nextStates(state string) string {
	var next []string
	for _, to := range contract.IncidentStates {
		if _, leads := incidentTable[state][to]; leads {
			next = append(next, to)
		}
	}
	return strings.Join(next, " or ")
}

func merged(known, more contract.IncidentFindings) contract.IncidentFindings {
	for _, pair := range []struct {
		to   *string
		from string
	}{
		{&known.Cause, more.Cause},
		{&known.Fix, more.Fix},
		{&known.PolicyUpdate, more.PolicyUpdate},
		{&known.Rules, more.Rules},
		{&known.Training, more.Training},
		{&known.Lessons, more.Lessons},
	} {
		if strings.TrimSpace(pair.from) != "" {
			*pair.to = pair.from
		}
	}
	return known
}

// changeIncident does what was asked for, which checkIncidentRequest has let pass.
func (l *ledgerState) changeIncident(r contract.IncidentRequest, now time.Time) contract.LedgerIncident {
	i := l.incident(r.ID)
	i.IncidentFindings = merged(i.IncidentFindings, r.IncidentFindings)
	if r.Evidence != nil {
		e := *r.Evidence
		e.At, e.By = now, r.By
		i.Evidence = keepNewest(append(i.Evidence, e), maxIncidentEvidence)
	}
	by := r.Reviewer
	if by == "" {
		by = r.By
	}
	to := r.State
	if to == "" {
		to = i.State
	}
	if to != i.State || r.Note != "" {
		i.step(contract.IncidentStep{At: now, State: to, By: by, Note: r.Note})
	}
	switch r.State {
	case contract.IncidentRecovered:
		i.Released, i.Reviewer, i.Review = now, r.Reviewer, r.Note
	case contract.IncidentClosed:
		i.Closed = now
	}
	return *i.LedgerIncident
}

func cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "")
}
