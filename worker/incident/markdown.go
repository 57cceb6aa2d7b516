package incident

import (
	"fmt"
	"strings"
	"time"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/worker/markdown"
)

// Markdown is the report as a document. What came out of sandboxes and from the
// command line is text there, and never markup.
func (r Report) Markdown() string {
	var b strings.Builder
	i := r.Incident
	fmt.Fprintf(&b, "# Incident %s\n\n", markdown.Text(i.ID))
	fmt.Fprintln(&b, "| | |\n|---|---|")
	row := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "| %s | %s |\n", name, markdown.Text(value))
		}
	}
	row("Definition", r.Definition+", now "+r.Standing)
	row("State", i.State)
	row("Detected", stamp(i.Opened)+", by "+i.DetectedBy)
	row("Type", strings.Join(i.Types, ", "))
	row("Reason", i.Reason)
	if !i.Released.IsZero() {
		row("Released", stamp(i.Released)+", by "+i.Reviewer+": "+i.Review)
	}
	if !i.Closed.IsZero() {
		row("Closed", stamp(i.Closed))
	}
	r.writeTimeline(&b)
	r.writeScope(&b)
	r.writeViolations(&b)
	fmt.Fprintln(&b, "\n## Cause and lessons")
	for _, finding := range Findings {
		value := markdown.Text(*finding.Of(&i.IncidentFindings))
		if value == "" {
			value = "_not written down yet_"
		}
		fmt.Fprintf(&b, "\n- **%s** (%s): %s", finding.Name, finding.Question, value)
	}
	fmt.Fprintln(&b, "\n\n## Evidence")
	for _, e := range i.Evidence {
		fmt.Fprintf(&b, "\n- `%s`, SHA-256 `%s`", markdown.Code(e.File), markdown.Code(e.SHA256))
	}
	if len(i.Evidence) == 0 {
		fmt.Fprintf(&b, "\nNone is noted. `lazaret evidence %s -o FILE` gathers it.", markdown.Code(r.Definition))
	}
	fmt.Fprintln(&b)
	return b.String()
}

func (r Report) writeTimeline(b *strings.Builder) {
	fmt.Fprint(b, "\n## Timeline\n\n| when | what | who | |\n|---|---|---|---|\n")
	for _, e := range r.Timeline {
		fmt.Fprintf(b, "| %s | %s | %s | %s |\n", stamp(e.At), markdown.Text(e.What), markdown.Text(e.By), markdown.Text(e.Note))
	}
}

func (r Report) writeScope(b *strings.Builder) {
	s := r.Scope
	fmt.Fprint(b, "\n## Scope\n")
	for _, v := range s.Versions {
		fmt.Fprintf(b, "\n- version %s, document `%s`, first seen %s", markdown.Text(v.Version), markdown.Code(v.Digest), stamp(v.Seen))
	}
	for _, script := range s.Scripts {
		fmt.Fprintf(b, "\n- script `%s`", markdown.Code(script))
	}
	for _, id := range r.Incident.Executions {
		fmt.Fprintf(b, "\n- told to stop: execution `%s`", markdown.Code(id))
	}
	if r.Incident.More > 0 {
		fmt.Fprintf(b, "\n- and %d more executions", r.Incident.More)
	}
	for _, e := range s.Elsewhere {
		what, digest := "document", e.Digest
		if e.Script != "" {
			what, digest = "script", e.Script
		}
		fmt.Fprintf(b, "\n- elsewhere: %s has the same %s `%s`", markdown.Text(e.Definition), what, markdown.Code(digest))
	}
	for _, other := range s.Related {
		fmt.Fprintf(b, "\n- its %s %s/%s was %s at %s", markdown.Text(other.Relation), markdown.Text(other.Namespace), markdown.Text(other.Name), markdown.Text(other.State), stamp(other.At))
	}
	if len(s.Executions) == 0 {
		fmt.Fprintln(b, "\n- no execution of it is known to Temporal")
		return
	}
	fmt.Fprint(b, "\n\n| execution | definition | version | status | started | by |\n|---|---|---|---|---|---|\n")
	for _, e := range s.Executions {
		fmt.Fprintf(b, "| %s | %s | %s | %s | %s | %s |\n", markdown.Text(e.ID), markdown.Text(e.Definition), markdown.Text(e.Version), markdown.Text(e.Status), stamp(e.Started), markdown.Text(e.By))
	}
}

func (r Report) writeViolations(b *strings.Builder) {
	if len(r.Violations) == 0 {
		return
	}
	fmt.Fprint(b, "\n## Violations\n\n| when | severity | type | what | times | action | task | id |\n|---|---|---|---|---|---|---|---|\n")
	for _, v := range r.Violations {
		fmt.Fprintf(b, "| %s | %s | %s | %s | %d | %s | %s | %s |\n",
			stamp(v.At), markdown.Text(v.Severity), markdown.Text(v.Type), markdown.Text(strings.TrimSpace(v.Syscall+" "+v.Subject)), v.Count, markdown.Text(v.Action), markdown.Text(v.Task), markdown.Text(v.ID))
	}
}

func stamp(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.UTC().Format("2006-01-02 15:04:05.000Z")
}

// Line is one incident in a list.
type Line struct {
	Definition string `json:"definition"`
	contract.LedgerIncident
}
