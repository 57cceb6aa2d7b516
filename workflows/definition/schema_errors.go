package definition

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
)

// schemaFindings holds a tree against our schema and says what does not fit,
// in words for its author.
func schemaFindings(schema *jsonschema.Schema, root cursor) Findings {
	err := schema.Validate(root.raw)
	var invalid *jsonschema.ValidationError
	if !errors.As(err, &invalid) {
		return nil
	}
	t := &translator{root: root, unclear: map[string]bool{}}
	t.translate(invalid)
	t.dropFollowing()
	return t.findings
}

// translator turns a validator's tree of errors into findings.
type translator struct {
	root     cursor
	findings Findings
	unclear  map[string]bool // references of tasks and items that are told to be unclear
}

func (t *translator) translate(e *jsonschema.ValidationError) {
	cur := t.root.walk(e.InstanceLocation)
	rule := fragment(e.SchemaURL)
	switch k := e.ErrorKind.(type) {
	case *kind.OneOf:
		t.oneOf(cur, rule, k, e.Causes)
	case *kind.AnyOf:
		t.unexpected(cur, rule)
	case *kind.Pattern, *kind.Format:
		t.unexpected(cur, rule)
	case *kind.Type:
		t.wrongType(cur, k)
	case *kind.Enum:
		t.enum(cur, k)
	case *kind.Required:
		t.missing(cur, k.Missing)
	case *kind.DependentRequired:
		t.dependent(cur, k)
	case *kind.AdditionalProperties:
		t.unknown(cur, rule, k.Properties)
	case *kind.MaxProperties:
		t.tooMany(cur, rule)
	case *kind.MinProperties, *kind.MinItems, *kind.MinLength:
		t.add(cur, "schema.empty", "", "must not be empty")
	case *kind.FalseSchema:
		t.add(cur, "schema.not-allowed", "", "is not allowed here")
	case *kind.Minimum, *kind.Maximum:
		t.outOfRange(cur, rule)
	default:
		t.translateAll(e)
	}
}

// translateAll goes through the causes of an error that only groups them.
func (t *translator) translateAll(e *jsonschema.ValidationError) {
	if len(e.Causes) == 0 {
		cur := t.root.walk(e.InstanceLocation)
		t.add(cur, "schema.invalid", "", "does not fit the schema")
	}
	for _, cause := range e.Causes {
		t.translate(cause)
	}
}

// add reports at the place that names cur, with the path to it in front.
func (t *translator) add(cur cursor, rule, hint, format string, args ...any) {
	message := fmt.Sprintf(format, args...)
	if subject := t.subject(cur); subject != "" {
		message = subject + ": " + message
	}
	t.findings = append(t.findings, newFinding(cur, rule, hint, message))
}

func (t *translator) wrongType(cur cursor, k *kind.Type) {
	want := make([]string, len(k.Want))
	for i, name := range k.Want {
		want[i] = withArticle[name]
	}
	slices.Sort(want)
	hint := ""
	if cur.is(nullNode) && slices.Contains(k.Want, "object") {
		hint = "what belongs to it must be indented below it"
	}
	if cur.is(objectNode) && slices.Equal(k.Want, []string{"array"}) {
		hint = `begin each item with "- "`
	}
	if cur.is(numberNode) || cur.is(boolNode) {
		hint = scalarHint(cur, k.Want)
	}
	found := "null"
	if cur.exists() {
		found = cur.node.kind.String()
	}
	t.add(cur, "schema.type", hint, "expected %s, found %s", strings.Join(want, " or "), found)
}

var withArticle = map[string]string{
	"object": "an object", "array": "an array", "string": "a string", "number": "a number",
	"integer": "an integer", "boolean": "a boolean", "null": "null",
}

func (t *translator) enum(cur cursor, k *kind.Enum) {
	var want []string
	for _, value := range k.Want {
		want = append(want, fmt.Sprint(value))
	}
	t.add(cur, "schema.enum", didYouMean(cur.str(), want),
		"unknown value %q; expected %s", preview(cur.str()), strings.Join(want, ", "))
}

func (t *translator) missing(cur cursor, names []string) {
	for _, name := range names {
		t.add(cur, "schema.required", cmp.Or(misspelt(cur, name), outline(cur, name)), "missing property %q", name)
	}
}

// scalarHint is for a number or a boolean where a text belongs: one that YAML has read so,
// or a duration without its unit.
func scalarHint(cur cursor, want []string) string {
	switch {
	case slices.Equal(want, []string{"string"}):
		return "put it in quotes: '1.0' is a text, 1.0 a number"
	case cur.is(numberNode) && slices.Contains(want, "string") && slices.Contains(timed, lastToken(cur)):
		return "a duration has its unit: PT5S, or {seconds: 5}"
	}
	return ""
}

// timed are the properties that are durations.
var timed = []string{"wait", "after", "every", "delay", "from", "to", "duration", "for"}

// outline is a hint for a document that lacks a part which every one has.
func outline(cur cursor, missing string) string {
	switch {
	case cur.ref != "":
		return ""
	case cur.get("specVersion").exists() || cur.get("states").exists():
		return "this is version 0.8 of the language; lazaret runs 1.0, which has tasks below do and no states"
	case missing == "document":
		return "a definition begins with document: {dsl: 1.0.3, namespace: my, name: flow, version: 1.0.0}"
	case missing == "do":
		return "its tasks stand below do, each an item: - greet: {set: {text: Hello}}"
	}
	return ""
}

