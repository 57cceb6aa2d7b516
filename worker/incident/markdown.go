package incident

import (
	"fmt"
	"strings"
	"time"

	"lazaret.dev/lazaret/activities/contract"
)

// Markdown is the report as a document. What came out of sandboxes and from the
// command line is text there, and never markup.
func (r Report) Markdown() string {
	var b strings.Builder
	i := r.Incident
	fmt.Fprintf(&b, "# Incident %s\n\n", text(i.ID))
	fmt.Fprintln(&b, "| | |\n|---|---|")
	row := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "| %s | %s |\n", name, text(value))
		}
	}
	row("Definition", r.Definition+", now "+r.Standing)
	row("State", i.State)
	row("Detected", stamp(i.Opened)+", by "+i.DetectedBy)
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
		value := text(*finding.Of(&i.IncidentFindings))
		if value == "" {
			value = "_not written down yet_"
		}
		fmt.Fprintf(&b, "\n- **%s** (%s): %s", finding.Name, finding.Question, value)
	}
	fmt.Fprintln(&b, "\n\n## Evidence")
	for _, e := range i.Evidence {
		fmt.Fprintf(&b, "\n- `%s`, SHA-256 `%s`", code(e.File), code(e.SHA256))
	}
	if len(i.Evidence) == 0 {
		fmt.Fprintf(&b, "\nNone is noted. `lazaret evidence %s -o FILE` gathers it.", code(r.Definition))
	}
	fmt.Fprintln(&b)
	return b.String()
}

func (r Report) writeTimeline(b *strings.Builder) {
	fmt.Fprint(b, "\n## Timeline\n\n| when | what | who | |\n|---|---|---|---|\n")
	for _, e := range r.Timeline {
		fmt.Fprintf(b, "| %s | %s | %s | %s |\n", stamp(e.At), text(e.What), text(e.By), text(e.Note))
	}
}

func (r Report) writeScope(b *strings.Builder) {
	s := r.Scope
	fmt.Fprint(b, "\n## Scope\n")
	for _, v := range s.Versions {
		fmt.Fprintf(b, "\n- version %s, document `%s`, first seen %s", text(v.Version), code(v.Digest), stamp(v.Seen))
	}
	for _, script := range s.Scripts {
		fmt.Fprintf(b, "\n- script `%s`", code(script))
	}
	for _, id := range r.Incident.Executions {
		fmt.Fprintf(b, "\n- told to stop: execution `%s`", code(id))
	}
	if r.Incident.More > 0 {
		fmt.Fprintf(b, "\n- and %d more executions", r.Incident.More)
	}
	for _, e := range s.Elsewhere {
		what, digest := "document", e.Digest
		if e.Script != "" {
			what, digest = "script", e.Script
		}
		fmt.Fprintf(b, "\n- elsewhere: %s has the same %s `%s`", text(e.Definition), what, code(digest))
	}
	for _, other := range s.Related {
		fmt.Fprintf(b, "\n- its %s %s/%s was %s at %s", text(other.Relation), text(other.Namespace), text(other.Name), text(other.State), stamp(other.At))
	}
	if len(s.Executions) == 0 {
		fmt.Fprintln(b, "\n- no execution of it is known to Temporal")
		return
	}
	fmt.Fprint(b, "\n\n| execution | definition | version | status | started | by |\n|---|---|---|---|---|---|\n")
	for _, e := range s.Executions {
		fmt.Fprintf(b, "| %s | %s | %s | %s | %s | %s |\n", text(e.ID), text(e.Definition), text(e.Version), text(e.Status), stamp(e.Started), text(e.By))
	}
}

func (r Report) writeViolations(b *strings.Builder) {
	if len(r.Violations) == 0 {
		return
	}
	fmt.Fprint(b, "\n## Violations\n\n| when | severity | type | what | times | action | task | id |\n|---|---|---|---|---|---|---|---|\n")
	for _, v := range r.Violations {
		fmt.Fprintf(b, "| %s | %s | %s | %s | %d | %s | %s | %s |\n",
			stamp(v.At), text(v.Severity), text(v.Type), text(strings.TrimSpace(v.Syscall+" "+v.Subject)), v.Count, text(v.Action), text(v.Task), text(v.ID))
	}
}

func stamp(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.UTC().Format("2006-01-02 15:04:05.000Z")
}

var markup = strings.NewReplacer(
	"\\", "\\\\", "|", "\\|", "`", "\\`", "<", "&lt;", ">", "&gt;", "*", "\\*", "_", "\\_", "[", "\\[", "]", "\\]", "&", "&amp;",
	"\n", " ", "\r", " ",
)

func text(s string) string { return markup.Replace(visible(s)) }

// code is for what stands between backquotes.
func code(s string) string { return strings.ReplaceAll(visible(s), "`", "'") }

// visible has no control characters: what a terminal would obey.
func visible(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' || r == 0x7f || r >= 0x80 && r < 0xa0 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
}

// Line is one incident in a list.
type Line struct {
	Definition string `json:"definition"`
	contract.LedgerIncident
}
