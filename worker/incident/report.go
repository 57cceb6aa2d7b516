// Package incident renders what is known of one incident, for people and programs.
// It knows no Temporal: what it reports is handed in.
package incident

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"lazaret.dev/lazaret/activities/contract"
)

// Report is one incident with what belongs to it: what was tried, when what
// happened, where else the same texts run, and what was learned.
type Report struct {
	Definition string                  `json:"definition"`
	Standing   string                  `json:"standing"` // the ledger's state now
	Incident   contract.LedgerIncident `json:"incident"`
	Timeline   []Event                 `json:"timeline"`
	Violations []contract.Violation    `json:"violations,omitempty"`
	Failures   []contract.Failure      `json:"failures,omitempty"`
	Scope      Scope                   `json:"scope"`
	// Missing are the findings without which the incident cannot be closed (C39).
	Missing []string `json:"missing,omitempty"`
}

// Event is a line of the timeline.
type Event struct {
	At   time.Time `json:"at"`
	What string    `json:"what"`
	By   string    `json:"by,omitempty"`
	Note string    `json:"note,omitempty"`
}

// Scope is what is concerned (B59).
type Scope struct {
	Versions []contract.LedgerVersion `json:"versions,omitempty"`
	Scripts  []string                 `json:"scripts,omitempty"` // SHA-256 of those that did it
	// Executions are those of the definition, and of its documents under other names.
	Executions []Execution        `json:"executions,omitempty"`
	Elsewhere  []Elsewhere        `json:"elsewhere,omitempty"`
	Related    []contract.Related `json:"related,omitempty"`
}

// Execution is one of the definition, or of one of the incident's documents under
// another name.
type Execution struct {
	ID         string    `json:"id"`
	Definition string    `json:"definition"`
	Version    string    `json:"version,omitempty"`
	Digest     string    `json:"digest,omitempty"`
	Status     string    `json:"status"`
	Started    time.Time `json:"started"`
	By         string    `json:"by,omitempty"` // who started it, as Temporal knows them
}

// Elsewhere is another definition that has the same document or script.
type Elsewhere struct {
	Definition string `json:"definition"`
	Digest     string `json:"digest,omitempty"`
	Script     string `json:"script,omitempty"`
	State      string `json:"state,omitempty"`
}

// Find is an incident of a ledger by its id.
func Find(l contract.Ledger, id string) (contract.LedgerIncident, bool) {
	at := slices.IndexFunc(l.Incidents, func(i contract.LedgerIncident) bool { return i.ID == id })
	if at < 0 {
		return contract.LedgerIncident{}, false
	}
	return l.Incidents[at], true
}

// New reports on one of a ledger's incidents. Others are the ledgers of other
// definitions, in which the same texts are looked for; ran are the executions of the
// definition and of its documents.
func New(l contract.Ledger, i contract.LedgerIncident, ran []Execution, others []contract.Ledger) Report {
	r := Report{
		Definition: l.Namespace + "/" + l.Name, Standing: l.State, Incident: i,
		Timeline: []Event{}, Missing: missing(i.IncidentFindings),
	}
	for _, v := range l.Violations {
		if slices.Contains(i.Violations, v.ID) {
			r.Violations = append(r.Violations, v)
		}
	}
	end := until(l, i)
	for _, f := range l.Failures {
		if i.DetectedBy == contract.DetectedByMonitor && !f.At.After(end) {
			r.Failures = append(r.Failures, f)
		}
	}
	r.Scope = scope(l, r, ran, others)
	r.timeline(l, end)
	return r
}

// until is the time after which what happened belongs to a later incident.
func until(l contract.Ledger, i contract.LedgerIncident) time.Time {
	end := time.Unix(1<<40, 0)
	for _, other := range l.Incidents {
		if other.Opened.After(i.Opened) && other.Opened.Before(end) {
			end = other.Opened
		}
	}
	return end
}

