package diagram

import (
	"fmt"
	"io"
	"strings"
)

// WriteMermaid writes the diagram as a Mermaid flowchart.
func (d *Diagram) WriteMermaid(w io.Writer) error {
	m := mermaid{}
	m.line(0, "---")
	m.line(0, "title: %s", quoted(d.Title))
	m.line(0, "---")
	m.line(0, "flowchart TD")
	m.line(1, "start([start])")
	m.line(1, "finish([end])")
	m.list(1, "root", &d.Root)
	m.between("start", d.Root)
	if _, err := io.WriteString(w, m.text.String()); err != nil {
		return fmt.Errorf("write diagram: %w", err)
	}
	return nil
}

// mermaid gathers the lines.
type mermaid struct{ text strings.Builder }

func (m *mermaid) line(depth int, format string, args ...any) {
	m.text.WriteString(strings.Repeat("  ", depth))
	fmt.Fprintf(&m.text, format, args...)
	m.text.WriteByte('\n')
}

// between joins the workflow's ends to its tasks.
func (m *mermaid) between(start string, root List) {
	if len(root.Nodes) == 0 {
		m.line(1, "%s --> finish", start)
		return
	}
	m.line(1, "%s --> %s", start, root.Nodes[0].ID)
	if last := len(root.Nodes) - 1; root.runsOut(last) {
		m.line(1, "%s --> finish", root.Nodes[last].ID)
	}
}

// list writes the nodes of a list and the arrows between them. Its end is the
// workflow's where its id is root.
func (m *mermaid) list(depth int, id string, l *List) {
	for _, n := range l.Nodes {
		m.node(depth, n)
	}
	exit := "finish"
	if id != "root" {
		exit = id + "exit"
		if l.leadsTo(Exit) {
			m.line(depth, "%s((exit))", exit)
		}
	}
	for _, a := range l.Arrows {
		to := exit
		switch {
		case a.To >= 0:
			to = l.Nodes[a.To].ID
		case a.To == End:
			to = "finish"
		}
		label := ""
		if a.Label != "" {
			label = "|" + quoted(a.Label) + "|"
		}
		m.line(depth, "%s -->%s %s", l.Nodes[a.From].ID, label, to)
	}
}

func (m *mermaid) node(depth int, n *Node) {
	if len(n.Lists) == 0 {
		open, end := shape(n.Kind)
		m.line(depth, "%s%s%s%s", n.ID, open, n.label(), end)
		return
	}
	m.line(depth, "subgraph %s [%s]", n.ID, n.label())
	for i := range n.Lists {
		l := &n.Lists[i]
		id := fmt.Sprintf("%sl%d", n.ID, i)
		switch {
		case len(n.Lists) > 1 || len(l.Nodes) == 0:
			m.line(depth+1, "subgraph %s [%s]", id, quoted(or(l.Label, n.Kind)))
			m.list(depth+2, id, l)
			if len(l.Nodes) == 0 {
				m.line(depth+2, "%snone[%s]", id, quoted("no task"))
			}
			m.line(depth+1, "end")
		default:
			m.list(depth+1, id, l)
		}
	}
	m.line(depth, "end")
}

// shape is how a task of that kind is drawn.
func shape(kind string) (open, end string) {
	switch kind {
	case "switch":
		return "{", "}"
	case "wait":
		return "{{", "}}"
	case "raise":
		return ">", "]"
	case "emit", "listen":
		return "([", "])"
	}
	return "[", "]"
}

// label is the node's text: its kind, its name, its note.
func (n *Node) label() string {
	text := n.Kind + ": " + short(n.Name)
	if n.Note != "" {
		return `"` + escape(text) + "<br/>" + escape(n.Note) + `"`
	}
	return quoted(text)
}

func quoted(text string) string { return `"` + escape(short(text)) + `"` }

// escape leaves nothing in a text that Mermaid reads as its own syntax, as
// Markdown or as HTML: whatever is no letter, digit or plain sign becomes a
// character code.
func escape(text string) string {
	var b strings.Builder
	for _, r := range text {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', strings.ContainsRune(" .,:/()-+=?!$…·", r), r > 0x2fff:
			b.WriteRune(r)
		default:
			fmt.Fprintf(&b, "#%d;", r)
		}
	}
	return b.String()
}

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

// leadsTo reports whether some arrow leads there.
func (l *List) leadsTo(to int) bool {
	for _, a := range l.Arrows {
		if a.To == to {
			return true
		}
	}
	return false
}

// runsOut reports whether the list may end after the node at i by itself.
func (l *List) runsOut(i int) bool {
	if l.Nodes[i].Kind == "raise" {
		return false
	}
	for _, a := range l.Arrows {
		if a.From == i && (a.Label == "" || a.Label == "else") {
			return false
		}
	}
	return true
}