// misspelt is a hint where one of cur's own properties is nearly the missing one.
func misspelt(cur cursor, missing string) string {
	for _, name := range keys(cur) {
		if didYouMean(name, []string{missing}) != "" && strings.EqualFold(name, missing) {
			return fmt.Sprintf("%q is written %q", name, missing)
		}
	}
	return ""
}

func (t *translator) dependent(cur cursor, k *kind.DependentRequired) {
	t.add(cur.get(k.Prop), "schema.required", "", "needs %s beside it", quotedList(k.Missing))
}

func (t *translator) unknown(cur cursor, rule string, names []string) {
	known := keys(schemaNode(rule).get("properties"))
	for _, name := range names {
		at := cur
		at.at, at.ref = cur.get(name).at, cur.get(name).ref
		message := fmt.Sprintf("unknown property %q", preview(name))
		if subject := t.subject(cur); subject != "" {
			message = subject + ": " + message
		}
		hint := didYouMean(name, known)
		if hint == "" && len(known) > 0 && len(known) <= maxListed {
			hint = "there are " + quotedList(known)
		}
		t.findings = append(t.findings, newFinding(at, "schema.unknown-property", hint, message))
	}
}

// tooMany reports an object that may have one property only.
func (t *translator) tooMany(cur cursor, rule string) {
	names := keys(cur)
	second := cur.member(&cur.node.members[1])
	second.ref = cur.ref
	hint, message := "", fmt.Sprintf("%s cannot stand together", quotedList(names))
	if rule == "/$defs/taskList/items" {
		t.unclear[cur.ref] = true
		hint = "begin each task with \"- \", and indent what belongs to it below its name"
		message = fmt.Sprintf("a task list holds one task an item; this item has %s", quotedList(names))
	}
	if subject := t.subject(cur); subject != "" {
		message = subject + ": " + message
	}
	t.findings = append(t.findings, newFinding(second, "schema.single", hint, message))
}

// expectations say in words what a definition of our schema takes, for those
// whose pattern would not help an author.
var expectations = map[string]string{
	"label":           `letters, digits and hyphens, at most 63, no hyphen at either end`,
	"semanticVersion": `a version such as 1.0.0`,
	"duration":        `a duration such as PT15M, {seconds: 30} or ${ … }`,
	"expression":      `an expression in ${ … }`,
	"uriOrExpression": `a URI or an expression in ${ … }`,
	"uriTemplate":     `a URI`,
	"error":           `a JSON pointer such as /do/0/fetch or an expression in ${ … }`,
	"eventProperties": `a time such as 2026-01-31T12:00:00Z or an expression in ${ … }`,
	"grpcCall":        `a host name`,
	"oauth2Policy":    `a URI`,

	"stringsOrExpression": `an object of strings or an expression in ${ … }`,
}

var defName = regexp.MustCompile(`^/\$defs/([^/]+)`)

// unexpected reports a string that has the wrong form.
func (t *translator) unexpected(cur cursor, rule string) {
	expected := "another form"
	if match := defName.FindStringSubmatch(rule); match != nil && expectations[match[1]] != "" {
		expected = expectations[match[1]]
	}
	hint := ""
	if strings.Contains(rule, "semanticVersion") && !strings.Contains(cur.str(), ".") {
		hint = "a version has three numbers"
	}
	t.add(cur, "schema.format", hint, "expected %s, found %q", expected, preview(cur.str()))
}

func (t *translator) outOfRange(cur cursor, rule string) {
	s := schemaNode(rule)
	t.add(cur, "schema.range", "", "must be between %s and %s", s.get("minimum").node.text, s.get("maximum").node.text)
}

// subject is the path to cur in an author's words: task "x": catch.retry.
func (t *translator) subject(cur cursor) string {
	tokens := splitPointer(cur.ref)
	at, from, task := t.root, 0, ""
	for i, token := range tokens {
		inList := at.is(arrayNode) && i > 0 && taskLists[tokens[i-1]]
		at = at.step(token)
		if inList && len(at.members()) == 1 && i+1 < len(tokens) {
			task, from = tokens[i+1], i+2
		}
	}
	path := strings.Join(tokens[from:], ".")
	switch {
	case task == "":
		return path
	case path == "":
		return fmt.Sprintf("task %q", preview(task))
	default:
		return fmt.Sprintf("task %q: %s", preview(task), path)
	}
}

// taskLists are the properties that hold task lists.
var taskLists = map[string]bool{"do": true, "try": true, "branches": true, "before": true, "after": true}

// dropFollowing drops what is said about tasks and items that are unclear, but
// for that itself: no more can be known of them.
func (t *translator) dropFollowing() {
	t.findings = slices.DeleteFunc(t.findings, func(f Finding) bool {
		return t.unclear[f.Reference] && !saysUnclear[f.Rule] ||
			within(f.Reference, func(ref string) bool { return t.unclear[ref] })
	})
}

// saysUnclear are the rules of findings that make a task or item unclear.
var saysUnclear = map[string]bool{"task.kind": true, "task.kinds": true, "schema.single": true}

// fragment is the JSON pointer in a schema's URL.
func fragment(url string) string {
	_, pointer, _ := strings.Cut(url, "#")
	return pointer
}

// schemaTree is our schema as a tree, read when the first finding needs it.
var schemaTree = sync.OnceValue(func() cursor {
	root, _, _ := readJSON(newSource(string(schemaJSON)))
	return cursor{node: root, raw: root.value()}
})

// schemaNode is the part of our schema at a JSON pointer.
func schemaNode(pointer string) cursor {
	return schemaTree().walk(splitPointer(pointer))
}