// Digests are the documents that an incident is about: those of its violations, and
// where it has none, all that were seen under the name.
func Digests(l contract.Ledger, i contract.LedgerIncident) []string {
	var all []string
	for _, v := range l.Violations {
		if v.Digest != "" && slices.Contains(i.Violations, v.ID) {
			all = append(all, v.Digest)
		}
	}
	if len(all) == 0 {
		for _, v := range l.Versions {
			all = append(all, v.Digest)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func scope(l contract.Ledger, r Report, ran []Execution, others []contract.Ledger) Scope {
	s := Scope{Executions: ran, Related: l.Related}
	digests := Digests(l, r.Incident)
	for _, v := range l.Versions {
		if slices.Contains(digests, v.Digest) {
			s.Versions = append(s.Versions, v)
		}
	}
	for _, v := range r.Violations {
		if v.Script != "" && !slices.Contains(s.Scripts, v.Script) {
			s.Scripts = append(s.Scripts, v.Script)
		}
	}
	for _, other := range others {
		name := other.Namespace + "/" + other.Name
		for _, v := range other.Violations {
			if v.Script != "" && slices.Contains(s.Scripts, v.Script) {
				s.add(Elsewhere{Definition: name, Script: v.Script, State: other.State})
			}
		}
	}
	for _, e := range ran {
		if e.Definition != r.Definition {
			s.add(Elsewhere{Definition: e.Definition, Digest: e.Digest})
		}
	}
	return s
}

func (s *Scope) add(e Elsewhere) {
	if !slices.Contains(s.Elsewhere, e) {
		s.Elsewhere = append(s.Elsewhere, e)
	}
}

func (r *Report) timeline(l contract.Ledger, end time.Time) {
	add := func(e Event) { r.Timeline = append(r.Timeline, e) }
	for _, v := range r.Violations {
		add(Event{At: v.At, What: "violation", By: v.Execution, Note: violationText(v)})
	}
	for _, f := range r.Failures {
		add(Event{At: f.At, What: "error", By: f.Execution, Note: f.Code + " " + f.Task})
	}
	for _, s := range r.Incident.Steps {
		add(Event{At: s.At, What: "incident " + s.State, By: s.By, Note: s.Note})
	}
	for _, t := range l.Transitions {
		if !t.At.Before(r.Incident.Opened) && t.At.Before(end) {
			add(Event{At: t.At, What: "definition " + t.From + " → " + t.To, By: t.By, Note: t.Reason})
		}
	}
	for _, e := range r.Incident.Evidence {
		add(Event{At: e.At, What: "evidence", By: e.By, Note: e.File})
	}
	slices.SortStableFunc(r.Timeline, func(a, b Event) int { return a.At.Compare(b.At) })
}

func violationText(v contract.Violation) string {
	parts := []string{v.Severity, v.Type, v.Syscall, v.Subject}
	return strings.Join(slices.DeleteFunc(parts, func(part string) bool { return part == "" }), " ")
}

// Findings are what has to be written down, by the name that people give it.
var Findings = []struct {
	Name, Question string
	Of             func(*contract.IncidentFindings) *string
}{
	{"cause", "what caused it", func(f *contract.IncidentFindings) *string { return &f.Cause }},
	{"fix", "what was changed in the definition", func(f *contract.IncidentFindings) *string { return &f.Fix }},
	{"policy-update", "what was changed in the policy", func(f *contract.IncidentFindings) *string { return &f.PolicyUpdate }},
	{"rules", "which rules find or stop it from now on", func(f *contract.IncidentFindings) *string { return &f.Rules }},
	{"training", "who was taught what", func(f *contract.IncidentFindings) *string { return &f.Training }},
	{"lessons", "what is learned of it", func(f *contract.IncidentFindings) *string { return &f.Lessons }},
}

func missing(f contract.IncidentFindings) []string {
	var names []string
	for _, finding := range Findings {
		if *finding.Of(&f) == "" {
			names = append(names, finding.Name)
		}
	}
	return names
}

// Newest orders incidents, those that were opened last first.
func Newest(a, b contract.LedgerIncident) int {
	return cmp.Or(b.Opened.Compare(a.Opened), cmp.Compare(a.ID, b.ID))
}
