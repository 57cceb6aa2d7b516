package workflows

import (
	"fmt"
	"strings"

	"lazaret.dev/lazaret/activities/contract"
)

// maxDetails bounds the current details, in bytes: the UI shows 20 kB.
const maxDetails = 16 << 10

// marks are the signs before a task in the details.
var marks = map[string]string{
	pending: "·", running: "▶", completed: "✓", skipped: "–", faulted: "✗", cancelled: "■",
	contract.AwaitingApproval: "⏸", contract.NotReached: "·",
}

// markdown is the task tree with each task's state.
func (p *progress) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "**%s** %s\n\n", p.definition, p.status)
	if p.held != "" {
		fmt.Fprintf(&b, "> %s\n\n", markdownText(p.held))
	}
	if p.fault != nil {
		fmt.Fprintf(&b, "> %s\n\n", markdownText(p.fault.Error()))
	}
	for _, a := range p.approvals() {
		b.WriteString(approvalMarkdown(a))
	}
	for i, t := range p.tasks {
		if b.Len() > maxDetails {
			fmt.Fprintf(&b, "- … and %d more tasks\n", len(p.tasks)-i)
			break
		}
		fmt.Fprintf(&b, "%s- %s `%s` %s%s\n", strings.Repeat("  ", t.Depth), marks[t.Status], strings.ReplaceAll(t.Name, "`", "'"), t.Kind, counts(t))
	}
	return b.String()
}

// counts says how far a loop, a retry or a repeated task has come.
func counts(t contract.TaskState) string {
	var b strings.Builder
	if t.Items > 0 {
		fmt.Fprintf(&b, ", item %d of %d", t.Item, t.Items)
	}
	if t.Retry > 0 {
		fmt.Fprintf(&b, ", retry %d", t.Retry)
	}
	if t.Degraded != "" {
		fmt.Fprintf(&b, ", degraded: without %s", t.Degraded)
	}
	if t.Runs > 1 {
		fmt.Fprintf(&b, ", run %d", t.Runs)
	}
	return b.String()
}

// markdownText keeps text from the outside on one line and out of the markup.
func markdownText(text string) string {
	const limit = 500
	if len(text) > limit {
		text = strings.ToValidUTF8(text[:limit], "") + "…"
	}
	return strings.NewReplacer("\\", "\\\\", "\n", " ", "\r", " ", "<", "&lt;", "`", "'", "[", "\\[", "*", "\\*").Replace(text)
}
