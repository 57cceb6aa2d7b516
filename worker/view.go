package worker

import (
	"fmt"
	"io"
	"strings"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/workflows/definition"
)

// view shows a followed execution on stderr: a live task tree on a terminal,
// and elsewhere a line whenever a task changes its state.
type view interface {
	viewer
	close() // leaves what was shown; more calls do nothing
}

func (a *app) view(def *definition.Definition, id string) view {
	name := fmt.Sprintf("%s/%s:%s", def.Document.Namespace, def.Document.Name, def.Document.Version)
	if isTerminal(a.stderr) {
		return &treeView{out: a.stderr, title: name + "  " + id}
	}
	return &lineView{out: a.stderr, title: name, id: id, seen: map[string]contract.TaskState{}}
}

// lineView prints plain lines, for logs and pipes.
type lineView struct {
	out       io.Writer
	title, id string
	begun     bool
	seen      map[string]contract.TaskState
}

func (v *lineView) show(state contract.State) {
	if !v.begun {
		v.begun = true
		fmt.Fprintf(v.out, "running %s as %s\n", v.title, v.id)
	}
	for _, t := range state.Tasks {
		if t.Status != "pending" && t.Status != contract.NotReached && t != v.seen[t.Reference] {
			fmt.Fprintf(v.out, "%s %s %s%s\n", t.Status, t.Kind, t.Reference, progressOf(t))
		}
		v.seen[t.Reference] = t
	}
}

func (v *lineView) close() {}

// treeView redraws the task tree in place with ANSI cursor movement (ECMA-48).
type treeView struct {
	out   io.Writer
	title string
	drawn int // lines on the screen
}

var taskMarks = map[string]string{
	"pending": "·", "running": "\x1b[36m▶\x1b[0m", "completed": "\x1b[32m✓\x1b[0m",
	contract.AwaitingApproval: "\x1b[33m⏸\x1b[0m", contract.NotReached: "·",
	"skipped": "–", "faulted": "\x1b[31m✗\x1b[0m", "cancelled": "\x1b[33m■\x1b[0m",
}

// maxTree bounds the lines drawn: a tree longer than the screen cannot be redrawn in place.
const maxTree = 30

func (v *treeView) show(state contract.State) {
	var b strings.Builder
	if v.drawn > 0 {
		fmt.Fprintf(&b, "\x1b[%dA\x1b[J", v.drawn)
	}
	fmt.Fprintf(&b, "%s\n", v.title)
	tasks := state.Tasks
	if len(tasks) > maxTree {
		tasks = tasks[:maxTree]
	}
	for _, t := range tasks {
		fmt.Fprintf(&b, "%s%s %s \x1b[2m%s\x1b[0m%s\n", strings.Repeat("  ", t.Depth), taskMarks[t.Status], t.Name, t.Kind, progressOf(t))
	}
	v.drawn = len(tasks) + 1
	_, _ = io.WriteString(v.out, b.String()) // a lost drawing is drawn again
}

func (v *treeView) close() {}

// progressOf says how far a loop or a retry has come.
func progressOf(t contract.TaskState) string {
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
	return b.String()
}
