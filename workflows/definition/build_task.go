package definition

import (
	"slices"
	"strings"
)

// taskKinds are the properties that decide a task's kind, in the order in which
// findings name them.
var taskKinds = []string{"call", "do", "emit", "for", "fork", "listen", "raise", "run", "set", "switch", "try", "wait"}

// taskProperties are what every task may have.
var taskProperties = []string{"if", "input", "output", "export", "timeout", "then", "metadata"}

// kindsOf are the kinds that a task's properties name: one in a good document.
// The do of a for task is part of it.
func kindsOf(task cursor) []string {
	var kinds []string
	for _, kind := range taskKinds {
		if task.get(kind).exists() && (kind != "do" || !task.get("for").exists()) {
			kinds = append(kinds, kind)
		}
	}
	return kinds
}

// siblings are the tasks of one list, as flow directives see them.
type siblings struct {
	names   []string
	indexes map[string]int
	branch  bool // of a fork: they run at the same time, so none follows another
}

// taskList builds a list of named tasks.
func (c *checker) taskList(list cursor, v vars) TaskList {
	return c.tasks(list, v, false)
}

func (c *checker) tasks(list cursor, v vars, branches bool) TaskList {
	entries := c.entries(list)
	near := siblings{indexes: map[string]int{}, branch: branches}
	for i, entry := range entries {
		near.names = append(near.names, entry.name)
		if _, twice := near.indexes[entry.name]; twice {
			first := entries[near.indexes[entry.name]].at
			c.report(entry.cursor, "task.duplicate", "task %q stands twice in this list; first at line %d", preview(entry.name), first.Line)
			continue
		}
		near.indexes[entry.name] = i
		if _, word := directives[entry.name]; word {
			c.warn(entry.cursor, "task.name", "give it another name", "no then leads to task %q: the word is a flow directive", entry.name)
		}
	}
	tasks := make(TaskList, len(entries))
	for i, entry := range entries {
		tasks[i] = c.task(entry, near, v)
	}
	if !branches {
		c.checkReachable(entries, tasks)
	}
	return tasks
}

// entry is one item of a task list: a single-key object.
type entry struct {
	cursor
	name string
}

// entries are the well-formed items of a task list.
func (c *checker) entries(list cursor) []entry {
	var entries []entry
	for _, item := range list.items() {
		members := item.members()
		if len(members) != 1 || members[0].value.kind != objectNode {
			continue
		}
		entries = append(entries, entry{item.member(&members[0]), members[0].key})
	}
	return entries
}

// task builds one task: what all kinds share, then its body.
func (c *checker) task(e entry, near siblings, v vars) *Task {
	t := e.cursor
	c.checkSettings(t.get("metadata"))
	return &Task{
		Name:      e.name,
		Reference: t.ref,
		Position:  t.at,
		If:        c.expr(t.get("if"), v.inputScope()),
		Input:     c.input(t.get("input"), v.inputScope()),
		Output:    c.output(t.get("output"), v.outputScope()),
		Export:    c.export(t.get("export"), v.outputScope()),
		Timeout:   c.timeout(t.get("timeout"), v.definitionScope()),
		Then:      c.then(t.get("then"), near),
		Metadata:  t.get("metadata").object(),
		Raw:       t.object(),
		Body:      c.body(t, near, v),
	}
}

// body builds what the task does. It is nil where the schema has refused the
// task, and where this version does not run its kind.
func (c *checker) body(t cursor, near siblings, v vars) Body {
	kinds := kindsOf(t)
	if len(kinds) != 1 {
		return nil
	}
	if strings.HasPrefix(t.get("call").str(), libvirtPrefix) {
		return c.libvirtBody(t, v)
	}
	if call := t.get("call"); call.is(stringNode) && !protocols[call.str()] {
		return c.functionBody(t, v)
	}
	switch kinds[0] {
	case "do":
		return &Do{Tasks: c.taskList(t.get("do"), v)}
	case "set":
		return &Set{Value: c.template(t.get("set"), v.definitionScope())}
	case "wait":
		return &Wait{For: c.duration(t.get("wait"), v.definitionScope())}
	case "switch":
		return c.switchBody(t.get("switch"), near, v)
	case "for":
		return c.forBody(t, v)
	case "fork":
		return c.forkBody(t.get("fork"), v)
	case "try":
		return c.tryBody(t, near, v)
	case "raise":
		return &Raise{Error: c.raisedError(t.get("raise").get("error"), v.definitionScope())}
	case "call":
		return c.callBody(t, v)
	case "emit":
		return c.emitBody(t.get("emit").get("event").get("with"), v)
	case "listen":
		return c.listenBody(t, v)
	case "run":
		return c.runBody(t.get("run"), t.get("metadata"), v)
	default:
		c.refuseKind(t, kinds[0])
		return nil
	}
}

// directives are the words of a flow directive; any other is a task's name.
var directives = map[string]Directive{"continue": Continue, "exit": Exit, "end": End}

// then resolves a flow directive among the tasks of its own list.
func (c *checker) then(cur cursor, near siblings) Then {
	name := cur.str()
	if d, ok := directives[name]; ok || !cur.is(stringNode) {
		return Then{Directive: d}
	}
	if near.branch {
		c.reportHint(cur, "then.branch", "a branch ends with continue, exit or end",
			"then %q: the branches of a fork run at the same time, none follows another", preview(name))
		return Then{}
	}
	target, ok := near.indexes[name]
	if !ok {
		c.unknownTarget(cur, name, near)
		return Then{}
	}
	return Then{Directive: Goto, Target: target, Name: name}
}

func (c *checker) unknownTarget(cur cursor, name string, near siblings) {
	hint := didYouMean(name, slices.Concat([]string{"continue", "exit", "end"}, near.names[:min(len(near.names), maxCompared)]))
	if hint == "" && strings.TrimSpace(name) != name {
		hint = "remove the blanks around the name"
	}
	if strings.HasPrefix(name, "${") {
		hint = "a then is written out; a switch goes where conditions say"
	}
	if len(near.names) == 0 {
		c.reportHint(cur, "then.unknown", "a function ends with continue, exit or end", "then %q: a function is one task, none follows it", preview(name))
		return
	}
	c.reportHint(cur, "then.unknown", hint,
		"then %q is no task of this list; it has %s", preview(name), quotedList(near.names))
}
