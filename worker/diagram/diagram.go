package diagram

import (
	"fmt"

	"lazaret.dev/lazaret/workflows/definition"
)

// Diagram is what a picture shows of a definition.
type Diagram struct {
	Title string
	Root  List
}

// List is a task list: one task below the other, or side by side where they
// run at the same time.
type List struct {
	Label    string // what the list is to its task: "catch", "" for its main one
	Parallel bool
	Nodes    []*Node
	Arrows   []Arrow // between its nodes
}

// Node is a task.
type Node struct {
	ID    string // unique in the diagram: t1, t2 …
	Kind  string // set, run.script …
	Name  string
	Note  string // what matters of it: a condition, a duration
	Lists []List
}

// Arrow is one way that the flow may take from a node of a list.
type Arrow struct {
	From  int    // index of the node
	To    int    // index of the node in the same list, or Exit or End
	Label string // when it is taken; "" is always
}

// Where an arrow leads that does not end at a task of its list.
const (
	Exit = -1 // the end of the list
	End  = -2 // the end of the workflow
)

// New is the diagram of a definition.
func New(def *definition.Definition) *Diagram {
	b := builder{}
	doc := def.Document
	return &Diagram{
		Title: fmt.Sprintf("%s/%s:%s", doc.Namespace, doc.Name, doc.Version),
		Root:  b.list("", def.Do, false),
	}
}

// builder counts the nodes.
type builder struct{ nodes int }

func (b *builder) list(label string, tasks definition.TaskList, parallel bool) List {
	l := List{Label: label, Parallel: parallel}
	for _, t := range tasks {
		l.Nodes = append(l.Nodes, b.node(t))
	}
	for i, t := range tasks {
		l.Arrows = append(l.Arrows, arrows(t, i, len(tasks), parallel)...)
	}
	return l
}

func (b *builder) node(t *definition.Task) *Node {
	b.nodes++
	n := &Node{ID: fmt.Sprintf("t%d", b.nodes), Kind: t.Kind(), Name: t.Name, Note: note(t)}
	switch body := t.Body.(type) {
	case *definition.Try:
		n.Lists = append(n.Lists, b.list("", body.Tasks, false))
		if len(body.Catch.Do) > 0 {
			n.Lists = append(n.Lists, b.list("catch", body.Catch.Do, false))
		}
	case *definition.Fork:
		n.Lists = append(n.Lists, b.list("", body.Branches, true))
	default:
		for _, tasks := range t.Lists() {
			n.Lists = append(n.Lists, b.list("", tasks, false))
		}
	}
	return n
}

// arrows are the ways on from the task at i of n.
func arrows(t *definition.Task, i, n int, parallel bool) []Arrow {
	to := func(then definition.Then, label string) []Arrow {
		switch {
		case then.Directive == definition.End:
			return []Arrow{{i, End, label}}
		case then.Directive == definition.Exit:
			return []Arrow{{i, Exit, label}}
		case then.Directive == definition.Goto:
			return []Arrow{{i, then.Target, label}}
		case parallel || i+1 == n:
			return nil // the list ends here
		}
		return []Arrow{{i, i + 1, label}}
	}
	var all []Arrow
	own := "" // when the task's own then counts
	switch body := t.Body.(type) {
	case *definition.Switch:
		own = "else"
		for _, c := range body.Cases {
			label := "else"
			if c.When != nil {
				label = c.Name
			} else {
				own = ""
			}
			all = append(all, to(c.Then, label)...)
		}
		if own == "" {
			return all
		}
	case *definition.Raise:
		return nil
	case *definition.Try:
		if then := body.Catch.Then; then != nil {
			all = append(all, to(*then, "caught")...)
		}
	default:
	}
	if t.If != nil && t.Then.Directive != definition.Continue {
		all = append(all, to(definition.Then{}, "skipped")...)
	}
	return append(all, to(t.Then, own)...)
}
