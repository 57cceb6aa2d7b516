package worker

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"lazaret.dev/lazaret/activities/audit"
	"lazaret.dev/lazaret/worker/markdown"
)

// operatorReport prints the machine, both lists and what the audit log has counted,
// for people to keep (C06).
func (a *app) operatorReport(ctx context.Context, level string, o *operator) error {
	m, err := a.examine(ctx, level)
	if err != nil {
		return err
	}
	deploy, periodic := o.answer(ctx, "deploy"), o.answer(ctx, "periodic")
	host, err := os.Hostname()
	if err != nil {
		host = "an unnamed machine"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "# lazaret on %s, %s\n\nVersion %s (%s)", markdown.Text(host), o.now.UTC().Format(time.DateOnly), a.build.Version, short(a.build.Commit))
	if o.policy != nil {
		fmt.Fprintf(&b, ", policy %s (%s)", markdown.Text(o.policy.File), short(o.policy.Digest))
	}
	b.WriteString(".\n")
	reportTable(&b, "Before it is put to use", deploy)
	reportTable(&b, "Again and again", periodic)
	a.reportAudit(&b, o)
	reportTable(&b, "The machine", m.all())
	if _, err := fmt.Fprint(a.stdout, b.String()); err != nil {
		return err
	}
	if err := m.verdict(); err != nil {
		return err
	}
	return listVerdict(slices.Concat(deploy, periodic))
}

func reportTable(b *strings.Builder, title string, all []diagnosis) {
	fmt.Fprintf(b, "\n## %s\n\n| | | |\n|---|---|---|\n", title)
	for _, d := range all {
		word, text := d.said()
		name := markdown.Text(d.Name)
		if d.Text != "" {
			name = markdown.Text(d.Text) + " (`" + markdown.Code(d.Name) + "`)"
		}
		if !d.OK && d.Remedy != "" {
			text += ". Remedy: " + d.Remedy
		}
		fmt.Fprintf(b, "| %s | %s | %s |\n", word, name, markdown.Text(text))
	}
}

// reported are the events that the report counts.
var reported = []audit.Kind{
	audit.Violation, audit.Quarantine, audit.Release, audit.Denied, audit.RateLimit, audit.Concurrent, audit.Unauth, audit.Incident, audit.Failure, audit.Script,
}

// reportAudit counts the log's lines since the oldest that counts.
func (a *app) reportAudit(b *strings.Builder, o *operator) {
	fmt.Fprintf(b, "\n## The audit log, the last %d days\n\n", int(o.maxAge.Hours()/24))
	dir, err := a.auditFolder()
	events, definitions := map[audit.Kind]int64{}, map[string]int64{}
	if err == nil {
		err = readAudit(dir, func(line audit.Line, _ []byte) error {
			if o.now.Sub(line.Time) > o.maxAge {
				return nil
			}
			events[line.Kind]++ // what Count counts differs by kind
			if line.Kind == audit.Violation {
				definitions[line.Namespace+"/"+line.Name]++
			}
			return nil
		})
	}
	if err != nil {
		fmt.Fprintf(b, "It cannot be read: %s\n", markdown.Text(err.Error()))
		return
	}
	b.WriteString("| event | times |\n|---|---|\n")
	for _, kind := range reported {
		fmt.Fprintf(b, "| %s | %d |\n", kind, events[kind])
	}
	if len(definitions) == 0 {
		return
	}
	names := slices.SortedFunc(maps.Keys(definitions), func(x, y string) int {
		if by := definitions[y] - definitions[x]; by != 0 {
			return int(by)
		}
		return strings.Compare(x, y)
	})
	b.WriteString("\n| definition | violations |\n|---|---|\n")
	for _, name := range names[:min(10, len(names))] {
		fmt.Fprintf(b, "| %s | %d |\n", markdown.Text(name), definitions[name])
	}
}
