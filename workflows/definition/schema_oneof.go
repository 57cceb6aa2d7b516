package definition

import (
	"fmt"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
)

// oneOf reports a choice of which no arm, or more than one, fits.
func (t *translator) oneOf(cur cursor, rule string, k *kind.OneOf, causes []*jsonschema.ValidationError) {
	if rule == "/$defs/task" {
		t.taskKind(cur)
		return
	}
	if len(k.Subschemas) > 0 {
		t.add(cur, "schema.choice", "", "%s cannot stand together", strings.Join(armNames(cur, rule), " and "))
		return
	}
	if arms := present(cur, causes); len(arms) > 0 {
		for _, arm := range arms {
			t.translate(arm)
		}
		return
	}
	t.add(cur, "schema.required", "", "needs one of %s", quotedList(choices(rule)))
}

// present are the causes of arms whose required properties are there.
func present(cur cursor, causes []*jsonschema.ValidationError) []*jsonschema.ValidationError {
	var arms []*jsonschema.ValidationError
	for _, cause := range causes {
		if !lacksProperty(cur, cause) {
			arms = append(arms, cause)
		}
	}
	return arms
}

func lacksProperty(cur cursor, e *jsonschema.ValidationError) bool {
	if _, missing := e.ErrorKind.(*kind.Required); missing && jsonPointer(e.InstanceLocation) == cur.ref {
		return true
	}
	for _, cause := range e.Causes {
		if lacksProperty(cur, cause) {
			return true
		}
	}
	return false
}

func jsonPointer(tokens []string) string {
	var b strings.Builder
	for _, token := range tokens {
		b.WriteString("/" + escapePointer(token))
	}
	return b.String()
}

// choices are the properties that the arms of a oneOf require.
func choices(rule string) []string {
	var names []string
	for _, arm := range schemaNode(rule).get("oneOf").items() {
		for _, name := range arm.get("required").items() {
			names = append(names, name.str())
		}
	}
	return names
}

// armNames are the choices that cur has, quoted.
func armNames(cur cursor, rule string) []string {
	var names []string
	for _, name := range choices(rule) {
		if cur.get(name).exists() {
			names = append(names, fmt.Sprintf("%q", name))
		}
	}
	return names
}

// taskKind reports a task of no kind or of several.
func (t *translator) taskKind(cur cursor) {
	t.unclear[cur.ref] = true
	name := "function" // the document of one
	if tokens := splitPointer(cur.ref); len(tokens) > 0 {
		name = preview(tokens[len(tokens)-1])
	}
	if kinds := kindsOf(cur); len(kinds) > 1 {
		at, hint := lastOf(cur, kinds), "give each task an item of its own"
		if kinds[0] == "for" && !cur.get("do").exists() {
			hint = "what a for repeats stands below its do: {for: {in: .items}, do: [{name: {set: …}}]}"
		}
		t.findings = append(t.findings, newFinding(at, "task.kinds", hint,
			fmt.Sprintf("task %q has %s kinds: %s", name, counted(len(kinds)), strings.Join(kinds, " and "))))
		return
	}
	for _, key := range keys(cur) {
		if contains(taskProperties, key) || attachments[key] {
			continue
		}
		at := cur.get(key)
		at.ref = cur.ref
		hint := didYouMean(key, taskKinds)
		if hint == "" {
			hint = "the kinds are " + strings.Join(taskKinds, ", ")
		}
		t.findings = append(t.findings, newFinding(at, "task.kind", hint,
			fmt.Sprintf("task %q: unknown task kind %q", name, preview(key))))
		return
	}
	t.findings = append(t.findings, newFinding(cur, "task.kind", "",
		fmt.Sprintf("task %q has no kind: it needs one of %s", name, strings.Join(taskKinds, ", "))))
}

// lastOf is the place of the last written of cur's kinds.
func lastOf(cur cursor, kinds []string) cursor {
	last := cur
	for _, key := range keys(cur) {
		if contains(kinds, key) {
			last.at = cur.get(key).at
		}
	}
	return last
}

// attachments are properties of a kind that do not decide it.
var attachments = map[string]bool{"with": true, "while": true, "catch": true, "foreach": true}

func counted(n int) string {
	if n == 2 {
		return "two"
	}
	return fmt.Sprint(n)
}
